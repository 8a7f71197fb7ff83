import type { OrgId, UserId } from '../domain/ids.ts'
import type { RecordEffect } from '../domain/record.ts'
import { type Desired, type PersonFacts, reconcile, type ReconcileContext, type Source } from '../domain/reconcile.ts'
import type { User } from '../domain/user.ts'
import type { AccessChange, HeldAccess, WriteStores } from '../domain/write-ports.ts'
import { checkLastAdmin } from './admin-guard.ts'

/** At most this many people are reconciled in the request's own transaction; more become a job. */
export const INLINE_PEOPLE = 1_000
/** People a record speaks of; a larger change leaves several. */
export const PEOPLE_PER_RECORD = 500

const NOTHING: HeldAccess = { active: false, orgRole: 'none', memberships: new Map(), seats: new Map() }

/**
 * Brings the derived rows of people in line with their facts, for the record that is appended next: access periods
 * open and close at its seq.
 * @returns what changed, grouped over the people it is the same for
 */
export async function reconcilePeople(
  stores: WriteStores,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<readonly RecordEffect[]> {
  if (ids.length === 0) return []
  const { people, context } = await stores.access.facts(orgId, ids)
  const held = await stores.access.held(orgId, ids)
  return apply(stores, orgId, { people, context, held })
}

/** The same for a person who was just made: there are no facts to read yet. */
export async function reconcileNewPerson(
  stores: WriteStores,
  orgId: OrgId,
  person: PersonFacts,
): Promise<readonly RecordEffect[]> {
  const context = await stores.access.emptyContext(orgId)
  return apply(stores, orgId, { people: [person], context, held: new Map() })
}

/** A person with the org role that reconciling gave. */
export function withEffects(user: User, effects: readonly RecordEffect[]): User {
  const role = effects.find(({ kind, people }) => kind === 'org_role' && people.includes(user.id))
  return role === undefined ? user : { ...user, orgRole: (role.new ?? 'none') as User['orgRole'] }
}

interface Situation {
  readonly people: readonly PersonFacts[]
  readonly context: ReconcileContext
  readonly held: ReadonlyMap<UserId, HeldAccess>
}

interface Effect extends AccessChange {
  readonly via: string
}

async function apply(stores: WriteStores, orgId: OrgId, situation: Situation): Promise<readonly RecordEffect[]> {
  const turns = situation.people.map((person) => ({
    person,
    user: person.id,
    held: situation.held.get(person.id) ?? NOTHING,
    desired: reconcile(person, situation.context),
  }))
  const effects = turns.flatMap(({ person, held, desired }) => differences(person, held, desired))
  await checkLastAdmin(stores, orgId, effects)
  await stores.access.write(orgId, turns, stores.now)
  await stores.access.record(orgId, effects, stores.journal.nextSeq(orgId), stores.now)
  return grouped(effects)
}

/** What a person gains and loses. A role of `none` and a seat of `none` are nothing. */
function differences(person: PersonFacts, held: HeldAccess, desired: Desired): readonly Effect[] {
  const { id: user } = person
  const stated = person.explicit.some(({ kind }) => kind === 'org_role')
  const values: readonly Values[] = [
    { kind: 'active', target: '', old: present(held.active), new: present(desired.active), via: 'status' },
    { kind: 'org_role', target: '', old: held.orgRole, new: desired.orgRole, via: stated ? 'explicit' : 'default' },
    ...teamValues(held, desired),
    ...seatValues(held, desired),
  ]
  return values
    .map((value) => ({ ...value, user, old: nothing(value.old), new: nothing(value.new) }))
    .filter((effect) => effect.old !== effect.new)
}

function teamValues(held: HeldAccess, desired: Desired): readonly Values[] {
  return union(held.memberships, desired.memberships).map((target) => {
    const [before, after] = [held.memberships.get(target), desired.memberships.get(target)]
    const via = after === undefined ? (before?.source ?? '') : viaOf(after.by)
    return { kind: 'team', target, old: before?.role ?? null, new: after?.role ?? null, via }
  })
}

function seatValues(held: HeldAccess, desired: Desired): readonly Values[] {
  return union(held.seats, desired.seats).map((target) => {
    const [before, after] = [held.seats.get(target), desired.seats.get(target)]
    const via = after === undefined ? (before?.source ?? '') : viaOf(after.by)
    return { kind: 'seat', target, old: before?.given ?? null, new: after?.type ?? null, via }
  })
}

function union<K>(a: ReadonlyMap<K, unknown>, b: ReadonlyMap<K, unknown>): readonly K[] {
  return [...new Set([...a.keys(), ...b.keys()])]
}

function present(active: boolean): string | null {
  return active ? 'active' : null
}

function nothing(value: string | null): string | null {
  return value === 'none' ? null : value
}

type Values = Omit<Effect, 'user'>

function viaOf(by: Source): string {
  return by.group === undefined ? `${by.kind}:${by.id}` : `${by.kind}:${by.id}/${by.group}`
}

function grouped(effects: readonly Effect[]): readonly RecordEffect[] {
  const groups = new Map<string, Omit<RecordEffect, 'people'> & { readonly people: UserId[] }>()
  for (const { user, kind, target, old, new: next, via } of effects) {
    const key = JSON.stringify([kind, target, old, next, via])
    const group = groups.get(key) ?? { kind, target, old, new: next, via, people: [] }
    group.people.push(user)
    groups.set(key, group)
  }
  return [...groups.values()]
}
