import { DomainError } from './errors.ts'
import { fold } from './fold.ts'
import type { ConnectionId, RuleId } from './ids.ts'
import type { Grant } from './reconcile.ts'

/**
 * What a rule looks at: the name of a group in any case, a pattern of names (`*` any text, `?` one character, `\` before
 * one that is meant itself), the externalId its identity provider gave it, or nothing: then it is for every person.
 */
export type RuleMatchKind = 'name' | 'glob' | 'externalId' | 'everyone'

export const RULE_MATCH_KINDS: readonly RuleMatchKind[] = ['name', 'glob', 'externalId', 'everyone']

/** Which groups a rule is for. Only groups that an identity provider owns are ever matched. */
export interface RuleMatch {
  readonly kind: RuleMatchKind
  /** As it was written; '' for everyone. */
  readonly value: string
  /** Only groups of this identity provider; undefined for those of any. */
  readonly connection: ConnectionId | undefined
}

/** A value that a rule gives: a role in a team (its id), an org role, a seat of a product. */
export type RuleGrant = Grant & { readonly kind: 'team_role' | 'org_role' | 'seat' }

/** What is stated of a rule. */
export interface RuleState {
  /** What people call it; '' for none. */
  readonly name: string
  readonly match: RuleMatch
  /** Groups it matches get no team of their own when they are made. */
  readonly directoryOnly: boolean
  /** A rule that is switched off gives nothing and protects nothing. */
  readonly enabled: boolean
  /** By kind and target, each once. */
  readonly grants: readonly RuleGrant[]
}

/** From groups of an identity provider to what their people get. */
export interface Rule extends RuleState {
  readonly id: RuleId
  readonly ord: number
  readonly version: number
  readonly created: number
  readonly updated: number
}

/** Rules of one org: all of them are kept in memory. */
export const MAX_RULES = 2_000
const MAX_GRANTS = 200
/** UTF-16 units: a name is shown in one line, and what is matched is part of an index's key. */
const MAX_TEXT = 256

/** The form in which a match is compared, and of which there is one in an org: without case but for an externalId. */
export function matchKey({ kind, value }: Pick<RuleMatch, 'kind' | 'value'>): string {
  return kind === 'externalId' ? value : fold(value)
}

/** Whether an enabled rule makes org admins of the people of the groups it matches. */
export function makesAdmins(rule: Pick<RuleState, 'enabled' | 'grants'>): boolean {
  return rule.enabled && rule.grants.some(({ kind, value }) => kind === 'org_role' && value === 'admin')
}

/** The grants by kind and target: the one order in which they are kept and compared. */
export function sortedGrants(grants: readonly RuleGrant[]): readonly RuleGrant[] {
  const keyOf = ({ kind, target }: RuleGrant): string => `${kind} ${target}`
  return [...grants].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Whether two states say the same. */
export function isSameRule(a: RuleState, b: RuleState): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b))
}

function comparable({ name, match, directoryOnly, enabled, grants }: RuleState): unknown {
  const { kind, value, connection = '' } = match
  const given = sortedGrants(grants).map((grant) => [grant.kind, grant.target, grant.value])
  return [name, kind, value, connection, directoryOnly, enabled, given]
}

/**
 * Refuses a rule that cannot be, whatever the org holds: texts that are empty, too long or hold control characters, an
 * externalId of no connection, two grants of one thing, admins for everybody.
 * @throws DomainError `invalid-value` naming the field
 */
export function checkRule({ name, match, grants, directoryOnly }: RuleState): void {
  checkText('name', name)
  checkText('match.value', match.value)
  checkMatch(match)
  if (directoryOnly && match.kind === 'everyone') {
    throw invalid('directoryOnly', 'directoryOnly is about groups, and this rule matches every person; leave it out.')
  }
  if (grants.length === 0 && !directoryOnly) {
    throw invalid('grants', 'grants is empty: the rule would give nothing; name a team role, an org role or a seat.')
  }
  if (grants.length > MAX_GRANTS) throw invalid('grants', `grants has more than ${MAX_GRANTS} entries.`)
  checkGrants(match, grants)
}

function checkText(path: string, text: string): void {
  if (text.length > MAX_TEXT) throw invalid(path, `${path} is longer than ${MAX_TEXT} characters.`)
  if (/\p{Cc}/u.test(text)) throw invalid(path, `${path} must not hold control characters.`)
}

function checkMatch({ kind, value, connection }: RuleMatch): void {
  if (kind === 'everyone') {
    if (value === '' && connection === undefined) return
    throw invalid('match', 'A rule for everyone names no group and no connection.')
  }
  if (value.trim() === '') throw invalid('match.value', 'match.value is empty; say which group the rule is for.')
  if (kind === 'externalId' && connection === undefined) {
    const message = 'match.connection is missing: an externalId means something to one identity provider only; name it.'
    throw invalid('match.connection', message)
  }
}

const SEATS = ['full', 'viewer', 'none']
const ROLES = ['admin', 'member', 'viewer']

function checkGrants(match: RuleMatch, grants: readonly RuleGrant[]): void {
  const seen = new Set<string>()
  grants.forEach(({ kind, target, value }, at) => {
    const path = `grants[${at}]`
    const key = `${kind} ${target}`
    if (seen.has(key)) throw invalid(path, `${path} is about the same thing as an earlier one; keep one of them.`)
    seen.add(key)
    if (kind === 'seat' && !SEATS.includes(value)) {
      throw invalid(`${path}.type`, `${path}.type must be one of ${SEATS.join(', ')}.`)
    }
    if (kind !== 'org_role') return
    if (!ROLES.includes(value)) throw invalid(`${path}.orgRole`, `${path}.orgRole must be one of ${ROLES.join(', ')}.`)
    if (value === 'admin' && match.kind === 'everyone') {
      throw invalid(`${path}.orgRole`, `${path}.orgRole: a rule for everyone cannot make everybody an admin.`)
    }
  })
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('invalid-value', message, { reason: 'rule.invalid', params: { path } })
}
