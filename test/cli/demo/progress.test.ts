import { expect } from 'chai'
import { streamProgress } from '../../../src/cli/demo/progress.ts'

describe('demo progress', () => {
  function write(isTTY: boolean, total: number, times: readonly number[]): string[] {
    const written: string[] = []
    let now = 0
    const stream = { isTTY, columns: 80, write: (text: string) => written.push(text) }
    const progress = streamProgress(stream, () => now)
    progress.begin(total)
    for (const time of times) {
      now = time
      progress.advance('push people')
    }
    progress.end()
    return written
  }

  it('writes a line each 10 % where there is no terminal', () => {
    const lines = write(
      false,
      40,
      Array.from({ length: 40 }, (_, index) => (index + 1) * 100),
    )
    expect(lines).to.have.length(10)
    expect(lines[0]).to.equal('10 % 4/40 10/s push people\n')
    expect(lines.at(-1)).to.equal('100 % 40/40 10/s push people\n')
  })

  it('draws one line anew on a terminal, at most ten times a second, and ends it', () => {
    const drawn = write(
      true,
      100,
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
    expect(drawn.length).to.be.lessThan(6)
    expect(drawn.every((text) => text === '\n' || text.startsWith('\r\u001b[K['))).to.equal(true)
    expect(drawn.at(-2)).to.contain(`[${'#'.repeat(30)}] 100/100 1000/s push people`)
    expect(drawn.at(-1)).to.equal('\n')
  })

  it('ends well with nothing to do', () => {
    expect(write(false, 0, [])).to.deep.equal([])
    expect(write(true, 0, []).at(-1)).to.equal('\n')
  })
})
