import { expect } from 'chai'
import { type CompiledQuery, sql } from 'kysely'
import { Client } from 'pg'
import type { Caller } from '../../src/domain/caller.ts'
import type { ConnectionId, OrgId, RecordId, SinkId, ReviewId, TokenId } from '../../src/domain/ids.ts'
import type { UserState } from '../../src/domain/user.ts'
import type { WriteStores } from '../../src/domain/write-ports.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import { CUSTOM_URN, ENTERPRISE_URN } from '../../src/domain/schema-urns.ts'
import type { HoldId } from '../../src/domain/privacy.ts'
import { databaseFile } from '../../src/storage/store.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'
import { fill, giveSquads, group, unbounded, user } from './full-orgs.ts'
import { page, PERIOD } from './page-query.ts'
import { type Explain, type Plan, postgresExplain, sqliteExplain } from './plan.ts'

forEachDialect('plans of hot queries', function (dialect) {
  let test: TestStore
  let tenant: Tenant
  let other: Caller
  let captured: CompiledQuery[] | undefined
  let explain: Explain
  let client: Client | undefined

  before(async function () {
    this.timeout(120_000)
    test = await openTestStore(dialect, (query) => captured?.push(query), true)
    const tenants: Tenant[] = []
    for (let n = 0; n < 3; n++) {
      const founded = await foundTenant(test)
      tenants.push(founded)
      await fill(test, founded.orgId, founded.idp.connection!.id, n)
      await giveSquads(test, founded.orgId)
    }
    tenant = tenants[1]!
    other = await tenant.connect('script', 'other')
    if (dialect === 'sqlite') {
      explain = sqliteExplain(databaseFile(test.dataDir))
    } else {
      await unbounded(test, (db) => sql`analyze`.execute(db))
      client = new Client({ connectionString: test.databaseUrl })
      await client.connect()
      // As for a disk without heads; with the default of 1996 these tables are small enough to be read whole.
      await client.query('SET random_page_cost = 1.1')
      explain = postgresExplain(client)
    }
  })
  after(async () => {
    await client?.end()
    await test.close()
  })

  /** The plans of all that ran; none may scan. */
  async function plans(run: () => Promise<unknown>): Promise<readonly Plan[]> {
    captured = []
    await run()
    const queries = captured.filter(({ sql: text }) => /^\s*(select|insert|update|delete|with)\b/i.test(text))
    captured = undefined
    expect(queries, 'statements that ran').not.to.be.empty
    const all: Plan[] = []
    for (const query of queries) {
      const plan = await explain(query)
      expect(plan.scans, `${query.sql}\n${plan.text}`).to.deep.equal([])
      all.push(plan)
    }
    return all
  }

  async function expectIndexes(run: () => Promise<unknown>, ...indexes: readonly string[]): Promise<void> {
    const text = (await plans(run)).map((plan) => plan.text).join('\n')
    for (const index of indexes) expect(text).to.match(new RegExp(`\\b${named(index)}\\b`))
  }

  /** Primary keys have no name of ours: `user` + `_pkey`, or SQLite's own. */
  function named(index: string): string {
    const table = /^(\w+)_pkey$/.exec(index)?.[1]
    return table === undefined || dialect === 'postgres' ? index : `(sqlite_autoindex_${table}_1|PRIMARY KEY)`
  }

  function inUnit(unit: (stores: WriteStores) => Promise<unknown>): () => Promise<unknown> {
    return () => test.store.work.submit(tenant.orgId, unit).durable
  }

  const reads = () => test.store.reads
  const org = (): OrgId => tenant.orgId

  const READS: readonly (readonly [string, () => Promise<unknown>, ...string[]])[] = [
    ['an open invitation', inUnit((stores) => stores.invites.openOf(org(), user(7))), 'invite_pending'],
    ['a person by id', () => reads().users.find(org(), user(77)), 'user_pkey'],
    ['people by userName', () => reads().users.page(org(), page('userName eq "USER-77"', 'User')), 'user_name'],
    [
      'people by externalId',
      () => reads().users.page(org(), page('externalId eq "ext-77"', 'User')),
      'user_(owner_)?external',
    ],
    [
      'people by displayName',
      () => reads().users.page(org(), page('displayName eq "person 77"', 'User')),
      'user_display_name',
    ],
    [
      'people by e-mail address',
      () => reads().users.page(org(), page('emails.value eq "U77@x.example"', 'User')),
      'user_email_value',
    ],
    [
      'people by department',
      () => reads().users.page(org(), page(`${ENTERPRISE_URN}:department eq "none"`, 'User')),
      'user_department',
    ],
    [
      'people by employeeNumber',
      () => reads().users.page(org(), page(`${ENTERPRISE_URN}:employeeNumber eq "none"`, 'User')),
      'user_employee',
    ],
    [
      'people by an attribute the org declared',
      () => reads().users.page(org(), page(`${CUSTOM_URN}:squad eq "USER-77"`, 'User')),
      'user_attr_text',
      'user_pkey',
    ],
    [
      'people by one of several names',
      () => reads().users.page(org(), page('userName eq "USER-77" or displayName eq "person 78"', 'User')),
      'user_name',
      'user_display_name',
      'user_pkey',
    ],
    ['people by id filter', () => reads().users.page(org(), page(`id eq "${user(77)}"`, 'User')), 'user_pkey'],
    [
      'people by the primary address',
      () => reads().users.idsByPrimaryEmail(org(), 'u77@x.example'),
      'user_email_value',
    ],
    [
      'the groups and access of a page of people',
      async () => {
        const person = await reads().users.find(org(), user(5))
        await reads().users.standingOf(org(), [person!])
      },
      'group_member_user',
      'user_seat_pkey',
      'team_membership_pkey',
    ],
    ['names of people', () => reads().users.displayNames(org(), [user(5), user(6)]), 'user_pkey'],
    ['a group by id', () => reads().groups.find(org(), group(7)), 'scim_group_pkey'],
    [
      'groups by displayName',
      () => reads().groups.page(org(), page('displayName eq "GROUP 7"', 'Group')),
      'group_name',
    ],
    [
      'groups by externalId',
      () => reads().groups.page(org(), page('externalId eq "gext-7"', 'Group')),
      'group_(owner_)?external',
    ],
    ['a slice of members', () => reads().groups.members(org(), group(0), user(500), 100), 'group_member_pkey'],
    ['a token by id', () => reads().credentials.tokenById(`${org()}-t-7` as TokenId), 'connection_token_pkey'],
    ['a token by hash', () => reads().credentials.tokenByHash(Buffer.alloc(32)), 'connection_token_hash'],
    ['a connection of an org', () => reads().credentials.connection(org(), `${org()}-c-7` as ConnectionId)],
    ['trusts of an issuer', () => reads().credentials.trustsByIssuer('https://issuer/7'), 'jwt_trust_pins'],
    ['the record at an instant', () => reads().history.seqAt(org(), 500), 'event_time', 'log_purge_pkey'],
    [
      'what a person held',
      () => reads().history.heldAt(org(), 3, { of: { user: user(77) }, after: undefined, limit: 500 }),
      'access_period_pkey',
    ],
    [
      'who was in a team',
      () => reads().history.heldAt(org(), 3, { of: { team: group(7) }, after: undefined, limit: 500 }),
      'access_target',
    ],
    [
      'what everybody held, by pages',
      () => reads().history.heldAt(org(), 3, { of: { everybody: true }, after: PERIOD, limit: 500 }),
      'access_period_pkey',
    ],
    [
      'the history of a person',
      () => reads().history.periods(org(), { of: { user: user(77) }, after: PERIOD, limit: 500 }),
      'access_period_pkey',
    ],
    [
      'the history of a team',
      () => reads().history.periods(org(), { of: { team: group(7) }, after: PERIOD, limit: 500 }),
      'access_target',
    ],
    [
      'the history of a seat',
      () => reads().history.seatPeriods(org(), { product: 'models', after: PERIOD, limit: 500 }),
      'access_target',
    ],
    [
      'accounts that ended',
      () => reads().history.endedAccounts(org(), [{ user: user(77), seq: 3 }]),
      'access_period_pkey',
    ],
    ['names of anything', () => reads().history.names(org(), [user(7), group(7)]), 'user_pkey', 'scim_group_pkey'],
    ['addresses of anybody', () => reads().history.emails(org(), [user(7)]), 'user_email_primary'],
    ['records by place', () => reads().history.origins(org(), [100_001, 100_002]), 'provisioning_event_pkey'],
    ['records by id', () => reads().history.causes(org(), ['e-7' as RecordId]), 'event_id'],
    ['a page of accounts to look at', () => reads().standing.accounts(org(), user(70), 50), 'user_pkey'],
    ['removals that were held', () => reads().history.staged(org(), [user(7)]), 'event_target_pkey'],
    ['an invitation by its link', () => reads().invites.byHash(Buffer.alloc(32)), 'invite_token'],
    ['invitations whose time is over', () => reads().invites.overdue(1_500, 100), 'invite_overdue'],
    ['mails that are due', () => test.store.mailQueue!.claim(1_500, 1_600, 5), 'outbox_due'],
    [
      'receivers of the log that are due',
      () => test.store.sinkQueue.claim('plan', 1_500, 1_501, 5),
      // The heads of so few orgs as here are read whole on PostgreSQL.
      ...['sink_due', 'sink_pkey'],
    ],
    ['people who are nobody here', () => reads().privacy.unknownPeople(org()), 'person_key_pkey'],
    ['a receiver that polls', () => reads().sinks.byHash(Buffer.alloc(32)), 'sink_secret'],
    [
      'a page of dead letters',
      () => reads().sinks.dead(org(), 'w-7' as SinkId, { before: { epoch: 0, seq: 500 }, limit: 50 }),
      'sink_dead_pkey',
    ],
    ['the newest mail to people', () => reads().outbox.newest(org(), [user(7), user(8)], 'invite'), 'outbox_person'],
    ['items of a review', () => reads().reviews.items(org(), 'v-7' as ReviewId, 70, 100), 'access_review_item_pkey'],
    ['the organisation of a domain', () => reads().domains.ownerOf('d10.o1.example'), 'domain_claim_proved'],
    ['domains to be looked at', () => reads().domains.due(1_100, 20), 'domain_claim_due'],
    [
      'the account that a JWT names',
      () => reads().services.withIdentity({ issuer: 'https://platform', subject: 'pod 7' }),
      'service_account_workload',
    ],
    ['whether a person was erased', () => reads().privacy.erasure(org(), user(7)), 'erasure_pkey'],
    [
      'a page of who was erased',
      () => reads().privacy.erasures({ orgId: org(), person: user(70) }, 100),
      'erasure_pkey',
    ],
    [
      'whether records of a range speak of somebody',
      inUnit((stores) => stores.purge.speaksOf(org(), user(7), { after: 7, upTo: 200_000 })),
      ...['event_target_pkey', 'event_actor', 'event_pii_pkey'],
    ],
    ['a hold by its id', inUnit((stores) => stores.privacy.find(org(), `${org()}-h-7` as HoldId)), 'legal_hold_pkey'],
    [
      'rows of people that are held against the log',
      () => reads().replay.people(org(), user(70), 100),
      ...['user_pkey', 'user_email_pkey'],
    ],
    [
      'what is sealed of people',
      () => reads().replay.sealedOf(org(), { person: user(70), seq: 1 }, user(80), 100),
      'event_pii_pkey',
    ],
    ['records by their places', () => reads().replay.texts(org(), [100_500, 100_501]), 'provisioning_event_pkey'],
    ['a page of records', () => reads().records.page(org(), 100_500, 101_000, 100), 'provisioning_event_pkey'],
  ]

  for (const [title, run, ...indexes] of READS) {
    it(`finds ${title} by ${indexes.join(', ') || 'its key'}`, () => expectIndexes(run, ...indexes))
  }

  /** What reads in the order of an index uses the org alone of it, and stops after a page. */
  const ORDERED: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['people', () => reads().users.page(org(), page(undefined, 'User', { startIndex: 1_501 })), 'user_list'],
    ['groups', () => reads().groups.page(org(), page(undefined, 'Group', { startIndex: 101 })), 'group_list'],
    ['the newest records', () => reads().records.tail(org(), 50), 'provisioning_event_pkey'],
  ]

  for (const [title, run, index] of ORDERED) {
    it(`walks ${title} in the order of ${index}, without sorting`, async () => {
      captured = []
      await run()
      const queries = captured
      captured = undefined
      const all: string[] = []
      for (const query of queries) all.push((await explain(query)).text)
      const text = all.join('\n')
      expect(text).to.match(new RegExp(`\\b${named(index)}\\b`))
      expect(text).not.to.match(
        /TEMP B-TREE|\bSort\b|Seq Scan (user|scim_group|provisioning_event)|^SCAN (user|scim_group|provisioning_event)$/m,
      )
    })
  }

  /** Indexes that hold only what is looked for may be read from end to end. */
  const WHOLE: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['teams that a person may join', () => reads().teams.page(org(), { openTo: user(7), limit: 200 }), 'team_joinable'],
    ['teams that anybody may join', () => reads().teams.page(org(), { joinable: true, limit: 200 }), 'team_joinable'],
    ['erasures to be written outside the store', () => reads().privacy.erasuresWaiting(100), 'erasure_waiting'],
  ]

  for (const [title, run, index] of WHOLE) {
    it(`finds ${title} by the index of those alone, all of which it reads`, async () => {
      captured = []
      await run()
      const { text, scans } = await explain(captured[0]!)
      captured = undefined
      expect(text).to.match(new RegExp(`\\b${index}\\b`))
      expect(scans.filter((scan) => !scan.includes(index))).to.deep.equal([])
    })
  }

  it('reads facts and held access of people by their keys, and closes access periods by the open one', async () => {
    const people = [user(11), user(12)]
    await expectIndexes(
      inUnit(async (stores) => {
        await stores.access.facts(org(), people)
        await stores.access.held(org(), people)
        const at = { user: user(11), kind: 'team', target: group(0), old: 'member', new: 'viewer' } as const
        await stores.access.record(org(), [at], 50_000, 1)
      }),
      'group_member_user',
      'team_membership_pkey',
      'user_seat_pkey',
      'access_open',
    )
  })

  it('ends sessions that their issuer names, and uses tokens up, by their indexes', async () => {
    await expectIndexes(
      inUnit(async (stores) => {
        await stores.sessions.end(org(), { issuer: 'https://issuer', subject: 'sub 7' })
        await stores.sessions.end(org(), { issuer: 'https://issuer', sid: 'sid 7' })
        await stores.spentTokens.spend(org(), { hash: Buffer.alloc(32, 7), expires: 5_000 }, 1)
      }),
      ...['session_subject', 'session_issuer', 'spent_token_age'],
    )
  })

  it('adds and removes members, and reconciles them, by keys alone', async () => {
    const fact = { origin: 'manual', setBy: undefined, at: 1 } as const
    await expectIndexes(
      inUnit(async (stores) => {
        await stores.members.add(org(), group(150), [user(21), user(22)], fact)
        await reconcilePeople(stores, org(), [user(21), user(22)])
        await stores.members.removePeople(org(), group(0), [user(21)])
        await reconcilePeople(stores, org(), [user(21)])
        await stores.users.touch(org(), [user(21)], 2)
        await stores.members.children(org(), group(7))
      }),
      'group_member_pkey',
    )
  })

  it('looks groups and links up by name and key', async () => {
    await expectIndexes(
      inUnit(async (stores) => {
        await stores.groups.nameHolder(org(), 'GROUP 9')
        await stores.groups.findDeleted(org(), 'Group 9', tenant.idp.connection!.id, 0)
        await stores.groups.existing(org(), [group(9)])
        await stores.users.resolve(org(), [user(9)])
        await stores.users.byPrimaryEmail(org(), 'u9@x.example')
        await stores.links.state(org(), { connectionId: tenant.idp.connection!.id, subjectId: user(9) })
        await stores.jobs.next(org())
      }),
      'group_name',
      'group_deleted_name',
      'user_email_value',
    )
  })

  it('runs every use case of people and groups without a scan', async () => {
    const { provisioning, idp } = tenant
    const patch = { method: 'PATCH' } as const
    await plans(async () => {
      const made = await tenant.user('plan-made@example.com', {
        externalId: 'plan-made',
        attributes: { emails: [{ value: 'plan-made@example.com', primary: true }] },
      })
      for (const active of [false, true]) {
        const change = (current: UserState): UserState => ({ ...current, active })
        await changeUser(provisioning, idp, made.id, { method: 'PATCH', change }).durable
      }
      const draft = { displayName: 'plan made', externalId: 'plan-group', members: [{ value: made.id }] }
      const team = await createGroup(provisioning, idp, draft).durable
      const members = [{ value: user(31) }, { value: user(32) }]
      await changeGroup(provisioning, idp, team.id, { ...patch, plan: { steps: [{ do: 'add', members }] } }).durable
      await changeGroup(provisioning, idp, team.id, { ...patch, plan: { steps: [{ do: 'remove', members }] } }).durable
      await changeGroup(provisioning, idp, team.id, { ...patch, plan: { displayName: 'plan renamed', steps: [] } })
        .durable
      await deleteGroup(provisioning, idp, team.id, { method: 'DELETE' }).durable
      await deleteUser(provisioning, idp, made.id, { method: 'DELETE' }).durable
      await createGroup(provisioning, other, { ...draft, displayName: 'plan other', members: [] }).durable
      await inUnit((stores) => stores.orgs.tokens(org(), `${org()}-c-7` as ConnectionId))()
      await test.store.saveLastUsed([{ tokenId: `${org()}-t-7` as TokenId, at: 1 }])
    })
  })

  it('can tell a scan from a search', async () => {
    const { scans } = await explain(
      sql`select id from "user" where org_id = ${org()} and employee_number = ${'x'}`.compile(test.connections.reader),
    )
    expect(scans).not.to.be.empty
  })
})
