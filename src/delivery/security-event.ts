import { factsOf, type RecordFacts, textIn } from '../audit/record-facts.ts'
import type { JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import { EVENT_PREFIX } from '../domain/security-events.ts'
import type { Carried } from './carrier.ts'

/** What SCIM calls the people and groups of records, and where they are (RFC 7644 §3.2). */
const RESOURCES: Readonly<Record<string, string>> = { user: 'Users', group: 'Groups' }

/** Actions that make a person or a group, or bring one back. */
const MADE = new Set(['user.create', 'user.restore', 'group.create', 'team.restore', 'sso.jit', 'invite.create'])
const ENDED = new Set(['user.delete', 'group.delete', 'invite.revoke', 'invite.expire'])
/** Things whose every other action changes a person or a group. */
const CHANGING = new Set(['user', 'group', 'team', 'member'])
/** Facts of ours that are no attributes of SCIM. */
const OURS = new Set(['owner'])
const OF_GROUPS = new Set(['displayName', 'externalId', 'members'])

/** The claims of a security event token (RFC 8417 §2.2) beside issuer and audience, which its stream adds. */
export interface SecurityEvent {
  /** The record's id and seq: the same each time the token is made. */
  readonly jti: string
  /** Seconds. */
  readonly iat: number
  /** Of the request that led here. */
  readonly txn: string | undefined
  /** RFC 9967 §2.1. */
  readonly sub_id: JsonObject
  /** By URI. */
  readonly events: JsonObject
}

/**
 * What a record is in the words of the SCIM profile for security event tokens (RFC 9967 §2.4): the notices of a person or
 * group that was made, changed, switched or ended. Notices name attributes and hold no value, so that a receiver who may
 * see them reads them over SCIM.
 * @returns undefined for a record that is none of that
 */
export function securityEventOf({ record, pii }: Carried): SecurityEvent | undefined {
  if (record.result !== 'success') return undefined
  const facts = factsOf(record, pii)
  const subject = subjectOf(facts)
  if (subject === undefined) return undefined
  const events = eventsOf(record, facts)
  if (Object.keys(events).length === 0) return undefined
  return {
    ...{ jti: tokenId(record), iat: Math.floor(record.time / 1_000), txn: record.requestId },
    ...{ sub_id: subject, events },
  }
}

/** The `jti` of a record's token; its seq makes what was acknowledged easy to find. */
export function tokenId({ id, seq }: Pick<StoredRecord, 'id' | 'seq'>): string {
  return `${id}.${seq}`
}

/** The seq and record id in a `jti`; undefined for one that was never given out. */
export function readTokenId(jti: string): { readonly id: string; readonly seq: number } | undefined {
  const [, id, seq] = /^([0-9a-f-]{36})\.(\d{1,15})$/.exec(jti) ?? []
  return id === undefined ? undefined : { id, seq: Number(seq) }
}

function subjectOf(facts: RecordFacts): JsonObject | undefined {
  for (const [type, path] of Object.entries(RESOURCES)) {
    const target = facts.target(type)
    const id = textIn(target?.['id'])
    if (id === undefined) continue
    const externalId = textIn(target?.['externalId'])
    // A commitment in its place says nothing to anybody.
    const known = externalId === undefined || externalId.startsWith('c1:') ? {} : { externalId }
    return { format: 'scim', uri: `/${path}/${id}`, ...known }
  }
  return undefined
}

function eventsOf({ action, body }: StoredRecord, facts: RecordFacts): JsonObject {
  if (ENDED.has(action)) return { [`${EVENT_PREFIX}:prov:delete`]: {} }
  const attributes = attributesOf(facts, subjectIsGroup(facts))
  if (MADE.has(action)) return { [`${EVENT_PREFIX}:prov:create:notice`]: { attributes } }
  if (!CHANGING.has(facts.thing) || attributes.length === 0) return {}
  const verb = methodOf(body) === 'PUT' ? 'put' : 'patch'
  const active = facts.changes.find(({ path }) => path === 'active')?.['new']
  const switched =
    active === undefined ? {} : { [`${EVENT_PREFIX}:prov:${active === true ? 'activate' : 'deactivate'}`]: {} }
  return { ...switched, [`${EVENT_PREFIX}:prov:${verb}:notice`]: { attributes } }
}

function subjectIsGroup(facts: RecordFacts): boolean {
  return facts.target('user') === undefined
}

function attributesOf({ changes }: RecordFacts, ofGroup: boolean): readonly string[] {
  const paths = changes.map(({ path }) => textIn(path) ?? '')
  return [...new Set(paths.filter((path) => path !== '' && (ofGroup ? OF_GROUPS.has(path) : !OURS.has(path))))]
}

function methodOf(body: string): string | undefined {
  const { request } = JSON.parse(body) as { readonly request?: { readonly method?: string } }
  return request?.method
}
