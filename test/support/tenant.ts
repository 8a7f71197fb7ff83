import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { createTally, type Tally } from '../../src/audit/tally.ts'
import { verifyChain } from '../../src/audit/verify.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { Connection, ConnectionKind } from '../../src/domain/connection.ts'
import { newId, type OrgId, type UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { createConnection } from '../../src/provisioning/create-connection.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { foundOrg, type Operation } from '../../src/provisioning/found-org.ts'
import type { Provisioning } from '../../src/provisioning/provisioning.ts'
import { PEOPLE_PER_RECORD, reconcileAsked, withEffects } from '../../src/provisioning/reconcile-people.ts'
import { runReconcileJobs } from '../../src/provisioning/reconcile-job.ts'
import type { TestStore } from './databases.ts'

/** An org of its own in a test store, with ways to act in it. */
export interface Tenant {
  readonly orgId: OrgId
  readonly provisioning: Provisioning
  readonly tally: Tally
  readonly idp: Caller
  /** Another connection of the same org. */
  connect(kind: ConnectionKind, name: string): Promise<Caller>
  user(
    userName: string,
    more?: Omit<Partial<UserState>, 'attributes'> & { readonly attributes?: JsonObject },
  ): Promise<User>
  /** That many people named `<prefix>0` and so on, 500 in a unit of work, by a record that names them all. */
  people(count: number, prefix: string): Promise<readonly User[]>
  /** Resolves when every job that was started has ended. */
  jobs(): Promise<void>
}

export function operation(): Operation {
  return {
    actor: { type: 'system' },
    request: { id: randomUUID(), receivedAt: Date.now(), started: performance.now() },
  }
}

export async function foundTenant(test: TestStore, name: string = randomUUID()): Promise<Tenant> {
  const tally = createTally({ now: Date.now })
  const running: Promise<void>[] = []
  const { work } = test.store
  const wakeJobs = (orgId: OrgId): void => {
    const job = runReconcileJobs(work, orgId, () => false)
    // Heard of in `jobs`; a test that breaks the store does not ask.
    job.catch(() => undefined)
    running.push(job)
    test.beside.push(job)
  }
  const provisioning: Provisioning = { work, tally, wakeJobs }
  const { id: orgId } = await foundOrg(provisioning, operation(), name).durable
  const connect = async (kind: ConnectionKind, connectionName: string): Promise<Caller> => {
    const draft = {
      name: connectionName,
      kind,
      mayGrantAdmin: false,
      scopes: ['users', 'groups'],
      trust: undefined,
    } as const
    return callerOf(await createConnection(provisioning, operation(), orgId, draft).durable)
  }
  const idp = await connect('idp', 'idp')
  return {
    orgId,
    provisioning,
    tally,
    idp,
    connect,
    user: (userName, more = {}) =>
      createUser(provisioning, idp, {
        active: more.active ?? true,
        externalId: more.externalId,
        attributes: { ...more.attributes, userName },
      }).durable,
    people: (count, prefix) => seedPeople(provisioning, idp, count, prefix),
    async jobs() {
      await Promise.all(running)
    },
  }
}

/** Where a test needs many people and is about none of them: making each by itself takes longer than the test. */
async function seedPeople(
  { work }: Provisioning,
  { orgId, connection, actor }: Caller,
  count: number,
  prefix: string,
): Promise<readonly User[]> {
  const all: User[] = []
  while (all.length < count) {
    const first = all.length
    const most = Math.min(PEOPLE_PER_RECORD, count - first)
    const made = work.submit(orgId, async (stores) => {
      const ord = await stores.next(orgId, 'ord.user')
      await stores.count(orgId, 'ord.user', most - 1)
      await stores.count(orgId, 'user', most)
      const users = Array.from({ length: most }, (_, n): User => {
        const named = { attributes: { userName: `${prefix}${first + n}` }, externalId: undefined }
        const state = {
          ...named,
          owner: connection?.id,
          status: 'active',
          accountType: 'USER',
          orgRole: 'none',
        } as const
        return {
          ...state,
          id: newId<UserId>(stores.now),
          ord: ord + n,
          version: 1,
          created: stores.now,
          updated: stores.now,
        }
      })
      for (const user of users) await stores.users.insert(orgId, user)
      const ids = users.map(({ id }) => id)
      const { effects } = await reconcileAsked(stores, orgId, ids, { products: [] })
      const targets = ids.map((id) => ({ type: 'user', id }) as const)
      await stores.journal.append(orgId, {
        action: 'user.create',
        actor,
        outcome: { result: 'success' },
        targets,
        effects,
      })
      return users.map((user) => withEffects(user, effects))
    })
    all.push(...(await made.durable))
  }
  return all
}

/** A caller with a connection's credential, with a request of its own. */
export function callerOf(connection: Connection): Caller {
  return {
    orgId: connection.orgId,
    connection,
    actor: { type: connection.kind, id: connection.id, connectionId: connection.id },
    request: { id: randomUUID(), receivedAt: Date.now(), started: performance.now() },
  }
}

/** The invariants that hold after every change: derived rows, counters, periods and chain agree. */
export async function problemsOf(
  test: Pick<TestStore, 'connections' | 'store'>,
  orgId: OrgId,
): Promise<readonly string[]> {
  const db = test.connections.reader
  const checks: Readonly<Record<string, ReturnType<typeof sql<{ n: number }>>>> = {
    'memberships without an open period': sql`select count(*) as n from team_membership m where m.org_id = ${orgId}
      and not exists (select 1 from access_period p where p.org_id = m.org_id and p.user_id = m.user_id
        and p.kind = 'team' and p.target = m.team_id and p.value = coalesce(nullif(m.custom_role_id, ''), m.role) and p.to_seq is null)`,
    'open team periods without a membership': sql`select count(*) as n from access_period p where p.org_id = ${orgId}
      and p.kind = 'team' and p.to_seq is null and not exists (select 1 from team_membership m
        where m.org_id = p.org_id and m.user_id = p.user_id and m.team_id = p.target)`,
    'people whose active period disagrees': sql`select count(*) as n from "user" u where u.org_id = ${orgId}
      and (u.deleted_at is null and u.status = 'active') <> exists (select 1 from access_period p
        where p.org_id = u.org_id and p.user_id = u.id and p.kind = 'active' and p.to_seq is null)`,
    'seat counters that disagree': sql`select count(*) as n from seat_counter c where c.org_id = ${orgId}
      and c.used <> (select count(*) from user_seat s where s.org_id = c.org_id and s.product = c.product
        and s.given = c.type)`,
    'user counters that disagree': sql`select count(*) as n from org_counter c where c.org_id = ${orgId} and c.name = 'user'
      and c.value <> (select count(*) from "user" u where u.org_id = c.org_id and u.deleted_at is null)`,
    'group counters that disagree': sql`select count(*) as n from org_counter c where c.org_id = ${orgId}
      and c.name = 'group' and c.value <> (select count(*) from scim_group g where g.org_id = c.org_id
        and g.deleted_at is null)`,
    'member counts that disagree': sql`select count(*) as n from scim_group g where g.org_id = ${orgId}
      and g.deleted_at is null and g.member_count <> (select count(distinct m.user_id) from group_member m
        join "user" u on u.org_id = m.org_id and u.id = m.user_id where m.org_id = g.org_id and m.group_id = g.id
        and m.origin <> 'service' and u.deleted_at is null)
        + (select count(*) from group_child c where c.org_id = g.org_id and c.group_id = g.id)`,
  }
  const problems: string[] = []
  for (const [name, check] of Object.entries(checks)) {
    const { rows } = await check.execute(db)
    if (rows[0]?.n !== 0) problems.push(`${rows[0]?.n} ${name}`)
  }
  const report = await verifyChain(test.store.reads.records, orgId)
  if (report.finding !== undefined) problems.push(`chain: ${JSON.stringify(report.finding)}`)
  return problems
}

/** Actions of an org's log in order. */
export async function actionsOf(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  return (await test.store.reads.records.tail(orgId, 10_000)).map((record) => record.action)
}

/** Teams a person is a member of and the role there (a custom one by its id), by derived row. */
export async function teamsOf(test: TestStore, orgId: OrgId, user: UserId): Promise<readonly string[]> {
  const rows = await test.connections.reader
    .selectFrom('team_membership')
    .select(['team_id', 'role', 'custom_role_id'])
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .orderBy('team_id')
    .execute()
  return rows.map((row) => `${row.team_id} ${row.custom_role_id || row.role}`)
}

/** The seats a person was given, by product. */
export async function seatsOf(test: TestStore, orgId: OrgId, user: UserId): Promise<Readonly<Record<string, string>>> {
  const rows = await test.connections.reader
    .selectFrom('user_seat')
    .select(['product', 'given'])
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .execute()
  return Object.fromEntries(rows.map(({ product, given }) => [product, given]))
}

/** The code and reason of the DomainError a promise rejects with; '' when it resolves. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return ''
  } catch (error) {
    const { code, reason } = error as { code?: string; reason?: string }
    if (code === undefined) throw error
    return code === reason ? code : `${code} ${reason ?? ''}`.trim()
  }
}
