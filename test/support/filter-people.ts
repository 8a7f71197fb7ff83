import fc from 'fast-check'
import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { Viewer } from '../../src/domain/connection.ts'
import { type ConnectionId, type GroupId, newId, type OrgId, type UserId } from '../../src/domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'
import { CUSTOM_URN, ENTERPRISE_URN, USER_URN } from '../../src/domain/schema-urns.ts'
import type { User, UserAttributes, UserStatus } from '../../src/domain/user.ts'
import { attributeKeys } from '../../src/storage/attribute-keys.ts'
import { fold } from '../../src/domain/fold.ts'
import { emailRows, fromUser } from '../../src/storage/user-row.ts'
import { DECLARED, EXTRA_URN } from './filter-view.ts'

/** What breaks a query when a value is not bound, a pattern not escaped, or text compared in another way than folded. */
const PIECES = [
  'a',
  'A',
  'b',
  'é',
  'É',
  'e\u0301',
  'ß',
  'ẞ',
  'ς',
  'Σ',
  'ı',
  'İ',
  'i',
  'I',
  'K',
  '😀',
  '\uff5e',
  '\ud7ff',
]
const SYNTAX = ['%', '_', '\\', '"', "'", '--', ';', '$', '.', '[0]', '{', '\n', '\u0001', ' ', '@x.org', '*', '?']

export const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PIECES) }, fc.constantFrom(...SYNTAX)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''))

export const TIMES = [
  '1999-12-31T23:59:59.999Z',
  '2011-05-13T04:42:34.000Z',
  '2011-05-13T04:42:34.001Z',
  '2030-01-01T00:00:00.000Z',
]

const base64 = fc.constantFrom('QUJD', 'qujd', 'AAAA')
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const label = fc.constantFrom('work', 'Work', 'home', 'other')

function compact(object: { readonly [key: string]: Json | undefined }): JsonObject | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function complex(shape: Record<string, fc.Arbitrary<Json>>): fc.Arbitrary<JsonObject | undefined> {
  return fc.record(shape, { requiredKeys: [] }).map(compact)
}

/** The first `primary` stays, as the normaliser leaves it; no values, no attribute. */
function list(element: fc.Arbitrary<Json | undefined>): fc.Arbitrary<readonly Json[] | undefined> {
  return fc.array(element, { maxLength: 3 }).map((elements) => {
    const left = elements.filter((each) => each !== undefined)
    return left.length === 0 ? undefined : left
  })
}

const plural = list(complex({ value: text, display: text, type: label, primary: fc.boolean() }))
const attributes: fc.Arbitrary<JsonObject> = fc
  .record({
    displayName: maybe(text),
    nickName: maybe(text),
    title: maybe(text),
    userType: maybe(text),
    locale: maybe(text),
    profileUrl: maybe(text),
    name: maybe(complex({ familyName: text, givenName: text, formatted: text })),
    emails: plural,
    roles: plural,
    phoneNumbers: plural,
    addresses: list(complex({ locality: text, country: text, type: label, primary: fc.boolean() })),
    x509Certificates: list(complex({ value: base64, display: text, primary: fc.boolean() })),
    [ENTERPRISE_URN]: complex({ department: text, employeeNumber: text, costCenter: text }),
    [EXTRA_URN]: complex({
      level: fc.integer({ min: -2, max: 12 }),
      ratio: fc.constantFrom(-1.5, 0, 0.1, 2, 1e21),
      remote: fc.boolean(),
      hired: fc.constantFrom(...TIMES),
      code: text,
      tags: fc.array(text, { minLength: 1, maxLength: 3 }),
      codes: fc.array(text, { minLength: 1, maxLength: 3 }),
    }),
    [CUSTOM_URN]: complex({
      squad: text,
      badge: text,
      onCall: fc.boolean(),
      grade: fc.constantFrom(-1, 0, 2, 7, 2 ** 53 - 1),
      share: fc.constantFrom(-1.5, 0, 0.1, 2, 1e21),
      joined: fc.constantFrom(...TIMES),
      homepage: text,
      skills: fc.array(text, { minLength: 1, maxLength: 3 }),
      keys: fc.array(text, { minLength: 1, maxLength: 3 }),
      scores: fc.array(fc.constantFrom(-1.5, 0, 0.1, 7), { minLength: 1, maxLength: 3 }),
      reviews: fc.array(fc.constantFrom(...TIMES), { minLength: 1, maxLength: 3 }),
    }),
  })
  .map((object) => compact(object) ?? {})

interface Seed {
  readonly attributes: JsonObject
  readonly name: string
  readonly status: UserStatus
  readonly owner: 'idp' | 'other' | undefined
  readonly externalId: string | undefined
  readonly created: number
  readonly updated: number
  readonly version: number
  /** Per group: a fact of that origin, `rule` for a membership without any, or nothing. */
  readonly groups: readonly ('scim' | 'service' | 'rule' | undefined)[]
  readonly manager: number | undefined
}

const times = fc.constantFrom(...TIMES.map((time) => Date.parse(time)))
const seeds: fc.Arbitrary<Seed> = fc.record({
  attributes,
  name: text,
  status: fc.constantFrom<UserStatus>('pending', 'active', 'deactivated'),
  owner: fc.constantFrom('idp', 'other', undefined),
  externalId: maybe(text),
  created: times,
  updated: times,
  version: fc.integer({ min: 1, max: 12 }),
  groups: fc.array(fc.constantFrom('scim', 'service', 'rule', undefined), { minLength: 4, maxLength: 4 }),
  manager: maybe(fc.nat({ max: 20 })),
})

/** What one store holds of a generated population, and its resources as one viewer sees them. */
export interface Population {
  readonly orgId: OrgId
  readonly idp: Viewer
  readonly script: Viewer
  readonly groupIds: readonly GroupId[]
  readonly userIds: readonly UserId[]
  /** In the order of `ord`. */
  resources(viewer: Viewer): readonly JsonObject[]
  groupResources(viewer: Viewer): readonly JsonObject[]
}

const GROUP_NAMES = ['Ärzte', 'ärzte 2', '100%_"b\'', 'gone']
/** The last group is deleted. */
const DELETED_GROUP = 3

/** Fills a store. @param seed fast-check's, so that a failure can be repeated */
export async function populate(db: Kysely<Database>, seed: number, size: number): Promise<Population> {
  const orgId = newId<OrgId>(1)
  const connections = { idp: newId<ConnectionId>(1), other: newId<ConnectionId>(1) }
  await db.insertInto('org').values({ id: orgId, name: orgId, name_key: orgId, created: 0 }).execute()
  for (const [name, id] of Object.entries(connections)) {
    const common = { may_grant_admin: 0 as const, scopes: 'users', signin_provider_id: null, version: 1, created: 0 }
    const row = { org_id: orgId, id, name, name_key: name, kind: 'idp', status: 'active', ...common }
    await db.insertInto('connection').values(row).execute()
  }
  const groups = await insertGroups(db, orgId, connections.idp)
  const people = fc.sample(seeds, { seed, numRuns: size }).map((each, index) => toPerson(each, index, connections))
  const managed = people.map((person) => withManager(person, people))
  for (const person of managed) await insertPerson(db, orgId, person, groups)
  return {
    orgId,
    idp: { kind: 'idp', connectionId: connections.idp },
    script: { kind: 'script', connectionId: connections.other },
    groupIds: groups,
    userIds: managed.map(({ user }) => user.id),
    resources: (viewer) => managed.map((person) => toResource(person, viewer, groups, managed)),
    groupResources: (viewer) => groups.slice(0, DELETED_GROUP).map((id) => toGroup(id, viewer, groups, managed)),
  }
}

interface Person {
  readonly user: User
  readonly seed: Seed
}

function toPerson(seed: Seed, index: number, connections: { idp: ConnectionId; other: ConnectionId }): Person {
  const { status, created, updated, version, owner } = seed
  const user: User = {
    id: newId<UserId>(created + index),
    ord: index + 1,
    version,
    created,
    updated,
    status,
    accountType: 'USER',
    owner: owner === undefined ? undefined : connections[owner],
    // Unique by owner.
    externalId: seed.externalId === undefined ? undefined : `${seed.externalId}${index}`,
    orgRole: status === 'active' ? 'member' : 'none',
    attributes: { ...seed.attributes, userName: `${seed.name}${index}` },
  }
  return { user, seed }
}

/** `manager.value` names a person, nobody, or is nothing. */
function withManager(person: Person, people: readonly Person[]): Person {
  const { manager } = person.seed
  if (manager === undefined) return person
  const value = people[manager]?.user.id ?? 'm-nobody'
  const enterprise = person.user.attributes[ENTERPRISE_URN]
  const attributes: UserAttributes = {
    ...person.user.attributes,
    [ENTERPRISE_URN]: { ...(isJsonObject(enterprise) ? enterprise : {}), manager: { value } },
  }
  return { ...person, user: { ...person.user, attributes } }
}

async function insertGroups(db: Kysely<Database>, orgId: OrgId, owner: ConnectionId): Promise<readonly GroupId[]> {
  const ids = GROUP_NAMES.map((_, index) => newId<GroupId>(index))
  for (const [index, name] of GROUP_NAMES.entries()) {
    const row = {
      org_id: orgId,
      id: ids[index] ?? '',
      ord: index + 1,
      display_name: name,
      name_key: fold(name),
      owner_connection_id: index === 0 ? owner : null,
      external_id: `G${index}`,
      marked_protected: 0 as const,
      member_count: 0,
      body: '{}',
      version: index + 1,
      created: Date.parse(TIMES[index] ?? ''),
      updated: Date.parse(TIMES[3 - index] ?? ''),
      deleted_at: index === DELETED_GROUP ? 1 : null,
    }
    await db.insertInto('scim_group').values(row).execute()
    const team = { archived_at: null, default_role: 'member', storage: null, visibility: 'org' }
    await db
      .insertInto('team')
      .values({ org_id: orgId, id: ids[index] ?? '', ...team })
      .execute()
  }
  for (const child of [2, DELETED_GROUP]) {
    const pair = { org_id: orgId, group_id: ids[0] ?? '', child_group_id: ids[child] ?? '' }
    await db.insertInto('group_child').values(pair).execute()
  }
  return ids
}

async function insertPerson(db: Kysely<Database>, orgId: OrgId, person: Person, groups: readonly GroupId[]) {
  const { user, seed } = person
  const { id, ord, created } = user
  const key = { org_id: orgId, id, ord, created, account_type: user.accountType, billing_admin: 0 as const }
  await db
    .insertInto('user')
    .values({ ...key, ...fromUser(user) })
    .execute()
  const emails = emailRows(orgId, { ...user, attributes: onePrimary(user.attributes) })
  if (emails.length > 0) await db.insertInto('user_email').values(emails).execute()
  const own = attributeKeys(user.attributes, DECLARED).map((each) => ({ ...each, org_id: orgId, user_id: id }))
  if (own.length > 0) await db.insertInto('user_attr').values(own).execute()
  for (const [index, fact] of seed.groups.entries()) {
    const group_id = groups[index] ?? ''
    if (fact === undefined) continue
    if (fact === 'service' && index !== 1) {
      const row = { org_id: orgId, group_id, user_id: id, origin: fact, set_by: null, set_at: 0 }
      await db.insertInto('group_member').values(row).execute()
      continue
    }
    if (fact !== 'rule') {
      const row = { org_id: orgId, group_id, user_id: id, origin: fact, set_by: null, set_at: 0 }
      await db.insertInto('group_member').values(row).execute()
      if (index === 1)
        await db
          .insertInto('group_member')
          .values({ ...row, origin: 'manual' })
          .execute()
    }
    const source = { source_kind: 'rule', source_id: '', custom_role_id: '' }
    const membership = { org_id: orgId, user_id: id, team_id: group_id, role: 'member', ...source }
    await db.insertInto('team_membership').values(membership).execute()
  }
}

/** The address rows allow one primary; generated elements may have several, which lists must bear. */
function onePrimary(given: UserAttributes): UserAttributes {
  const emails = given['emails']
  if (!Array.isArray(emails)) return given
  return { ...given, emails: (emails as readonly JsonObject[]).map((email) => ({ ...email, primary: false })) }
}

function listed(fact: Seed['groups'][number], index: number): boolean {
  return fact === 'scim' || (fact === 'service' && index === 1)
}

function externalIdFor(viewer: Viewer, owner: ConnectionId | undefined, externalId: string | undefined) {
  const own = viewer.kind === 'script' ? owner === undefined : owner === viewer.connectionId
  return own && externalId !== undefined ? { externalId } : {}
}

function meta(resourceType: string, row: { created: number; updated: number; version: number }): JsonObject {
  const [created, lastModified] = [row.created, row.updated].map((time) => new Date(time).toISOString())
  return { resourceType, created, lastModified, version: `W/"${row.version}"` }
}

function shownName({ user }: Person): string {
  const name = user.attributes['displayName']
  return typeof name === 'string' ? name : user.attributes.userName
}

function toResource(person: Person, viewer: Viewer, ids: readonly GroupId[], people: readonly Person[]): JsonObject {
  const { user, seed } = person
  const groups = seed.groups.flatMap((fact, index): JsonObject[] => {
    const isListed = listed(fact, index)
    if ((!isListed && fact !== 'rule') || index === DELETED_GROUP) return []
    const type = isListed ? 'direct' : 'indirect'
    return [{ value: ids[index] ?? '', display: GROUP_NAMES[index] ?? '', type }]
  })
  return {
    schemas: [USER_URN],
    id: user.id,
    ...externalIdFor(viewer, user.owner, user.externalId),
    ...user.attributes,
    ...withManagerName(user, people),
    active: user.status !== 'deactivated',
    ...(groups.length === 0 ? {} : { groups }),
    meta: meta('User', user),
  }
}

function withManagerName(user: User, people: readonly Person[]): JsonObject {
  const enterprise = user.attributes[ENTERPRISE_URN]
  const manager = isJsonObject(enterprise) ? enterprise['manager'] : undefined
  const found = isJsonObject(manager) ? people.find((each) => each.user.id === manager['value']) : undefined
  if (!isJsonObject(enterprise) || !isJsonObject(manager) || found === undefined) return {}
  return { [ENTERPRISE_URN]: { ...enterprise, manager: { ...manager, displayName: shownName(found) } } }
}

function toGroup(id: GroupId, viewer: Viewer, ids: readonly GroupId[], people: readonly Person[]): JsonObject {
  const index = ids.indexOf(id)
  const members = people
    .filter(({ seed }) => listed(seed.groups[index], index))
    .map((each): JsonObject => ({ value: each.user.id, display: shownName(each), type: 'User' }))
  if (index === 0) members.push({ value: ids[2] ?? '', display: GROUP_NAMES[2] ?? '', type: 'Group' })
  const times = { created: Date.parse(TIMES[index] ?? ''), updated: Date.parse(TIMES[3 - index] ?? '') }
  return {
    id,
    ...(index === 0
      ? externalIdFor(viewer, viewer.kind === 'idp' ? viewer.connectionId : newId<ConnectionId>(1), 'G0')
      : externalIdFor(viewer, undefined, `G${index}`)),
    displayName: GROUP_NAMES[index] ?? '',
    ...(members.length === 0 ? {} : { members }),
    meta: meta('Group', { ...times, version: index + 1 }),
  }
}
