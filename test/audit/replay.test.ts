import { expect } from 'chai'
import { sql } from 'kysely'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import { replayLog, type ReplayFinding } from '../../src/audit/replay.ts'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { erasePerson } from '../../src/provisioning/erase-person.ts'
import { changedState } from '../../src/provisioning/person-draft.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

interface Forgery {
  readonly title: string
  readonly run: (db: TestStore['connections']['writer'], org: OrgId, user: UserId) => Promise<unknown>
  readonly table: string
}

/** What an owner of the database can change without touching a record. */
const FORGERIES: readonly Forgery[] = [
  {
    title: 'a role that somebody never had, in the history of access',
    run: (db, org, user) =>
      sql`update access_period set value = 'admin' where org_id = ${org} and user_id = ${user} and kind = 'org_role'`.execute(
        db,
      ),
    table: 'access_period',
  },
  {
    title: 'a period of access taken out',
    run: (db, org, user) =>
      sql`delete from access_period where org_id = ${org} and user_id = ${user} and kind = 'seat'`.execute(db),
    table: 'access_period',
  },
  {
    title: 'a period of access that no record made',
    run: (db, org, user) =>
      sql`insert into access_period (org_id, user_id, kind, target, value, from_seq, to_seq, valid_from, valid_to)
        values (${org}, ${user}, 'team', 't', 'admin', 2, 3, 1, 2)`.execute(db),
    table: 'access_period',
  },
  {
    title: 'a record hidden from whoever asks for one person',
    run: (db, org, user) => sql`delete from event_target where org_id = ${org} and target_id = ${user}`.execute(db),
    table: 'event_target',
  },
  {
    title: 'a record shown under somebody else',
    run: (db, org) => sql`insert into event_target (org_id, target_id, seq) values (${org}, 'x', 3)`.execute(db),
    table: 'event_target',
  },
  {
    title: 'personal values taken out of a record of somebody who was not erased',
    run: (db, org, user) => sql`delete from event_pii where org_id = ${org} and person_id = ${user}`.execute(db),
    table: 'event_pii',
  },
  {
    title: 'personal values of one record put beside another',
    run: (db, org, user) =>
      sql`update event_pii set ciphertext = (select ciphertext from event_pii p where p.org_id = ${org}
        and p.person_id <> ${user} limit 1) where org_id = ${org} and person_id = ${user}`.execute(db),
    table: 'event_pii',
  },
  {
    title: 'an admin made past the log',
    run: (db, org, user) =>
      sql`update "user" set org_role = 'admin' where org_id = ${org} and id = ${user}`.execute(db),
    table: 'user',
  },
  {
    title: 'a member put into a team past the log',
    run: (db, org, user) =>
      sql`update team_membership set role = 'admin' where org_id = ${org} and user_id = ${user}`.execute(db),
    table: 'team_membership',
  },
  {
    title: 'a seat given past the log',
    run: (db, org, user) => sql`delete from user_seat where org_id = ${org} and user_id = ${user}`.execute(db),
    table: 'user_seat',
  },
]

forEachDialect('a log that is replayed', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  async function lived(): Promise<{ readonly tenant: Tenant; readonly ann: UserId }> {
    const tenant = await foundTenant(test)
    const admin = operatorOf(tenant.orgId)
    const [ann, bob, cat] = await Promise.all(['ann', 'bob', 'cat'].map((name) => tenant.user(name)))
    await createGroup(tenant.provisioning, tenant.idp, {
      ...{ displayName: 'research', externalId: undefined },
      members: [ann, bob].map((person) => ({ value: person!.id })),
    }).durable
    const change = (id: UserId, active: boolean) =>
      changeUser(tenant.provisioning, admin, id, {
        method: 'PATCH',
        change: (state) => changedState(state, { active }),
      }).durable
    await change(bob!.id, false)
    await change(bob!.id, true)
    await deleteUser(tenant.provisioning, admin, bob!.id, { method: 'DELETE' }).durable
    await erasePerson(tenant.provisioning, admin, cat!.id).durable
    return { tenant, ann: ann!.id }
  }

  async function replayed(org: OrgId) {
    const { records, replay } = test.store.reads
    const values = createValueOpener(test.kek, records)
    const head = (await records.head(org))!
    return replayLog({ records, replay, values }, org, { after: 0, upTo: head.seq })
  }

  it('gives what is kept beside it, erased people left out', async () => {
    const { tenant } = await lived()
    const report = await replayed(tenant.orgId)
    expect(report.finding).to.equal(undefined)
    expect(report.records).to.be.greaterThan(8)
    expect(report.changes).to.be.greaterThan(10)
    expect(report.values).to.be.greaterThan(2)
  })

  for (const { title, run, table } of FORGERIES) {
    it(`names ${title}`, async () => {
      const { tenant, ann } = await lived()
      await run(test.connections.writer, tenant.orgId, ann)
      const { finding } = await replayed(tenant.orgId)
      expect(finding).to.include({ table } satisfies Partial<ReplayFinding>)
    })
  }
})
