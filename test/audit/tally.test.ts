import { expect } from 'chai'
import fc from 'fast-check'
import { createTally, type DueDraft } from '../../src/audit/tally.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { Connection } from '../../src/domain/connection.ts'
import type { ConnectionId, OrgId, TokenId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { GENESIS, NOW, ORG, sealer } from './chains.ts'

const MINUTE = 60_000
const OTHER_ORG = '0190a5f0-0000-7000-8000-000000000002' as OrgId

function connection(id: string, orgId: OrgId): Connection {
  return {
    orgId,
    id: id as ConnectionId,
    name: id,
    kind: 'idp',
    status: 'active',
    mayGrantAdmin: false,
    scopes: ['users', 'groups'],
    version: 1,
    created: 0,
  }
}

function caller(id: string, requestId: string, orgId: OrgId = ORG): Caller {
  return {
    orgId,
    actor: { type: 'idp', id, connectionId: id, tokenId: `token-of-${requestId}` as TokenId },
    connection: connection(id, orgId),
    request: { id: requestId, receivedAt: NOW, started: 0 },
  }
}

function cli(requestId: string): Caller {
  return {
    orgId: ORG,
    actor: { type: 'cli' },
    connection: undefined,
    request: { id: requestId, receivedAt: NOW, started: 0 },
  }
}

function paramsOf(due: DueDraft | undefined): JsonObject {
  return due?.draft.outcome.params ?? {}
}

/** A tally with a clock that the test moves. */
function clocked() {
  const clock = { now: NOW }
  return { clock, tally: createTally({ now: () => clock.now }) }
}

describe('the tally of requests that changed nothing', () => {
  it('makes one record per connection and 10 minutes, with counts and the first and last request (src/audit/tally.ts)', () => {
    const { clock, tally } = clocked()
    tally.noop(caller('c-1', 'r-1'), 'user.update', 'u-1')
    clock.now += 1000
    tally.noop(caller('c-1', 'r-2'), 'user.update', 'u-2')
    clock.now += 1000
    tally.noop(caller('c-1', 'r-3'), 'group.update', 'u-1')
    expect(tally.due(NOW + 10 * MINUTE - 1)).to.deep.equal([])
    expect(tally.due(NOW + 10 * MINUTE)).to.deep.equal([
      {
        orgId: ORG,
        draft: {
          action: 'sync.noop',
          actor: { type: 'idp', id: 'c-1', connectionId: 'c-1' },
          outcome: {
            result: 'noop',
            params: {
              count: 3,
              distinctTargets: 2,
              firstAt: '2026-01-01T00:00:00.123Z',
              firstRequestId: 'r-1',
              kinds: [
                { action: 'user.update', count: 2 },
                { action: 'group.update', count: 1 },
              ],
              lastAt: '2026-01-01T00:00:02.123Z',
              lastRequestId: 'r-3',
            },
          },
          targets: [],
        },
      },
    ])
    expect(tally.due(NOW + 60 * MINUTE)).to.deep.equal([])
  })

  it('loses and doubles no count over any order of calls, connections and orgs (src/audit/tally.ts)', () => {
    const step = fc.record({
      id: fc.constantFrom('c-1', 'c-2'),
      org: fc.constantFrom(ORG, OTHER_ORG),
      wait: fc.nat(MINUTE * 4),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, tally } = clocked()
        const taken: DueDraft[] = []
        for (const { id, org, wait } of steps) {
          clock.now += wait
          tally.noop(caller(id, 'r', org), 'user.update', 'u')
          taken.push(...tally.due(clock.now))
        }
        taken.push(...tally.drain())
        for (const org of [ORG, OTHER_ORG]) {
          for (const id of ['c-1', 'c-2']) {
            const its = taken.filter(({ orgId, draft }) => orgId === org && draft.actor.connectionId === id)
            const count = its.reduce((sum, due) => sum + Number(paramsOf(due)['count']), 0)
            expect(count).to.equal(steps.filter((one) => one.id === id && one.org === org).length)
          }
        }
        expect(tally.drain()).to.deep.equal([])
      }),
    )
  })

  it('counts callers without a connection by their actor (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    tally.noop(cli('r-1'), 'org.update', 'o')
    tally.noop(cli('r-2'), 'org.update', 'o')
    const drafts = tally.drain()
    expect(drafts.map(({ draft }) => draft.actor)).to.deep.equal([{ type: 'cli' }])
    expect(paramsOf(drafts[0])['count']).to.equal(2)
  })

  it('says so when there were more distinct targets than it holds (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    for (let i = 0; i < 200_005; i++) tally.noop(caller('c-1', 'r'), 'user.update', `u-${i}`)
    tally.noop(caller('c-2', 'r'), 'user.update', 'u-1')
    const [first, second] = tally.drain()
    expect(paramsOf(first)).to.include({ count: 200_005, distinctTargets: 200_000, distinctTargetsCapped: true })
    expect(paramsOf(second)).to.include({ count: 1, distinctTargets: 0, distinctTargetsCapped: true })
    tally.noop(caller('c-1', 'r'), 'user.update', 'u-1')
    expect(paramsOf(tally.drain()[0]))
      .to.include({ distinctTargets: 1 })
      .and.not.to.have.property('distinctTargetsCapped')
  })

  it('counts what is beyond 10,000 connections in the system org, as one record (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    for (let i = 0; i < 10_003; i++) tally.noop(caller(`c-${i}`, 'r'), 'user.update', 'u')
    const drafts = tally.drain()
    expect(drafts.length).to.equal(10_001)
    expect(drafts.at(-1)).to.deep.equal({
      orgId: '_system',
      draft: {
        action: 'tally.overflow',
        actor: { type: 'system' },
        outcome: { result: 'noop', params: { count: 3 } },
        targets: [],
      },
    })
  })
})

describe('the tally of repeated refusals', () => {
  it('lets the first be recorded and counts the same within an hour (src/audit/tally.ts)', () => {
    const { clock, tally } = clocked()
    const refuse = (requestId: string) =>
      tally.repeated(caller('c-1', requestId), 'user.create', 'ada', 'user.name-taken')
    expect(refuse('r-1')).to.equal(false)
    expect(tally.drain()).to.deep.equal([])
    clock.now += 30 * MINUTE
    expect([refuse('r-2'), refuse('r-3')]).to.deep.equal([true, true])
    const [due, ...rest] = tally.due(clock.now + 10 * MINUTE)
    expect(rest).to.deep.equal([])
    expect(due?.draft).to.deep.include({ action: 'user.repeated', targets: [] })
    expect(due?.draft.outcome.result).to.equal('refused')
    expect(paramsOf(due)).to.deep.include({
      count: 2,
      distinctTargets: 1,
      firstRequestId: 'r-2',
      lastRequestId: 'r-3',
      kinds: [{ action: 'user.create', reason: 'user.name-taken', count: 2 }],
    })
    clock.now = NOW + 60 * MINUTE - 1
    expect(refuse('r-4')).to.equal(true)
    clock.now = NOW + 60 * MINUTE
    expect([refuse('r-5'), refuse('r-6')]).to.deep.equal([false, true])
  })

  it('takes another connection, org, action, target or reason for another refusal (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    expect(tally.repeated(caller('c-1', 'r'), 'user.create', 'a', 'x')).to.equal(false)
    expect(tally.repeated(caller('c-2', 'r'), 'user.create', 'a', 'x')).to.equal(false)
    expect(tally.repeated(caller('c-1', 'r', OTHER_ORG), 'user.create', 'a', 'x')).to.equal(false)
    expect(tally.repeated(caller('c-1', 'r'), 'user.update', 'a', 'x')).to.equal(false)
    expect(tally.repeated(caller('c-1', 'r'), 'user.create', 'b', 'x')).to.equal(false)
    expect(tally.repeated(caller('c-1', 'r'), 'user.create', 'a', 'y')).to.equal(false)
    expect(tally.repeated(caller('c-1', 'r'), 'user.create', 'a', 'x')).to.equal(true)
  })

  it('has the refusal recorded next time when its record could not be written (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    tally.repeated(caller('c-1', 'r'), 'user.create', 'a', 'x')
    tally.forget(caller('c-1', 'r'), 'user.create', 'a', 'x')
    expect(tally.repeated(caller('c-1', 'r'), 'user.create', 'a', 'x')).to.equal(false)
  })

  it('records rather than forgets when 10,000 refusals are remembered (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    const round = () =>
      Array.from({ length: 10_005 }, (_, i) => tally.repeated(caller('c-1', 'r'), 'user.create', `u-${i}`, 'x'))
    expect(round().filter(Boolean).length).to.equal(0)
    expect(round().filter(Boolean).length).to.equal(10_000)
  })

  it('never puts the target of a refusal into a record: it may be a name (src/audit/tally.ts)', () => {
    const { tally } = clocked()
    for (let i = 0; i < 3; i++) tally.repeated(caller('c-1', 'r'), 'user.create', 'ada@x.example', 'user.name-taken')
    const [due] = tally.drain()
    const record = sealer().seal(ORG, due!.draft, GENESIS, NOW, new Map())
    expect(record.body).to.contain('"count":2').and.not.to.contain('ada@x.example')
  })
})
