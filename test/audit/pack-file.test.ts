import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { writePackFile } from '../../src/audit/pack-file.ts'

describe('the file of an evidence pack', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-pack-file-'))
  const file = join(folder, 'pack.zip')

  after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(() => {
    rmSync(file, { force: true })
  })

  const failed = (pack: Readable): Promise<Error> =>
    writePackFile(file, () => Promise.resolve(pack)).then(
      () => new Error('written'),
      (error: unknown) => error as Error,
    )

  it('is for its owner alone', async () => {
    await writePackFile(file, () => Promise.resolve(Readable.from(['pack'])))
    expect(readFileSync(file, 'utf8')).to.equal('pack')
    expect(statSync(file).mode & 0o777).to.equal(0o600)
  })

  it('is taken away again where it could not be written whole', async () => {
    const broken = Readable.from(
      (function* () {
        yield 'half'
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
      })(),
    )
    const error = await failed(broken)
    expect(error.message).to.equal(`The pack ${file} cannot be written: its disk is full`)
    expect(existsSync(file)).to.equal(false)
  })

  it('leaves what is there as it is', async () => {
    writeFileSync(file, 'evidence')
    expect((await failed(Readable.from(['pack']))).message).to.include('it is there already')
    expect(readFileSync(file, 'utf8')).to.equal('evidence')
  })

  it('says what went wrong with the pack itself in its own words', async () => {
    const error = await failed(
      Readable.from(
        (function* (): Generator<string> {
          yield 'half'
          throw new Error('the store is gone')
        })(),
      ),
    )
    expect(error.message).to.equal('the store is gone')
    expect(existsSync(file)).to.equal(false)
  })
})
