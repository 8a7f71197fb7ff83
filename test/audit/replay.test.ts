import { expect } from 'chai'
import { type RawBuilder, sql } from 'kysely'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import type { ReplayFinding } from '../../src/audit/replay-finding.ts'
import { replayLog } from '../../src/audit/replay.ts'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { ReplayReads } from '../../src/domain/replay-ports.ts'
import { ENTERPRISE_URN } from '../../src/domain/schema-urns.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { erasePerson } from '../../src/provisioning/erase-person.ts'
import { changedState } from '../../src/provisioning/person-draft.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { relink, unguard } from '../support/log-store.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

/** No record knows this id. */
const STRANGER = '01900000-0000-7000-8000-00000000000e'

interface Forgery {
  readonly title: string
  readonly run: (db: TestStore['connections']['writer'], org: OrgId, user: UserId) => Promise<unknown>
  readonly table: string
}

/** The same for what is kept of a person, which the finding names with them. */
interface RowForgery extends Forgery {
  readonly column: string | undefined
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

const setUser = (assignments: RawBuilder<unknown>): Forgery['run'] => {
  return (db, org, user) => sql`update "user" set ${assignments} where org_id = ${org} and id = ${user}`.execute(db)
}

/** What an owner of the database can write of a person past the log; whose it is, is the person's name. */
const ROW_FORGERIES: readonly (RowForgery & { readonly whose?: string })[] = [
  {
    title: 'another userName, with all that is made of it',
    run: setUser(sql`username = 'eve', username_key = 'eve', body = replace(body, '"ann"', '"eve"')`),
    ...{ table: 'user', column: 'userName' },
  },
  {
    title: 'another family name',
    run: setUser(sql`body = replace(body, 'Byron', 'King')`),
    ...{ table: 'user', column: 'name' },
  },
  {
    title: 'a department that nobody gave',
    run: setUser(sql`department = 'board', department_key = 'board', body = replace(body, 'maths', 'board')`),
    ...{ table: 'user', column: `${ENTERPRISE_URN}:department` },
  },
  {
    title: 'a value that was taken away put back',
    run: setUser(sql`body = replace(body, '"userName"', '"nickName":"annie","userName"')`),
    ...{ table: 'user', column: 'nickName' },
  },
  {
    title: 'an e-mail address changed in both places',
    run: async (db, org, user) => {
      await sql`update user_email set value = 'eve@x.example', value_key = 'eve@x.example'
        where org_id = ${org} and user_id = ${user}`.execute(db)
      await setUser(sql`body = replace(body, 'ann@x.example', 'eve@x.example')`)(db, org, user)
    },
    ...{ table: 'user', column: 'emails' },
  },
  {
    title: 'an address by which somebody else would be found',
    run: (db, org, user) =>
      sql`update user_email set value_key = 'eve@x.example' where org_id = ${org} and user_id = ${user}`.execute(db),
    ...{ table: 'user_email', column: undefined },
  },
  {
    title: 'an address more',
    run: (db, org, user) =>
      sql`insert into user_email (org_id, user_id, ordinal, value, value_key, type, is_primary)
        values (${org}, ${user}, 7, 'eve@x.example', 'eve@x.example', null, 0)`.execute(db),
    ...{ table: 'user_email', column: undefined },
  },
  {
    title: 'a name that only searches find',
    run: setUser(sql`display_name_key = 'eve'`),
    ...{ table: 'user', column: 'display_name_key' },
  },
  {
    title: 'the link to another person at the identity provider',
    run: setUser(sql`external_id = 'e-2'`),
    ...{ table: 'user', column: 'externalId' },
  },
  {
    title: 'another name of somebody who was deleted',
    run: (db, org) =>
      sql`update "user" set body = '{"userName":"robert"}', username = 'robert', username_key = 'robert'
        where org_id = ${org} and username = 'bob'`.execute(db),
    ...{ table: 'user', column: 'userName', whose: 'bob' },
  },
  {
    title: 'the name of somebody who was erased put back',
    run: (db, org) =>
      sql`update "user" set body = '{"userName":"cat"}', username = 'cat', username_key = 'cat'
        where org_id = ${org} and username = '(erased)'`.execute(db),
    ...{ table: 'user', column: 'userName', whose: 'cat' },
  },
  {
    title: 'somebody whom no record made',
    run: (db, org, user) =>
      sql`insert into "user" (org_id, id, ord, version, created, updated, username, username_key, status, org_role,
          billing_admin, account_type, body, search)
        select org_id, ${STRANGER}, 99, 1, created, updated, 'eve', 'eve', 'deactivated', 'none', 0, 'USER',
          '{"userName":"eve"}', '{}' from "user" where org_id = ${org} and id = ${user}`.execute(db),
    ...{ table: 'user', column: undefined, whose: 'eve' },
  },
  {
    title: 'somebody whose row was taken out',
    run: async (db, org) => {
      for (const [table, column] of [
        ['group_member', 'user_id'],
        ['user', 'id'],
      ] as const) {
        await sql`delete from ${sql.table(table)} where org_id = ${org} and ${sql.ref(column)} in
          (select id from "user" where org_id = ${org} and username = 'bob')`.execute(db)
      }
    },
    ...{ table: 'user', column: undefined, whose: 'bob' },
  },
]

/** What is said of Ann at first; later she has another name, and no nickname. */
const ANN: JsonObject = {
  ...{ name: { familyName: 'Milbanke' }, nickName: 'annie', displayName: 'Ann' },
  emails: [{ value: 'ann@x.example', type: 'work', primary: true }],
  [ENTERPRISE_URN]: { department: 'maths' },
}

forEachDialect('a log that is replayed', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  interface Lived {
    readonly tenant: Tenant
    readonly ann: UserId
    readonly ids: Readonly<Record<string, string>>
  }

  async function lived(): Promise<Lived> {
    const tenant = await foundTenant(test)
    const admin = operatorOf(tenant.orgId)
    const [ann, bob, cat] = await Promise.all([
      tenant.user('ann', { externalId: 'e-1', attributes: ANN }),
      ...['bob', 'cat'].map((name) => tenant.user(name)),
    ])
    await rename(tenant, ann.id, 'Ann Byron')
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
    return { tenant, ann: ann.id, ids: { ann: ann.id, bob: bob!.id, cat: cat!.id, eve: STRANGER } }
  }

  async function rename(tenant: Tenant, id: UserId, displayName: string): Promise<void> {
    await changeUser(tenant.provisioning, tenant.idp, id, {
      method: 'PATCH',
      change: ({ attributes: { nickName: _, ...attributes }, ...state }) => ({
        ...state,
        attributes: { ...attributes, userName: 'ann', displayName, name: { familyName: 'Byron' } },
      }),
    }).durable
  }

  async function replayed(org: OrgId) {
    const { records, replay } = test.store.reads
    const values = createValueOpener(test.kek, records)
    const head = (await records.head(org))!
    return replayLog({ records, replay, values }, org, { after: 0, upTo: head.seq })
  }

  it('takes nobody who is changed meanwhile for forged', async () => {
    const { tenant, ann } = await lived()
    const { records, replay } = test.store.reads
    let turn = 0
    const reads: ReplayReads = {
      ...replay,
      async sealedOf(...asked) {
        // Between the reading of rows and that of values; once more while a row is looked at again.
        if (turn++ < 2) await rename(tenant, ann, `Ann ${turn}`)
        return replay.sealedOf(...asked)
      },
    }
    const parts = { records, replay: reads, values: createValueOpener(test.kek, records) }
    const { seq } = (await records.head(tenant.orgId))!
    expect(await replayLog(parts, tenant.orgId, { after: 0, upTo: seq })).to.include({ finding: undefined, people: 3 })
    expect(turn).to.be.greaterThan(2)
  })

  it('gives what is kept beside it, erased people left out', async () => {
    const { tenant } = await lived()
    const report = await replayed(tenant.orgId)
    expect(report.finding).to.equal(undefined)
    expect(report.records).to.be.greaterThan(8)
    expect(report.changes).to.be.greaterThan(10)
    expect(report.values).to.be.greaterThan(2)
    expect(report.people).to.equal(3)
  })

  it('names a body that is no JSON although every hash fits', async () => {
    const { tenant } = await lived()
    await unguard(test)
    await sql`update provisioning_event set body = replace(body, '"targets":[', '"targets":[,')
      where org_id = ${tenant.orgId} and seq = 3`.execute(test.connections.writer)
    await relink(test, tenant.orgId)
    const { finding } = await replayed(tenant.orgId)
    expect(finding).to.deep.equal({ seq: 3, table: 'provisioning_event', column: 'body' })
  })

  for (const { title, run, table } of FORGERIES) {
    it(`names ${title}`, async () => {
      const { tenant, ann } = await lived()
      await run(test.connections.writer, tenant.orgId, ann)
      const { finding } = await replayed(tenant.orgId)
      expect(finding).to.include({ table } satisfies Partial<ReplayFinding>)
    })
  }

  for (const { title, run, table, column, whose = 'ann' } of ROW_FORGERIES) {
    it(`names ${title}`, async () => {
      const { tenant, ann, ids } = await lived()
      await run(test.connections.writer, tenant.orgId, ann)
      const { finding } = await replayed(tenant.orgId)
      expect({ column: undefined, ...finding }).to.deep.include({ table, column, person: ids[whose] })
    })
  }
})
