import { EventEmitter, once } from 'node:events'
import { expect } from 'chai'
import { createLastUsed, type TokenUse } from '../../src/auth/last-used.ts'
import { newId, type ConnectionId, type OrgId, type TokenId } from '../../src/domain/ids.ts'

const orgId = newId<OrgId>(1)
const connectionId = newId<ConnectionId>(1)
const use = (tokenId: string, at: number): TokenUse => ({ orgId, connectionId, tokenId: tokenId as TokenId, at })

describe('when tokens were last used', () => {
  it('is kept in memory and handed over once a token, the latest use', async () => {
    const stored: (readonly TokenUse[])[] = []
    const lastUsed = createLastUsed({ onUsed: async (uses) => void stored.push(uses), onError: () => undefined })
    for (const at of [1, 3, 2]) lastUsed.note(use('a', at))
    lastUsed.note(use('b', 1))
    await lastUsed.flush()
    await lastUsed.flush()
    expect(stored).to.deep.equal([[use('a', 3), use('b', 1)]])
    lastUsed.note(use('a', 4))
    await lastUsed.stop()
    expect(stored[1]).to.deep.equal([use('a', 4)])
  })

  it('is handed over by a timer, and kept for the next time when the store is out', async () => {
    const events = new EventEmitter()
    let out = true
    const lastUsed = createLastUsed({
      interval: 10,
      onError: (error) => events.emit('failed', error),
      onUsed: async (uses) => {
        if (out) throw new Error('down')
        events.emit('stored', uses)
      },
    })
    const failed = once(events, 'failed')
    lastUsed.note(use('a', 1))
    expect(String((await failed)[0])).to.include('down')
    const stored = once(events, 'stored')
    out = false
    expect((await stored)[0]).to.deep.equal([use('a', 1)])
    await lastUsed.stop()
  })

  it('does not lose a later use to a failed flush', async () => {
    let finish: (() => void) | undefined
    const attempts: (readonly TokenUse[])[] = []
    const lastUsed = createLastUsed({
      onError: () => undefined,
      onUsed: async (uses) => {
        attempts.push(uses)
        if (attempts.length > 1) return
        await new Promise<void>((resolve) => (finish = resolve))
        throw new Error('down')
      },
    })
    lastUsed.note(use('a', 1))
    const flushed = lastUsed.flush().catch((error: unknown) => String(error))
    lastUsed.note(use('a', 2))
    finish?.()
    expect(await flushed).to.include('down')
    await lastUsed.stop()
    expect(attempts[1]).to.deep.equal([use('a', 2)])
  })
})
