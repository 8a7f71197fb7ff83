import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import type { StoredRecord } from '../../src/domain/ports.ts'
import { openConnections, openStore } from '../../src/storage/store.ts'
import { DIALECTS, type TestStore } from '../support/databases.ts'
import type { GatewayEnvironment } from '../support/gateway.ts'
import { problemsOf } from '../support/tenant.ts'
import type { Dialect } from '../../db/dialect.ts'

/** Declares a suite for one dialect, if that is part of this run. */
export function onDialect(dialect: Dialect, title: string, suite: (this: Mocha.Suite) => void): void {
  if (!DIALECTS.includes(dialect)) return
  describe(`${title} (${dialect})`, function () {
    this.timeout(60_000)
    suite.call(this)
  })
}

/** Opens a gateway's store beside it, as an auditor would: nothing is written through it. */
export async function lookBeside<T>(
  environment: Pick<GatewayEnvironment, 'dataDir' | 'databaseUrl'>,
  look: (test: TestStore, orgId: OrgId) => Promise<T>,
): Promise<T> {
  const { dataDir, databaseUrl } = environment
  const connections = openConnections({ dataDir, databaseUrl, poolSize: 2, onIdleError: () => undefined })
  // Records are read and verified without the master key.
  const kek = randomBytes(32)
  const test: TestStore = {
    dialect: connections.dialect,
    connections,
    store: openStore(connections, createRecordSealer({ kek, now: Date.now }), Date.now),
    kek,
    dataDir,
    databaseUrl,
    clock: Date.now,
    beside: [],
    close: () => connections.close(),
  }
  try {
    const org = await test.store.reads.orgs.find('default')
    if (org === undefined) throw new Error('The store has no org "default"')
    return await look(test, org.id)
  } finally {
    await test.close()
  }
}

/** Everything that must hold of a store: its file, its invariants, its chain, and that the log tells what it holds. */
export async function troublesOf(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const file = (await test.connections.quickCheck()).map((line) => `quick_check: ${line}`)
  return [...file, ...(await problemsOf(test, orgId)), ...(await untold(test, orgId))]
}

export async function allRecords(test: TestStore, orgId: OrgId): Promise<readonly StoredRecord[]> {
  const { records } = test.store.reads
  return records.page(orgId, 0, (await records.head(orgId))?.seq ?? 0, 1_000_000)
}

interface RecordBody {
  readonly action: string
  readonly targets: readonly { readonly type: string; readonly id: string }[]
  readonly changes?: readonly { readonly path: string; readonly added?: string[]; readonly removed?: string[] }[]
  readonly effects?: readonly {
    readonly kind: string
    readonly target: string
    readonly new: string | null
    readonly people: readonly string[]
  }[]
}

/** What the log alone says: who exists, who is in which group, and who holds what. */
function replay(bodies: readonly RecordBody[]): ReadonlySet<string> {
  const facts = new Set<string>()
  const access = new Map<string, string>()
  for (const body of bodies) {
    replayFacts(facts, body)
    // A team that is made by hand has the id of its group.
    if (body.action === 'team.create') facts.add(`group ${body.targets[0]?.id ?? ''}`)
    replayAccess(access, body)
  }
  for (const [key, value] of access) facts.add(`${key} ${value}`)
  return facts
}

function replayFacts(facts: Set<string>, { action, targets: [subject], changes = [] }: RecordBody): void {
  if (subject === undefined || !/^(user|group)$/.test(subject.type)) return
  const { type, id } = subject
  if (isMade(type, action)) facts.add(`${type} ${id}`)
  if (action === `${type}.delete`) facts.delete(`${type} ${id}`)
  if (action === 'group.delete') forgetNested(facts, id)
  for (const { added = [], removed = [] } of changes.filter(({ path }) => path === 'members')) {
    for (const member of added) facts.add(`member ${id} ${member}`)
    for (const member of removed) facts.delete(`member ${id} ${member}`)
  }
}

/** Whether an action brings its subject in, or back. A group comes back with its team, which its record is named for. */
function isMade(type: string, action: string): boolean {
  return [`${type}.create`, `${type}.restore`, ...(type === 'group' ? ['team.restore'] : [])].includes(action)
}

/** A group that is deleted is nested no more; a person's facts stay for a restore. */
function forgetNested(facts: Set<string>, group: string): void {
  for (const fact of facts) if (fact.startsWith('member ') && fact.endsWith(` ${group}`)) facts.delete(fact)
}

function replayAccess(access: Map<string, string>, { effects = [] }: RecordBody): void {
  for (const { kind, target, people, new: value } of effects) {
    for (const person of people) {
      if (value === null) access.delete(`${kind} ${person} ${target}`)
      else access.set(`${kind} ${person} ${target}`, value)
    }
  }
}

/** What the tables say, in the same words. Refusals and no-ops are no part of either. */
async function told(test: TestStore, orgId: OrgId): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ fact: string }>`
    select 'user ' || id as fact from "user" where org_id = ${orgId} and deleted_at is null
    union all select 'group ' || id from scim_group where org_id = ${orgId} and deleted_at is null
    union all select 'member ' || group_id || ' ' || user_id from group_member where org_id = ${orgId}
    union all select 'member ' || group_id || ' ' || child_group_id from group_child where org_id = ${orgId}
    union all select 'active ' || id || '  active' from "user"
      where org_id = ${orgId} and deleted_at is null and status = 'active'
    union all select 'org_role ' || id || '  ' || org_role from "user"
      where org_id = ${orgId} and deleted_at is null and org_role <> 'none'
    union all select 'team ' || user_id || ' ' || team_id || ' ' || role from team_membership where org_id = ${orgId}
    union all select 'seat ' || user_id || ' ' || product || ' ' || given from user_seat
      where org_id = ${orgId} and given <> 'none'`.execute(test.connections.reader)
  return new Set(rows.map(({ fact }) => fact))
}

/** Rows that the log does not tell of, and what it tells of and is not there. */
async function untold(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const records = await allRecords(test, orgId)
  const effective = records.filter(({ result }) => result === 'success')
  const log = replay(effective.map(({ body }) => JSON.parse(body) as RecordBody))
  const tables = await told(test, orgId)
  return [
    ...[...tables].filter((fact) => !log.has(fact)).map((fact) => `not in the log: ${fact}`),
    ...[...log].filter((fact) => !tables.has(fact)).map((fact) => `only in the log: ${fact}`),
  ]
}
