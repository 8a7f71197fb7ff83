import type { Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Desired, Source } from '../domain/reconcile.ts'
import type { AccessChange, AccessWrites, HeldAccess } from '../domain/write-ports.ts'
import { policyContext, readFacts, readHeld } from './access-reads.ts'
import { addToCounter } from './counters.ts'

/** How a source is kept in its two columns. A rule names the group it matched as well. */
export function sourceText(by: Source): string {
  return `${by.kind}:${by.group === undefined ? by.id : `${by.id}/${by.group}`}`
}

/** The derived tables (memberships, seats, org role) and the history of access. */
export function accessWrites(db: Kysely<Database>, dialect: Dialect): AccessWrites {
  return {
    facts: (orgId, ids) => readFacts(db, dialect, orgId, ids),
    emptyContext: (orgId) => policyContext(db, orgId),
    held: (orgId, ids) => readHeld(db, dialect, orgId, ids),

    async write(orgId, user, { held, desired, at }) {
      await writeMemberships(db, { orgId, user }, held, desired)
      await writeSeats(db, { orgId, user, at }, held, desired)
      if (held.orgRole !== desired.orgRole) {
        await db
          .updateTable('user')
          .set({ org_role: desired.orgRole })
          .where('org_id', '=', orgId)
          .where('id', '=', user)
          .execute()
      }
      for (const team of desired.stale) {
        await db
          .deleteFrom('explicit_grant')
          .where('org_id', '=', orgId)
          .where('user_id', '=', user)
          .where('kind', '=', 'team_role')
          .where('target', '=', team)
          .execute()
      }
    },

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
      for (const change of changes) await turnPeriod(db, { orgId, seq, at }, change)
      await countSeats(db, orgId, changes)
      await countAdmins(db, orgId, changes)
    },
  }
}

async function writeMemberships(
  db: Kysely<Database>,
  key: { readonly orgId: OrgId; readonly user: UserId },
  held: HeldAccess,
  desired: Desired,
): Promise<void> {
  for (const team of held.memberships.keys()) {
    if (desired.memberships.has(team)) continue
    await db
      .deleteFrom('team_membership')
      .where('org_id', '=', key.orgId)
      .where('user_id', '=', key.user)
      .where('team_id', '=', team)
      .execute()
  }
  for (const [team, { role, by }] of desired.memberships) {
    const now = held.memberships.get(team)
    if (now?.role === role && now.source === sourceText(by)) continue
    const source = {
      role,
      custom_role_id: '',
      source_kind: by.kind,
      source_id: sourceText(by).slice(by.kind.length + 1),
    }
    await db
      .insertInto('team_membership')
      .values({ org_id: key.orgId, user_id: key.user, team_id: team, ...source })
      .onConflict((conflict) => conflict.columns(['org_id', 'user_id', 'team_id']).doUpdateSet(source))
      .execute()
  }
}

async function writeSeats(
  db: Kysely<Database>,
  key: { readonly orgId: OrgId; readonly user: UserId; readonly at: number },
  held: HeldAccess,
  desired: Desired,
): Promise<void> {
  for (const product of held.seats.keys()) {
    if (desired.seats.has(product)) continue
    await db
      .deleteFrom('user_seat')
      .where('org_id', '=', key.orgId)
      .where('user_id', '=', key.user)
      .where('product', '=', product)
      .execute()
  }
  for (const [product, { type, by }] of desired.seats) {
    const now = held.seats.get(product)
    if (now?.wanted === type && now.given === type && now.source === sourceText(by)) continue
    const seat = { wanted: type, given: type, source: sourceText(by), wanted_since: key.at }
    await db
      .insertInto('user_seat')
      .values({ org_id: key.orgId, user_id: key.user, product, ...seat })
      .onConflict((conflict) => conflict.columns(['org_id', 'user_id', 'product']).doUpdateSet(seat))
      .execute()
  }
}

/** Closes the open period of a value and opens the next; one that would begin and end at the same seq leaves none. */
async function turnPeriod(
  db: Kysely<Database>,
  at: { readonly orgId: OrgId; readonly seq: number; readonly at: number },
  change: AccessChange,
): Promise<void> {
  const { orgId, seq } = at
  if (change.old !== null) {
    const open = { org_id: orgId, user_id: change.user, kind: change.kind, target: change.target }
    await db
      .deleteFrom('access_period')
      .where((eb) => eb.and(open))
      .where('to_seq', 'is', null)
      .where('from_seq', '=', seq)
      .execute()
    await db
      .updateTable('access_period')
      .set({ to_seq: seq, valid_to: at.at })
      .where((eb) => eb.and(open))
      .where('to_seq', 'is', null)
      .execute()
  }
  if (change.new === null) return
  await db
    .insertInto('access_period')
    .values({
      org_id: orgId,
      user_id: change.user,
      kind: change.kind,
      target: change.target,
      value: change.new,
      from_seq: seq,
      to_seq: null,
      valid_from: at.at,
      valid_to: null,
    })
    .execute()
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
  for (const { product, type, by } of deltas.values()) {
    if (by === 0) continue
    await db
      .insertInto('seat_counter')
      .values({ org_id: orgId, product, type, used: by, cap: null })
      .onConflict((conflict) =>
        conflict
          .columns(['org_id', 'product', 'type'])
          .doUpdateSet((eb) => ({ used: eb('seat_counter.used', '+', by) })),
      )
      .execute()
  }
}

async function countAdmins(db: Kysely<Database>, orgId: OrgId, changes: readonly AccessChange[]): Promise<void> {
  let by = 0
  for (const change of changes) {
    if (change.kind !== 'org_role') continue
    if (change.new === 'admin') by += 1
    if (change.old === 'admin') by -= 1
  }
  if (by !== 0) await addToCounter(db, orgId, 'active_admin', by)
}
