import type { OrgId, UserId } from '../domain/ids.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { RecordEffect } from '../domain/record.ts'
import {
  type Desired,
  type PersonFacts,
  rankOf,
  reconcile,
  type ReconcileContext,
  type Source,
} from '../domain/reconcile.ts'
import type { User } from '../domain/user.ts'
import type { SeatKey } from '../domain/seat-allocation.ts'
import type { HeldAccess } from '../domain/held-access.ts'
import type { AccessChange, AccessTurn, WriteStores } from '../domain/write-ports.ts'
import { checkLastAdmin } from './admin-guard.ts'
import { allocateSeats, type AskedSeats, nextInLine } from './allocate-seats.ts'

/** At most this many people are reconciled in the request's own transaction; more become a job. */
export const INLINE_PEOPLE = 1_000
/** People a record speaks of; a larger change leaves several. */
export const PEOPLE_PER_RECORD = 500

const NO_SEATS: AccessTurn['seats'] = new Map()
/** What somebody holds who holds nothing. */
export const NOTHING: HeldAccess = { active: false, orgRole: 'none', memberships: new Map(), seats: new Map() }

/** Whom to bring in line: everybody, or only those who thereby lose something. */
export type Extent = 'everybody' | 'losers'

/**
 * Brings the derived rows of people in line with their facts, for the record that is appended next: access periods
 * open and close at its seq.
 * @returns what changed, grouped over the people it is the same for
 */
export async function reconcilePeople(
  stores: WriteStores,
  orgId: OrgId,
  ids: readonly UserId[],
  extent: Extent = 'everybody',
): Promise<readonly RecordEffect[]> {
  if (ids.length === 0) return []
  const { people, context, held } = await factsAndHeld(stores, orgId, ids)
  const losing = extent === 'losers' ? people.filter((person) => losesBy(person, held, context)) : people
  return losing.length === 0 ? [] : apply(stores, orgId, { people: losing, context, held })
}

/** Neither waits for the other: where the store is a round trip away, that is one less. */
async function factsAndHeld(stores: WriteStores, orgId: OrgId, ids: readonly UserId[]): Promise<Situation> {
  const [facts, held] = await Promise.all([stores.access.facts(orgId, ids), stores.access.held(orgId, ids)])
  return { ...facts, held }
}

function losesBy(person: PersonFacts, held: ReadonlyMap<UserId, HeldAccess>, context: ReconcileContext): boolean {
  const turn = asWanted(person, held.get(person.id), context)
  return differences(turn).some((effect) => isLoss(effect, context))
}

/** What a person holds and should hold, as if every seat that is wanted were there. */
export function asWanted(person: PersonFacts, held: HeldAccess | undefined, context: ReconcileContext): AccessTurn {
  const desired = reconcile(person, context)
  const seats = Array.from(desired.seats, ([product, { type, by }]) => {
    return [product, { wanted: type, given: type, since: 0, by }] as const
  })
  return { user: person.id, held: held ?? NOTHING, desired, seats: new Map(seats) }
}

/** Whether a change leaves somebody with less. One custom role for another of the same base counts as less. */
export function isLoss(
  { old, new: next }: Pick<AccessChange, 'old' | 'new'>,
  context: Pick<ReconcileContext, 'roleOf'>,
): boolean {
  if (old === null || next === null) return next === null
  return rankOf(next, context) <= rankOf(old, context)
}

/**
 * The same for people whose seats the request itself asks for: making, reactivating or inviting somebody, a seat, a role.
 * @returns what changed, and the org's policy as it was read for it
 * @throws DomainError `seat-limit` where the org refuses what the licence has not left
 */
export async function reconcileAsked(
  stores: WriteStores,
  orgId: OrgId,
  ids: readonly UserId[],
  asked: AskedSeats,
): Promise<{ readonly effects: readonly RecordEffect[]; readonly policy: OrgPolicy }> {
  const { people, context, held } = await factsAndHeld(stores, orgId, ids)
  return { effects: await apply(stores, orgId, { people, context, held, asked }), policy: context.policy }
}

/** The same for a person who was just made, with facts that were stated at once: they hold nothing yet. */
export async function reconcileMade(
  stores: WriteStores,
  orgId: OrgId,
  id: UserId,
  asked: AskedSeats,
): Promise<readonly RecordEffect[]> {
  const { people, context } = await stores.access.facts(orgId, [id])
  return apply(stores, orgId, { people, context, held: new Map(), asked })
}

/** The same for a person who was just made: there are no facts to read yet, and of the org its context alone. */
export async function reconcileNewPerson(
  stores: WriteStores,
  orgId: OrgId,
  person: PersonFacts,
  context: ReconcileContext,
): Promise<readonly RecordEffect[]> {
  return apply(stores, orgId, { people: [person], context, held: new Map(), asked: { products: [] } })
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
  readonly asked?: AskedSeats
}

/** A changed value and what gave it: `explicit`, `rule:<rule>/<group>`, `member:<group>`, `default`. */
export interface Effect extends AccessChange {
  readonly via: string
  readonly wanted?: string
  /** Whether a person who stays active loses their last team by it, or their role as an admin of the org. */
  readonly bereaves?: boolean
}

async function apply(stores: WriteStores, orgId: OrgId, situation: Situation): Promise<readonly RecordEffect[]> {
  const { context } = situation
  const wanted = situation.people.map((person) => ({
    person,
    user: person.id,
    held: situation.held.get(person.id) ?? NOTHING,
    desired: reconcile(person, context),
  }))
  const request = { orgId, policy: context.policy, people: wanted, asked: situation.asked }
  const { byUser, freed } = await allocateSeats(stores, request)
  const turns = wanted.map((turn) => ({ ...turn, seats: byUser.get(turn.user) ?? NO_SEATS }))
  const effects = turns.flatMap((turn) => differences(turn))
  await checkLastAdmin(stores, orgId, effects)
  await stores.access.write(orgId, turns)
  const changes = effects.filter((effect) => effect.old !== effect.new)
  await stores.access.record(orgId, changes, stores.journal.nextSeq(orgId), stores.now)
  return freed.length === 0 ? grouped(effects) : [...grouped(effects), ...(await handOut(stores, orgId, freed))]
}

/** Seats that came back go to those who wait the longest, in the same transaction: nobody can come before them. */
async function handOut(stores: WriteStores, orgId: OrgId, freed: readonly SeatKey[]): Promise<readonly RecordEffect[]> {
  const next = await nextInLine(stores, orgId, freed)
  const effects = await reconcilePeople(stores, orgId, next)
  const people = new Set(effects.flatMap((effect) => effect.people))
  await stores.users.touch(orgId, [...people], stores.now)
  return effects
}

/** What a person gains and loses. A role of `none` and a seat of `none` are nothing. */
export function differences({ user, held, desired, seats }: AccessTurn): readonly Effect[] {
  const { orgRoleBy } = desired
  const values: readonly Values[] = [
    { kind: 'active', target: '', old: present(held.active), new: present(desired.active), via: 'status' },
    {
      kind: 'org_role',
      target: '',
      old: held.orgRole,
      new: desired.orgRole,
      via: orgRoleBy.kind === 'rule' ? viaOf(orgRoleBy) : orgRoleBy.kind,
      bereaves: desired.active && held.orgRole === 'admin',
    },
    ...teamValues(held, desired),
    ...seatValues(held, seats),
  ]
  return values
    .map((value) => ({ ...value, user, old: nothing(value.old), new: nothing(value.new) }))
    .filter(({ old, new: now, waits = false }) => old !== now || waits)
}

function teamValues(held: HeldAccess, desired: Desired): readonly Values[] {
  const bereaves = desired.active && desired.memberships.size === 0
  return union(held.memberships, desired.memberships).map((target) => {
    const [before, after] = [held.memberships.get(target), desired.memberships.get(target)]
    const via = after === undefined ? (before?.source ?? '') : viaOf(after.by)
    return { kind: 'team', target, old: before?.role ?? null, new: after?.role ?? null, via, bereaves }
  })
}

/** Beside changes, who begins to wait for more than they have. */
function seatValues(held: HeldAccess, seats: AccessTurn['seats']): readonly Values[] {
  return union(held.seats, seats).map((target) => {
    const [before, after] = [held.seats.get(target), seats.get(target)]
    const via = after === undefined ? (before?.source ?? '') : viaOf(after.by)
    const value = { kind: 'seat', target, old: before?.given ?? null, new: after?.given ?? null, via } as const
    if (after === undefined || after.given === after.wanted) return value
    return { ...value, wanted: after.wanted, waits: before?.wanted !== after.wanted }
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

type Values = Omit<Effect, 'user'> & { readonly waits?: boolean }

function viaOf(by: Source): string {
  return by.group === undefined ? `${by.kind}:${by.id}` : `${by.kind}:${by.id}/${by.group}`
}

function grouped(effects: readonly Effect[]): readonly RecordEffect[] {
  const groups = new Map<string, Omit<RecordEffect, 'people'> & { readonly people: UserId[]; bereft?: UserId[] }>()
  for (const { user, kind, target, old, new: next, wanted, via, bereaves = false } of effects) {
    const key = JSON.stringify([kind, target, old, next, wanted, via])
    const more = wanted === undefined ? {} : { wanted }
    const group = groups.get(key) ?? { kind, target, old, new: next, ...more, via, people: [] }
    group.people.push(user)
    if (bereaves) group.bereft = [...(group.bereft ?? []), user]
    groups.set(key, group)
  }
  return [...groups.values()]
}
