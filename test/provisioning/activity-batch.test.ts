import { expect } from 'chai'
import { DAY_MS, type Deed, nextStart, type PersonDay, startOf } from '../../src/domain/activity.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { newId, type OrgId, type UserId } from '../../src/domain/ids.ts'
import { type ActivityBatchOptions, createActivityBatch } from '../../src/provisioning/activity-batch.ts'

const orgId = newId<OrgId>(1)
const ada = newId<UserId>(1)
const grace = newId<UserId>(2)
const deed = (user: UserId, kind: Deed['kind'], at: number, count = 1): Deed => ({ orgId, user, kind, at, count })

function batchInto(saved: PersonDay[], more: Partial<ActivityBatchOptions> = {}) {
  const save = async (days: readonly PersonDay[]): Promise<void> => void saved.push(...days)
  return createActivityBatch({ save, onError: () => undefined, interval: 3_600_000, ...more })
}

describe('what people do, before it is written', () => {
  it('is added up by person and day, and written once', async () => {
    const saved: PersonDay[] = []
    const batch = batchInto(saved)
    batch.report([deed(ada, 'run', 10, 3), deed(ada, 'run', 5), deed(ada, 'view', DAY_MS), deed(grace, 'report', 7)])
    batch.note(deed(ada, 'signIn', 4))
    await Promise.all([batch.flush(), batch.flush()])
    const none = { signIn: 0, view: 0, run: 0, report: 0, api: 0 }
    expect(saved).to.have.deep.members([
      { orgId, user: ada, day: 0, counts: { ...none, run: 4, signIn: 1 }, last: 10, lastSignIn: 4 },
      { orgId, user: ada, day: 1, counts: { ...none, view: 1 }, last: DAY_MS, lastSignIn: 0 },
      { orgId, user: grace, day: 0, counts: { ...none, report: 1 }, last: 7, lastSignIn: 0 },
    ])
    batch.note(deed(grace, 'api', 8))
    await batch.stop()
    expect(saved.at(-1)).to.deep.include({ user: grace, counts: { ...none, api: 1 } })
  })

  it('is kept while the store is out, together with what is done meanwhile, and lost to nobody', async () => {
    const saved: PersonDay[] = []
    let out = true
    const batch = batchInto(saved, {
      save: async (days) => {
        if (out) throw new Error('out')
        saved.push(...days)
      },
    })
    const people = Array.from({ length: 1_201 }, (_, n) => newId<UserId>(n))
    batch.report(people.map((user) => deed(user, 'run', 1)))
    const failed = await batch.flush().catch((error: unknown) => error)
    expect(failed).to.be.instanceOf(Error)
    batch.report([deed(people[0]!, 'run', 2)])
    out = false
    await batch.stop()
    expect(saved.reduce((sum, { counts }) => sum + counts.run, 0)).to.equal(1_202)
    expect(saved).to.have.length(1_201)
  })

  it('is refused with 503 when no more of it can be kept, whole or not at all', async () => {
    const saved: PersonDay[] = []
    const batch = batchInto(saved, { most: 2 })
    batch.report([deed(ada, 'run', 1)])
    expect(() => batch.report([deed(grace, 'run', 1), deed(grace, 'run', DAY_MS)]))
      .to.throw(DomainError)
      .that.includes({ code: 'unavailable', retryAfter: 30 })
    batch.note(deed(grace, 'view', 1))
    batch.note(deed(grace, 'view', DAY_MS))
    await batch.stop()
    expect(saved.map(({ user, counts }) => [user, counts.run, counts.view])).to.deep.equal([
      [ada, 1, 0],
      [grace, 0, 1],
    ])
  })

  it('falls into weeks that begin on Monday, and into months', () => {
    const day = (text: string): number => Date.parse(text) / DAY_MS
    expect(startOf('week', day('2026-11-22'))).to.equal(day('2026-11-16'))
    expect(startOf('week', day('2026-11-23'))).to.equal(day('2026-11-23'))
    expect(startOf('week', 0)).to.equal(day('1969-12-29'))
    expect(startOf('month', day('2024-02-29'))).to.equal(day('2024-02-01'))
    expect(nextStart('month', day('2024-01-01'))).to.equal(day('2024-02-01'))
    expect(nextStart('month', day('2024-02-01'))).to.equal(day('2024-03-01'))
    expect(nextStart('week', day('2026-11-16'))).to.equal(day('2026-11-23'))
  })
})
