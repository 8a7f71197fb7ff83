import { DomainError } from '../domain/errors.ts'
import type { MemberInput } from '../domain/group.ts'
import { type GroupId, isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { WriteStores } from '../domain/write-ports.ts'

const NAMED_IN_ERRORS = 10

/** Member values as rows: people, nested groups, and ids of deleted people, which are skipped. */
export interface ResolvedMembers {
  readonly people: readonly UserId[]
  readonly groups: readonly GroupId[]
  readonly skipped: readonly UserId[]
}

/**
 * Resolves the members that a request adds or sets. A value is an id or a primary e-mail address; an id always wins.
 * Identity providers lag, so an id of a deleted person is skipped.
 * @throws DomainError `invalid-value` naming up to ten unknown values, an ambiguous address, or a service account
 */
export async function resolveMembers(
  stores: WriteStores,
  orgId: OrgId,
  members: readonly MemberInput[],
): Promise<ResolvedMembers> {
  const values = await idsOfAddresses(stores, orgId, members)
  const known = await stores.users.resolve(orgId, values.filter(isId))
  const service = known.filter((person) => person.accountType !== 'USER' && !person.deleted)
  if (service.length > 0) {
    throw invalidMembers(
      'Service accounts cannot be members of a group',
      service.map((person) => person.id),
    )
  }
  const found = new Set<string>(known.map((person) => person.id))
  const rest = values.filter((value) => !found.has(value))
  const groups = await stores.groups.existing(orgId, rest.filter(isId))
  const nested = new Set<string>(groups)
  const unknown = rest.filter((value) => !nested.has(value))
  if (unknown.length > 0) throw invalidMembers('No user or group has this id; push the members first', unknown)
  return {
    people: known.filter((person) => !person.deleted).map((person) => person.id),
    groups,
    skipped: known.filter((person) => person.deleted).map((person) => person.id),
  }
}

/**
 * The ids that a removal names; a value that names nobody removes nobody, which is a success.
 * @throws DomainError `invalid-value` for an ambiguous address
 */
export async function idsToRemove(
  stores: WriteStores,
  orgId: OrgId,
  members: readonly MemberInput[],
): Promise<readonly string[]> {
  return (await idsOfAddresses(stores, orgId, members)).filter(isId)
}

async function idsOfAddresses(
  stores: WriteStores,
  orgId: OrgId,
  members: readonly MemberInput[],
): Promise<readonly string[]> {
  const values = new Set<string>()
  for (const { value } of members) {
    if (!value.includes('@')) {
      values.add(value)
      continue
    }
    const ids = await stores.users.byPrimaryEmail(orgId, value)
    if (ids.length > 1) throw invalidMembers('Several people have this address; use the id', [value])
    values.add(ids[0] ?? value)
  }
  return [...values]
}

function invalidMembers(sentence: string, values: readonly string[]): DomainError {
  const named = values
    .slice(0, NAMED_IN_ERRORS)
    .map((value) => JSON.stringify(value))
    .join(', ')
  const more = values.length > NAMED_IN_ERRORS ? ` and ${values.length - NAMED_IN_ERRORS} more` : ''
  return new DomainError('invalid-value', `members: ${named}${more}: ${sentence}`, { reason: 'members.invalid' })
}
