import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Source } from '../domain/reconcile.ts'
import type { AccessChange, AccessTurn, AccessWrites } from '../domain/write-ports.ts'
import { policyContext, readFacts, readHeld } from './access-reads.ts'
import * as rows from './access-rows.ts'
import { countBy } from './counters.ts'
import { readSeatsLeft, readWaiting } from './seat-rows.ts'

/** How a source is kept in its two columns. A rule names the group it matched as well. */
export function sourceText(by: Source): string {
  return `${by.kind}:${sourceId(by)}`
}

function sourceId(by: Source): string {
  return by.group === undefined ? by.id : `${by.id}/${by.group}`
}

/** The derived tables (memberships, seats, org role) and the history of access: at most one statement a table. */
export function accessWrites(db: Kysely<Database>): AccessWrites {
  let recorded: number | undefined
  return {
    facts: (orgId, ids) => readFacts(db, orgId, ids),
    emptyContext: (orgId) => policyContext(db, orgId),
    held: (orgId, ids) => readHeld(db, orgId, ids),

    async write(orgId, people) {
      await writeMemberships(db, orgId, people)
      await writeSeats(db, orgId, people)
      await writeOrgRoles(db, orgId, people)
      const stale = people.flatMap(({ user, desired }) => desired.stale.map((team) => [user, team]))
      await written(db, orgId, rows.endTeamRoles, stale)
    },

    seatsLeft: (orgId) => readSeatsLeft(db, orgId),
    waiting: (orgId, key, limit) => readWaiting(db, { orgId, ...key, limit }),
    everybody: (orgId) => activePeople(db, orgId),
    admins: (orgId) => activePeople(db, orgId, 'admin'),

    async activeAdmins(orgId) {
      const row = await db
        .selectFrom('org_counter')
        .select('value')
        .where('org_id', '=', orgId)
        .where('name', '=', 'active_admin')
        .executeTakeFirst()
      return row?.value ?? 0
    },

    async record(orgId, changes, seq, at) {
      await turnPeriods(db, { orgId, seq, at, again: seq === recorded }, changes)
      recorded = seq
      await countSeats(db, orgId, changes)
      await countAdmins(db, orgId, changes)
    },
  }
}

/** Active people, those of one org role where it is named, by id. */
export async function activePeople(db: Kysely<Database>, orgId: OrgId, role?: string): Promise<readonly UserId[]> {
  const people = db
    .selectFrom('user')
    .select('id')
    .where('org_id', '=', orgId)
    .where('status', '=', 'active')
    .where('account_type', '=', 'USER')
    .where('deleted_at', 'is', null)
    .orderBy('id')
  const rows = await (role === undefined ? people : people.where('org_role', '=', role)).execute()
  return rows.map(({ id }) => id as UserId)
}

type Row = readonly (string | number)[]

/** Nothing to write is nothing to ask. What there is cannot be refused: it follows from rows that are locked. */
async function written(db: Kysely<Database>, orgId: OrgId, query: rows.RowsQuery, list: readonly Row[]): Promise<void> {
  if (list.length > 0) await query.send(db, { orgId, json: JSON.stringify(list) })
}

async function writeMemberships(db: Kysely<Database>, orgId: OrgId, people: readonly AccessTurn[]): Promise<void> {
  const ended: Row[] = []
  const set: Row[] = []
  for (const { user, held, desired } of people) {
    for (const team of held.memberships.keys()) if (!desired.memberships.has(team)) ended.push([user, team])
    for (const [team, { role, base, by }] of desired.memberships) {
      const now = held.memberships.get(team)
      if (now?.role === role && now.source === sourceText(by)) continue
      set.push([user, team, base, role === base ? '' : role, by.kind, sourceId(by)])
    }
  }
  await written(db, orgId, rows.endMemberships, ended)
  await written(db, orgId, rows.setMemberships, set)
}

async function writeOrgRoles(db: Kysely<Database>, orgId: OrgId, people: readonly AccessTurn[]): Promise<void> {
  const byRole = new Map<string, UserId[]>()
  for (const { user, held, desired } of people) {
    if (held.orgRole === desired.orgRole) continue
    byRole.set(desired.orgRole, [...(byRole.get(desired.orgRole) ?? []), user])
  }
  for (const [role, users] of byRole) await rows.setOrgRole.send(db, { orgId, role, ids: JSON.stringify(users) })
}

async function writeSeats(db: Kysely<Database>, orgId: OrgId, people: readonly AccessTurn[]): Promise<void> {
  const ended: Row[] = []
  const set: Row[] = []
  for (const { user, held, seats } of people) {
    for (const product of held.seats.keys()) if (!seats.has(product)) ended.push([user, product])
    for (const [product, { wanted, given, since, by }] of seats) {
      const now = held.seats.get(product)
      if (now?.wanted === wanted && now.given === given && now.source === sourceText(by)) continue
      set.push([user, product, wanted, given, since, sourceText(by)])
    }
  }
  await written(db, orgId, rows.endSeats, ended)
  await written(db, orgId, rows.setSeats, set)
}

interface Turning {
  readonly orgId: OrgId
  readonly seq: number
  readonly at: number
  /** Whether this unit of work may have opened periods at the seq before. */
  readonly again: boolean
}

/** Closes the open periods of values and opens the next; one that would begin and end at the same seq leaves none. */
async function turnPeriods(
  db: Kysely<Database>,
  { orgId, seq, at, again }: Turning,
  changes: readonly AccessChange[],
): Promise<void> {
  const closing = changes.filter((change) => change.old !== null).map(({ user, kind, target }) => [user, kind, target])
  if (closing.length > 0) {
    const given = { orgId, json: JSON.stringify(closing), seq, at }
    if (again) await rows.dropPeriodsOf.send(db, given)
    await rows.closePeriods.send(db, given)
  }
  const opening = changes.filter((change) => change.new !== null)
  if (opening.length === 0) return
  const json = JSON.stringify(opening.map(({ user, kind, target, new: value }) => [user, kind, target, value]))
  await rows.openPeriods.send(db, { orgId, json, seq, at })
}

async function countSeats(db: Kysely<Database>, orgId: OrgId, changes: readonly AccessChange[]): Promise<void> {
  const deltas = new Map<string, { readonly product: string; readonly type: string; by: number }>()
  const add = (product: string, type: string | null, by: number): void => {
    if (type === null) return
    const delta = deltas.get(`${product} ${type}`) ?? { product, type, by: 0 }
    delta.by += by
    deltas.set(`${product} ${type}`, delta)
  }
  for (const change of changes) {
    if (change.kind !== 'seat') continue
    add(change.target, change.old, -1)
    add(change.target, change.new, 1)
  }
  const counted = [...deltas.values()].filter(({ by }) => by !== 0)
  await written(
    db,
    orgId,
    rows.addToSeatCounters,
    counted.map(({ product, type, by }) => [product, type, by]),
  )
}

async function countAdmins(db: Kysely<Database>, orgId: OrgId, changes: readonly AccessChange[]): Promise<void> {
  let by = 0
  for (const change of changes) {
    if (change.kind !== 'org_role') continue
    if (change.new === 'admin') by += 1
    if (change.old === 'admin') by -= 1
  }
  if (by !== 0) await countBy(db, orgId, 'active_admin', by)
}
