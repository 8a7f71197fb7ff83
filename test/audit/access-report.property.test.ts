import { expect } from 'chai'
import fc from 'fast-check'
import { heldPages } from '../../src/audit/access-report.ts'
import type { AccessPeriod, HistorySubject } from '../../src/domain/history-ports.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import type { StoredRecord } from '../../src/domain/ports.ts'
import type { RecordEffect } from '../../src/domain/record.ts'
import type { User } from '../../src/domain/user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { Played, step } from '../support/played.ts'
import { foundTenant } from '../support/tenant.ts'
import { troublesOf } from '../system/beside.ts'

const PEOPLE = 5
/** Histories, and the steps of each: `ROLLCALL_HISTORIES=500x200` is the long run. */
const [RUNS = 25, STEPS = 30] = (process.env['ROLLCALL_HISTORIES'] ?? '').split('x').filter(Boolean).map(Number)

type State = ReadonlyMap<string, string>

/** Adds what a record did to what was held before it. */
function played(state: State, { body }: StoredRecord): State {
  const { effects = [] } = JSON.parse(body) as { readonly effects?: readonly RecordEffect[] }
  const next = new Map(state)
  for (const { people, kind, target, new: value } of effects) {
    for (const person of people) {
      if (value === null) next.delete(`${person} ${kind} ${target}`)
      else next.set(`${person} ${kind} ${target}`, value)
    }
  }
  return next
}

function sorted(state: Iterable<readonly [string, string]>): readonly (readonly [string, string])[] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1))
}

forEachDialect('access at an instant', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  async function held(orgId: OrgId, seq: number, of: HistorySubject): Promise<readonly AccessPeriod[]> {
    const found: AccessPeriod[] = []
    for await (const page of heldPages(test.store.reads.history, orgId, seq, of)) found.push(...page)
    return found
  }

  const keyed = (periods: readonly AccessPeriod[]) =>
    sorted(periods.map(({ user, kind, target, value }) => [`${user} ${kind} ${target}`, value] as const))

  it('equals the log replayed to that instant, for the org, each person and each team, and in the end the tables (C03, R24)', async function () {
    this.timeout(Math.max(170_000, RUNS * STEPS * 100))
    await fc.assert(
      // By its default size fast-check makes lists no longer than 30, however long they may be.
      fc.asyncProperty(
        fc.array(step, { minLength: Math.min(10, STEPS), maxLength: STEPS, size: 'max' }),
        async (steps) => {
          const tenant = await foundTenant(test)
          const { orgId } = tenant
          const people: User[] = []
          for (let n = 0; n < PEOPLE; n++) people.push(await tenant.user(`p${n}`))
          const player = new Played(tenant, people)
          for (const one of steps) await player.take(one)
          await tenant.jobs()
          const { history, records } = test.store.reads
          const all = await records.tail(orgId, 10_000)
          let state: State = new Map()
          for (const record of all) {
            state = played(state, record)
            const now = await held(orgId, record.seq, { everybody: true })
            expect(keyed(now), `after record ${record.seq}, ${record.action}`).to.deep.equal(sorted(state))
            await partsAgree(orgId, record.seq, now)
            const last = all.filter(({ time }) => time <= record.time).at(-1)!
            expect(await history.seqAt(orgId, record.time)).to.equal(last.seq)
          }
          expect(await history.seqAt(orgId, all[0]!.time - 1)).to.equal(0)
          expect(await held(orgId, 0, { everybody: true })).to.deep.equal([])
          expect(await troublesOf(test, orgId)).to.deep.equal([])
        },
      ),
      { numRuns: dialect === 'sqlite' ? RUNS : Math.ceil(RUNS / 5), interruptAfterTimeLimit: RUNS * STEPS * 90 },
    )
  })

  async function partsAgree(orgId: OrgId, seq: number, whole: readonly AccessPeriod[]): Promise<void> {
    const { user, target } = whole[seq % Math.max(1, whole.length)] ?? {}
    if (user === undefined) return
    expect(await held(orgId, seq, { user })).to.deep.equal(whole.filter((one) => one.user === user))
    const team = whole.find((one) => one.kind === 'team' && (target === '' || one.target === target))?.target
    if (team === undefined) return
    const inTeam = whole.filter((one) => one.kind === 'team' && one.target === team)
    expect(keyed(await held(orgId, seq, { team: team as never }))).to.deep.equal(keyed(inTeam))
  }
})
