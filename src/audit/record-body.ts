import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { Personal, unknownPerson } from '../domain/record.ts'
import type { Actor, RecordChange, RecordDraft, RecordEffect, RecordTarget, RecordValue } from '../domain/record.ts'

const BODY_VERSION = 1
const FIXED_NAME = /^[A-Za-z][A-Za-z0-9_]*$/

type Facts = { readonly [key: string]: RecordValue | undefined }

/** What the sealer adds to a draft: the record's identity, and times in epoch milliseconds and microseconds. */
export interface BodyStamp {
  readonly id: RecordId
  readonly orgId: OrgId
  readonly receivedAt: number
  /** From the request's arrival until now; absent for a record without a request. */
  readonly latencyUs: number | undefined
}

/** Gives what the hashed body holds instead of a personal value. `ref` is its JSON pointer (RFC 6901) in the body. */
export type Commit = (ref: string, personal: Personal) => string

/**
 * The body of a record as a JSON object: facts by their fixed names, absent ones and empty lists left out (only
 * `targets` is always there), personal values replaced. It holds neither seq nor time nor previous hash: those belong
 * to the link, so that a body can be checked by itself. `v` is the version of this form.
 * @throws Error for a key that is no fixed ASCII name: names users give (URNs, products) are values, in lists.
 */
export function bodyOf(draft: RecordDraft, stamp: BodyStamp, commit: Commit): JsonObject {
  const { request } = draft
  const facts: Facts = {
    action: draft.action,
    actor: actorFacts(draft.actor),
    cause: draft.cause,
    changes: listed(draft.changes?.map(changeFacts)),
    client: clientFacts(draft),
    effects: listed(groupEffects(draft.effects ?? []).map(effectFacts)),
    id: stamp.id,
    latencyUs: stamp.latencyUs,
    org: stamp.orgId,
    outcome: outcomeFacts(draft),
    receivedAt: new Date(stamp.receivedAt).toISOString(),
    request: request && requestFacts(request),
    steps: listed(draft.steps),
    targets: draft.targets.map(targetFacts),
    v: BODY_VERSION,
  }
  return settleObject(facts, '', commit)
}

/** The people whose personal values stand anywhere in a draft, each once. */
export function peopleIn(draft: RecordDraft): readonly UserId[] {
  const people = new Set<UserId>()
  const search = (value: RecordValue | undefined): void => {
    if (value instanceof Personal) people.add(value.person)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(search)
  }
  search(clientFacts(draft))
  for (const target of draft.targets) search(targetFacts(target))
  for (const change of draft.changes ?? []) search(changeFacts(change))
  return [...people]
}

/** The ids a record is found by: its targets, the people its effects reach, the members it adds and removes; each once. */
export function targetIdsOf(draft: RecordDraft): readonly string[] {
  const ids = new Set<string>(draft.targets.map((target) => target.id))
  for (const effect of draft.effects ?? []) for (const person of effect.people) ids.add(person)
  for (const change of draft.changes ?? []) {
    for (const id of change.added ?? []) ids.add(id)
    for (const id of change.removed ?? []) ids.add(id)
  }
  return [...ids]
}

/** One effect per (kind, target, old, new, via), in the order of first appearance, over all its people. */
function groupEffects(effects: readonly RecordEffect[]): readonly RecordEffect[] {
  const groups = new Map<string, { readonly effect: RecordEffect; readonly people: Set<UserId> }>()
  for (const effect of effects) {
    const key = JSON.stringify([effect.kind, effect.target, effect.old, effect.new, effect.wanted, effect.via])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { effect, people: new Set(effect.people) })
    else for (const person of effect.people) group.people.add(person)
  }
  return Array.from(groups.values(), ({ effect, people }) => ({ ...effect, people: [...people] }))
}

// Facts are picked name by name: an object may carry more than its type says, and the hashed bytes must not.

function actorFacts({ type, id, connectionId, tokenId, issuer, subject, onBehalfOf }: Actor): Facts {
  return { type, id, connectionId, tokenId, issuer, subject, onBehalfOf }
}

/**
 * Where a request came from: in clear for machines, which connections and keys of service accounts are; of a person it is
 * as personal as their name.
 */
function clientFacts(draft: RecordDraft): Facts | undefined {
  const { ip, userAgent } = draft.request?.client ?? {}
  const person = personBehind(draft)
  if (person === undefined) return filled({ ip, userAgent })
  const sealed = (text: string | undefined) => (text === undefined ? undefined : new Personal(person, text))
  return filled({ ip: sealed(ip), userAgent: sealed(userAgent) })
}

/** Whose browser a request came from: who acts, else whom it is about, else somebody who is nobody here. */
function personBehind({ actor, targets, request }: RecordDraft): UserId | undefined {
  if (request?.client === undefined || !(actor.type === 'user' || actor.type === 'system')) return undefined
  const about = targets.find(({ type }) => type === 'user')?.id
  return (actor.id ?? about ?? unknownPerson(request.receivedAt)) as UserId
}

function targetFacts({ type, id, externalId, display }: RecordTarget): Facts {
  return { type, id, externalId, display }
}

function changeFacts({ path, old, new: now, added, removed }: RecordChange): Facts {
  return { path, old, new: now, added, removed }
}

function effectFacts({ kind, target, old, new: now, wanted, via, people }: RecordEffect): Facts {
  return { kind, target, old, new: now, wanted, via, people }
}

function outcomeFacts({ outcome }: RecordDraft): Facts {
  const { result, status, scimType, reason, params } = outcome
  return { result, status, scimType, reason, params }
}

function requestFacts({ id, method, route, bulkIndex, idpRequestId }: NonNullable<RecordDraft['request']>): Facts {
  return { id, method, route, bulkIndex, idpRequestId }
}

function listed<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values
}

function filled(facts: Facts): Facts | undefined {
  return Object.values(facts).some((value) => value !== undefined) ? facts : undefined
}

function settle(value: RecordValue, pointer: string, commit: Commit): Json {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Personal) return commit(pointer, value)
  if (isList(value)) return value.map((item, index) => settle(item, `${pointer}/${index}`, commit))
  return settleObject(value, pointer, commit)
}

function settleObject(facts: Facts, pointer: string, commit: Commit): JsonObject {
  const settled: Record<string, Json> = {}
  for (const key of Object.keys(facts)) {
    const value = facts[key]
    if (value === undefined) continue
    if (!FIXED_NAME.test(key))
      throw new Error(`The key at ${pointer} of a record is no fixed name of letters and digits`)
    // Such a name holds neither `~` nor `/`, so it stands in a pointer as it is (RFC 6901 §3).
    settled[key] = settle(value, `${pointer}/${key}`, commit)
  }
  return settled
}

function isList(value: RecordValue): value is readonly RecordValue[] {
  return Array.isArray(value)
}
