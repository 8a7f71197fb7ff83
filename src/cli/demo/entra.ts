import { resourcesOf, textOf, type DemoClient, type DemoRequest, type Resource } from './client.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { PlannedGroup, PlannedPerson } from './plan.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const ADSCIM_GROUP = 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const NOBODY = '9f3b1c2e-0000-4d5e-8a7b-0c1d2e3f4a5b'
/** How many members one PATCH of Entra carries at most. */
const MEMBERS_PER_PATCH = 20

/**
 * Pushes as Entra ID's provisioning service does: a match on a filter, PATCH with capitalised operations and value
 * paths, booleans as text, groups made empty and filled afterwards. Every other person and group goes the way of the
 * feature flag `aadOptscim062020`: lower-case operations, true booleans, path-less values with dotted and URN keys.
 */
export function entraProvider(client: DemoClient): IdentityProvider {
  return {
    test: () => testConnection(client),
    pushPerson: (person) => pushPerson(client, person),
    updatePerson: (person, id, idOf) => updatePerson(client, person, id, idOf),
    setActive: (person, id, active) =>
      isFlagged(person.number)
        ? patch(client, `/Users/${id}`, [{ op: 'replace', value: { active } }], true)
        : patch(client, `/Users/${id}`, [{ op: 'Replace', path: 'active', value: active ? 'True' : 'False' }], false),
    pushGroup: (group, idOf) => pushGroup(client, group, idOf),
  }
}

function isFlagged(number: number): boolean {
  return number % 2 === 0
}

async function testConnection(client: DemoClient): Promise<void> {
  await find(client, '/Users', `userName eq "${NOBODY}"`)
  await find(client, '/Groups', `displayName eq "${NOBODY}"`, { excludedAttributes: 'members' })
  for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig']) {
    await client.send({ method: 'GET', path, expect: [200] })
  }
}

async function pushPerson(client: DemoClient, person: PlannedPerson): Promise<string> {
  const found =
    (await find(client, '/Users', `externalId eq "${person.externalId}"`)) ??
    (await find(client, '/Users', `userName eq "${person.userName}"`))
  if (found === undefined) {
    const created = await client.send({ method: 'POST', path: '/Users', body: createBody(person), expect: [201] })
    return textOf(created, 'id')
  }
  const id = textOf(found, 'id')
  await client.send({ method: 'GET', path: `/Users/${id}`, expect: [200] })
  await patch(client, `/Users/${id}`, matchedOperations(person), isFlagged(person.number))
  return id
}

function createBody(person: PlannedPerson): Resource {
  const name = { formatted: `Demo User ${person.number}`, familyName: `User ${person.number}`, givenName: 'Demo' }
  return {
    schemas: [USER, ENTERPRISE],
    externalId: person.externalId,
    userName: person.userName,
    active: true,
    displayName: name.formatted,
    emails: [{ primary: true, type: 'work', value: person.userName }],
    meta: { resourceType: 'User' },
    name,
    roles: [],
    [ENTERPRISE]: { department: person.department, employeeNumber: String(person.number) },
  }
}

function matchedOperations(person: PlannedPerson): Resource[] {
  const displayName = `Demo User ${person.number}`
  const familyName = `User ${person.number}`
  if (isFlagged(person.number)) {
    const { externalId, department } = person
    const names = { displayName, 'name.familyName': familyName, [`${ENTERPRISE}:department`]: department }
    return [
      { op: 'replace', value: { active: true, externalId, ...names } },
      { op: 'replace', path: 'emails[type eq "work"].value', value: person.userName },
    ]
  }
  return [
    { op: 'Replace', path: 'active', value: 'True' },
    { op: 'Replace', path: 'externalId', value: person.externalId },
    { op: 'Replace', path: 'displayName', value: displayName },
    { op: 'Replace', path: 'name.familyName', value: familyName },
    { op: 'Add', path: 'emails[type eq "work"].value', value: person.userName },
    { op: 'Add', path: `${ENTERPRISE}:department`, value: person.department },
  ]
}

async function updatePerson(
  client: DemoClient,
  person: PlannedPerson,
  id: string,
  idOf: (userName: string) => string,
): Promise<void> {
  const title = `Engineer ${person.number}`
  const manager = person.manager === undefined ? undefined : idOf(person.manager)
  const operations: Resource[] = isFlagged(person.number)
    ? [{ op: 'replace', value: { title } }]
    : [{ op: 'Replace', path: 'title', value: title }]
  if (manager !== undefined) operations.push({ op: 'Add', path: `${ENTERPRISE}:manager`, value: manager })
  await patch(client, `/Users/${id}`, operations, isFlagged(person.number))
}

async function pushGroup(client: DemoClient, group: PlannedGroup, idOf: (userName: string) => string): Promise<void> {
  const flagged = isFlagged(Number(group.displayName.slice(-1)))
  const query = { excludedAttributes: 'members' }
  const found = await find(client, '/Groups', `displayName eq "${group.displayName}"`, query)
  const id = textOf(found ?? (await client.send(createGroup(group))), 'id')
  const path = `/Groups/${id}`
  await client.send({ method: 'GET', path, query, expect: [200] })
  const pushed = group.passing === undefined ? group.members : [...group.members, group.passing]
  for (let start = 0; start < pushed.length; start += MEMBERS_PER_PATCH) {
    const value = pushed.slice(start, start + MEMBERS_PER_PATCH).map((userName) => member(idOf(userName), flagged))
    await patch(client, path, [{ op: flagged ? 'add' : 'Add', path: 'members', value }], flagged)
  }
  if (group.passing === undefined) return
  const passing = idOf(group.passing)
  const removal = flagged
    ? { op: 'remove', path: `members[value eq "${passing}"]` }
    : { op: 'Remove', path: 'members', value: [member(passing, false)] }
  await patch(client, path, [removal], flagged)
}

function createGroup({ displayName, externalId }: PlannedGroup): DemoRequest {
  const schemas = [GROUP, ADSCIM_GROUP]
  const body = { schemas, externalId, displayName, meta: { resourceType: 'Group' } }
  return { method: 'POST', path: '/Groups', body, expect: [201] }
}

function member(value: string, flagged: boolean): Resource {
  return flagged ? { value } : { $ref: null, value }
}

async function patch(client: DemoClient, path: string, operations: Resource[], flagged: boolean): Promise<void> {
  const body = { schemas: [PATCH_OP], Operations: operations }
  const query = flagged ? { aadOptscim062020: null } : {}
  await client.send({ method: 'PATCH', path, query, body, expect: [200, 204] })
}

async function find(
  client: DemoClient,
  path: string,
  filter: string,
  query: NonNullable<DemoRequest['query']> = {},
): Promise<Resource | undefined> {
  const list = await client.send({ method: 'GET', path, query: { ...query, filter }, expect: [200] })
  return resourcesOf(list)[0]
}
