import { resourcesOf, textOf, type DemoClient, type Resource } from './client.ts'
import type { PlannedGroup, PlannedPerson } from './plan.ts'
import type { IdentityProvider } from './identity-provider.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const PAGE = { startIndex: 1, count: 100 }

/**
 * Pushes as Okta's provisioning agent does: a look-up by userName before every create, GET and PUT of the whole record
 * for updates, path-less PATCH for activation, member deltas by value filter. It never deletes people.
 */
export function oktaProvider(client: DemoClient): IdentityProvider {
  return {
    test: () => testConnection(client),
    pushPerson: (person) => pushPerson(client, person),
    updatePerson: (person, id) => updatePerson(client, id, { title: `Engineer ${person.number}` }),
    setActive: (_person, id, active) => patchUser(client, id, { active }),
    pushGroup: (group, idOf) => pushGroup(client, group, idOf),
  }
}

async function testConnection(client: DemoClient): Promise<void> {
  await client.send({ method: 'GET', path: '/Users', query: { startIndex: 1, count: 2 }, expect: [200] })
  await client.send({ method: 'GET', path: '/Groups', query: PAGE, expect: [200] })
}

async function pushPerson(client: DemoClient, person: PlannedPerson): Promise<string> {
  const found = await find(client, '/Users', `userName eq "${person.userName}"`)
  if (found === undefined) {
    const created = await client.send({ method: 'POST', path: '/Users', body: createBody(person), expect: [201] })
    return textOf(created, 'id')
  }
  const id = textOf(found, 'id')
  // The assignment of somebody who is there already is an update that also takes a leaver back.
  await updatePerson(client, id, { ...profile(person), active: true })
  return id
}

function profile(person: PlannedPerson): Resource {
  return {
    userName: person.userName,
    name: { givenName: 'Demo', familyName: `User ${person.number}` },
    emails: [{ primary: true, value: person.userName, type: 'work' }],
    displayName: `Demo User ${person.number}`,
    locale: 'en-US',
    externalId: person.externalId,
  }
}

function createBody(person: PlannedPerson): Resource {
  // Okta sends a generated password even where the app keeps none; it is thrown away by the gateway.
  return { schemas: [USER], ...profile(person), groups: [], password: `1mz-demo-${person.number}`, active: true }
}

async function updatePerson(client: DemoClient, id: string, changes: Resource): Promise<void> {
  const path = `/Users/${id}`
  const current = await client.send({ method: 'GET', path, expect: [200] })
  await client.send({ method: 'PUT', path, body: { ...current, ...changes }, expect: [200] })
}

async function patchUser(client: DemoClient, id: string, value: Resource): Promise<void> {
  const body = { schemas: [PATCH_OP], Operations: [{ op: 'replace', value }] }
  await client.send({ method: 'PATCH', path: `/Users/${id}`, body, expect: [200, 204] })
}

async function pushGroup(client: DemoClient, group: PlannedGroup, idOf: (userName: string) => string): Promise<void> {
  const members = group.members.map((userName) => ({ value: idOf(userName), display: userName }))
  const found = await find(client, '/Groups', `displayName eq "${group.displayName}"`)
  let id: string
  if (found === undefined) {
    const body = { schemas: [GROUP], displayName: group.displayName, members }
    id = textOf(await client.send({ method: 'POST', path: '/Groups', body, expect: [201] }), 'id')
  } else {
    id = textOf(found, 'id')
    await patchGroup(client, id, { op: 'replace', value: { id, displayName: group.displayName } })
    await patchGroup(client, id, { op: 'replace', path: 'members', value: members })
  }
  if (group.passing === undefined) return
  const passing = idOf(group.passing)
  await patchGroup(client, id, { op: 'add', path: 'members', value: [{ value: passing, display: group.passing }] })
  await patchGroup(client, id, { op: 'remove', path: `members[value eq "${passing}"]` })
}

async function patchGroup(client: DemoClient, id: string, operation: Resource): Promise<void> {
  const body = { schemas: [PATCH_OP], Operations: [operation] }
  await client.send({ method: 'PATCH', path: `/Groups/${id}`, body, expect: [200, 204] })
}

async function find(client: DemoClient, path: string, filter: string): Promise<Resource | undefined> {
  const list = await client.send({ method: 'GET', path, query: { filter, ...PAGE }, expect: [200] })
  return resourcesOf(list)[0]
}
