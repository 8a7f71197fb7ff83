import { ENDPOINTS } from '../../src/scim/endpoint.ts'
import type { Answer, ScimClient } from '../support/scim-client.ts'
import { ENTERPRISE, filterOn, fresh, GROUP, idOf, make, USER } from './orgs.ts'

/** What is known of somebody else's person and group; of none at all, when all of it was made up. */
export interface Facts {
  readonly user: string
  readonly userName: string
  readonly email: string
  readonly userExternalId: string
  readonly group: string
  readonly displayName: string
  readonly groupExternalId: string
  readonly role: string
  readonly roleName: string
}

/** Facts of the same form that name nothing. */
export function inventedFacts(): Facts {
  const id = (): string =>
    fresh('')
      .slice(1)
      .replace(/^.{15}/, '01234567-89ab-7')
  return {
    ...{ user: id(), userName: fresh('person'), email: `${fresh('mail')}@example.com`, userExternalId: fresh('ext') },
    ...{ group: id(), displayName: fresh('group'), groupExternalId: fresh('ext') },
    ...{ role: id(), roleName: fresh('role') },
  }
}

/** One request that names somebody else's facts. */
export interface Probe {
  readonly title: string
  readonly status: number | readonly number[]
  send(client: ScimClient, facts: Facts): Promise<Answer>
}

const probe = (title: string, status: Probe['status'], send: Probe['send']): Probe => ({ title, status, send })

const user = (more: object): object => ({ schemas: [USER], userName: fresh('stranger'), ...more })
const group = (more: object): object => ({ schemas: [GROUP], displayName: fresh('strangers'), ...more })
const patch = (operations: readonly object[]): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
})
const bulk = (operation: object): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
  Operations: [operation],
})
const search = (filter: string): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
  filter,
})

/** Ways to name a person or a group within `members`, with the status that each is answered with. */
const MEMBERS: Readonly<Record<string, (facts: Facts) => object>> = {
  'the person': ({ user: value }) => ({ value }),
  'the person by type': ({ user: value }) => ({ value, type: 'User' }),
  'the person by address': ({ email: value }) => ({ value }),
  'the group': ({ group: value }) => ({ value, type: 'Group' }),
  '$ref alone': ({ user: id }) => ({ $ref: `../Users/${id}` }),
}

const membersProbes = (
  title: string,
  send: (client: ScimClient, members: readonly object[]) => Promise<Answer>,
): readonly Probe[] =>
  Object.entries(MEMBERS).map(([name, member]) =>
    probe(`${title} ${name}`, 400, (client, facts) => send(client, [member(facts)])),
  )

/** Requests to a person or group by its id, alike for both. */
function resourceProbes(endpoint: '/Users' | '/Groups', method: string): readonly Probe[] {
  const pathOf = (facts: Facts): string => `${endpoint}/${endpoint === '/Users' ? facts.user : facts.group}`
  const body =
    method === 'PUT'
      ? (endpoint === '/Users' ? user : group)({ title: 'taken' })
      : method === 'PATCH'
        ? patch([{ op: 'replace', path: 'displayName', value: 'taken' }])
        : undefined
  const at = (title: string, headers: Readonly<Record<string, string>>): Probe =>
    probe(title, method === 'OPTIONS' ? 204 : 404, (client, facts) =>
      client.call(pathOf(facts), { method, headers, ...(body === undefined ? {} : { body }) }),
    )
  return [
    at('by id', {}),
    at('by id, of any version', { 'If-Match': '*' }),
    at('by id, version 1', { 'If-Match': 'W/"1"' }),
  ]
}

const listProbes = (
  method: string,
  endpoint: string,
  filters: Readonly<Record<string, (facts: Facts) => string>>,
): readonly Probe[] =>
  Object.entries(filters).map(([title, filter]) =>
    probe(`where ${title}`, 200, (client, facts) => client.call(filterOn(endpoint, filter(facts)), { method })),
  )

const USER_FILTERS: Readonly<Record<string, (facts: Facts) => string>> = {
  'id is theirs': ({ user: id }) => `id eq "${id}"`,
  'userName is theirs': ({ userName }) => `userName eq "${userName}"`,
  'userName begins like theirs': ({ userName }) => `userName sw "${userName.slice(0, -2)}"`,
  'externalId is theirs': ({ userExternalId }) => `externalId eq "${userExternalId}"`,
  'an address is theirs': ({ email }) => `emails.value eq "${email}"`,
  'an address is theirs, by value path': ({ email }) => `emails[value eq "${email}"]`,
  'groups holds their group': ({ group: id }) => `groups.value eq "${id}"`,
  'the manager is theirs': ({ user: id }) => `${ENTERPRISE}:manager.value eq "${id}"`,
}

const GROUP_FILTERS: Readonly<Record<string, (facts: Facts) => string>> = {
  'id is theirs': ({ group: id }) => `id eq "${id}"`,
  'displayName is theirs': ({ displayName }) => `displayName eq "${displayName}"`,
  'externalId is theirs': ({ groupExternalId }) => `externalId eq "${groupExternalId}"`,
  'a member is theirs': ({ user: id }) => `members.value eq "${id}"`,
  'a member is theirs, as Entra asks': ({ group: id, user: member }) => `id eq "${id}" and members eq "${member}"`,
}

const ROLE_FILTERS: Readonly<Record<string, (facts: Facts) => string>> = {
  'id is theirs': ({ role: id }) => `id eq "${id}"`,
  'name is theirs': ({ roleName }) => `name eq "${roleName}"`,
}

const optionsProbe = (path: string): Probe => probe('asked', 204, (client) => client.call(path, { method: 'OPTIONS' }))

const document = (path: string): Readonly<Record<string, readonly Probe[]>> => ({
  [`GET ${path}`]: [probe('read', 200, (client) => client.get(path))],
  [`HEAD ${path}`]: [probe('read', 200, (client) => client.call(path, { method: 'HEAD' }))],
  [`OPTIONS ${path}`]: [optionsProbe(path)],
})

const documentById = (path: string): Readonly<Record<string, readonly Probe[]>> =>
  Object.fromEntries(
    ['GET', 'HEAD', 'OPTIONS'].map((method) => [
      `${method} ${path}/:id`,
      [
        probe('of their id', method === 'OPTIONS' ? 204 : 404, (client, facts) =>
          client.call(`${path}/${facts.user}`, { method }),
        ),
      ],
    ]),
  )

/** Where an endpoint is known and not served the answer is 501, and alike as well. */
const NOT_SERVED = 501

const ASK = { Users: USER_FILTERS, Groups: GROUP_FILTERS }

const searchProbes = (path: string, kind: keyof typeof ASK): readonly Probe[] =>
  Object.entries(ASK[kind]).map(([title, filter]) =>
    probe(`where ${title}`, [200, NOT_SERVED], (client, facts) => client.post(path, search(filter(facts)))),
  )

const bulkProbe = (title: string, operation: (facts: Facts) => object): Probe =>
  probe(title, [200, NOT_SERVED], (client, facts) => client.post('/Bulk', bulk(operation(facts))))

const BULK: readonly Probe[] = [
  bulkProbe('removing their person', ({ user: id }) => ({ method: 'DELETE', path: `/Users/${id}` })),
  bulkProbe('replacing their group', ({ group: id }) => ({ method: 'PUT', path: `/Groups/${id}`, data: group({}) })),
  bulkProbe('changing their person', ({ user: id }) => ({
    ...{ method: 'PATCH', path: `/Users/${id}` },
    data: patch([{ op: 'replace', path: 'displayName', value: 'taken' }]),
  })),
  bulkProbe('making a group of their person', ({ user: value }) => ({
    ...{ method: 'POST', path: '/Groups', bulkId: 'one', data: group({ members: [{ value }] }) },
  })),
]

/** A connection's credential is nobody's own: there is no "me", whoever the body names. */
const ME: Readonly<Record<string, readonly Probe[]>> = Object.fromEntries(
  (ENDPOINTS.find(({ template }) => template === '/Me')?.methods ?? []).map((method) => [
    `${method} /Me`,
    [
      probe('me', method === 'OPTIONS' ? 204 : [404, NOT_SERVED], (client, { user: id }) =>
        client.call('/Me', { method, ...(['PUT', 'PATCH', 'POST'].includes(method) ? { body: user({ id }) } : {}) }),
      ),
    ],
  ]),
)

/** Makes a resource and takes it away again, so that the names it took are free for the next probe. */
async function passing(client: ScimClient, endpoint: string, body: object): Promise<Answer> {
  const answer = await client.post(endpoint, body)
  if (answer.status === 201) await client.delete(`${endpoint}/${idOf(answer)}`)
  return answer
}

async function ownGroup(client: ScimClient): Promise<string> {
  const member = await make(client, '/Users', { userName: fresh('own') })
  return make(client, '/Groups', { displayName: fresh('own'), members: [{ value: member }] })
}

const resourceRows = (endpoint: '/Users' | '/Groups'): Record<string, readonly Probe[]> =>
  Object.fromEntries(
    ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => [
      `${method} ${endpoint}/:id`,
      resourceProbes(endpoint, method),
    ]),
  )

const USERS: Record<string, readonly Probe[]> = {
  ...resourceRows('/Users'),
  'GET /Users': [
    ...listProbes('GET', '/Users', USER_FILTERS),
    probe('all of them', 200, (client) => client.get('/Users?count=0')),
  ],
  'HEAD /Users': listProbes('HEAD', '/Users', USER_FILTERS),
  'POST /Users': [
    probe('with their manager', 201, (client, { user: value }) =>
      passing(client, '/Users', user({ [ENTERPRISE]: { manager: { value, $ref: `../Users/${value}` } } })),
    ),
    probe('with their id and group', 201, (client, facts) =>
      client.post('/Users', user({ id: facts.user, groups: [{ value: facts.group }] })),
    ),
    probe('with their names', 201, (client, facts) =>
      passing(client, '/Users', user({ userName: facts.userName, externalId: facts.userExternalId })),
    ),
  ],
  'OPTIONS /Users': [optionsProbe('/Users')],
  'GET /Users/:id': [
    ...resourceProbes('/Users', 'GET'),
    probe('by address', 404, (client, { email }) => client.get(`/Users/${email}`)),
  ],
  'PATCH /Users/:id': [
    ...resourceProbes('/Users', 'PATCH'),
    probe('their manager for one of ours', 200, async (client, { user: value }) => {
      const id = await make(client, '/Users', { userName: fresh('own') })
      const answer = await client.patch(`/Users/${id}`, [
        { op: 'add', path: `${ENTERPRISE}:manager`, value: { value } },
      ])
      await client.delete(`/Users/${id}`)
      return answer
    }),
  ],
}

const GROUPS: Record<string, readonly Probe[]> = {
  ...resourceRows('/Groups'),
  'GET /Groups': [
    ...listProbes('GET', '/Groups', GROUP_FILTERS),
    probe('all of them', 200, (client) => client.get('/Groups?count=0')),
  ],
  'HEAD /Groups': listProbes('HEAD', '/Groups', GROUP_FILTERS),
  'POST /Groups': [
    ...membersProbes('with', (client, members) => client.post('/Groups', group({ members }))),
    probe('with their names', 201, (client, facts) =>
      passing(client, '/Groups', group({ displayName: facts.displayName, externalId: facts.groupExternalId })),
    ),
  ],
  'OPTIONS /Groups': [optionsProbe('/Groups')],
  'PUT /Groups/:id': [
    ...resourceProbes('/Groups', 'PUT'),
    ...membersProbes('ours with', async (client, members) =>
      client.put(`/Groups/${await ownGroup(client)}`, group({ members })),
    ),
  ],
  'PATCH /Groups/:id': [
    ...resourceProbes('/Groups', 'PATCH'),
    ...membersProbes('adding to ours', async (client, value) =>
      client.patch(`/Groups/${await ownGroup(client)}`, [{ op: 'add', path: 'members', value }]),
    ),
    ...membersProbes('replacing those of ours by', async (client, value) =>
      client.patch(`/Groups/${await ownGroup(client)}`, [{ op: 'replace', value: { members: value } }]),
    ),
    probe('removing the person from ours', 200, async (client, facts) =>
      client.patch(`/Groups/${await ownGroup(client)}?excludedAttributes=members`, [
        { op: 'remove', path: `members[value eq "${facts.user}"]` },
      ]),
    ),
  ],
}

const ROLE = 'urn:ietf:params:scim:schemas:core:2.0:Role'

function roleProbes(method: string): readonly Probe[] {
  const bodies: Readonly<Record<string, object>> = {
    PUT: { schemas: [ROLE], name: 'taken' },
    PATCH: patch([{ op: 'replace', path: 'name', value: 'taken' }]),
  }
  const body = bodies[method]
  return ['*', 'W/"1"', ''].map((version) =>
    probe(`by id, If-Match ${version}`, method === 'OPTIONS' ? 204 : 404, (client, { role: id }) =>
      client.call(`/Roles/${id}`, {
        ...{ method, headers: version === '' ? {} : { 'If-Match': version } },
        ...(body === undefined ? {} : { body }),
      }),
    ),
  )
}

const ROLES: Record<string, readonly Probe[]> = {
  ...Object.fromEntries(
    ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => [`${method} /Roles/:id`, roleProbes(method)]),
  ),
  'GET /Roles': [
    ...listProbes('GET', '/Roles', ROLE_FILTERS),
    probe('all of them', 200, (client) => client.get('/Roles')),
  ],
  'HEAD /Roles': listProbes('HEAD', '/Roles', ROLE_FILTERS),
  'POST /Roles': [
    // The strangers' connections may not make roles; whether the name is taken elsewhere must not show either.
    probe('with their name', 403, (client, { roleName: name }) =>
      client.post('/Roles', { schemas: [ROLE], name, inheritedFrom: 'member' }),
    ),
  ],
  'OPTIONS /Roles': [optionsProbe('/Roles')],
}

/** Every route with the requests through which another org might show: `METHOD template` → probes. */
export const ROWS: Readonly<Record<string, readonly Probe[]>> = {
  ...USERS,
  ...GROUPS,
  ...ROLES,
  ...document('/ServiceProviderConfig'),
  ...document('/Schemas'),
  ...document('/ResourceTypes'),
  ...documentById('/Schemas'),
  ...documentById('/ResourceTypes'),
  'POST /Bulk': BULK,
  'OPTIONS /Bulk': [optionsProbe('/Bulk')],
  'POST /.search': [...searchProbes('/.search', 'Users'), ...searchProbes('/.search', 'Groups')],
  'OPTIONS /.search': [optionsProbe('/.search')],
  'POST /Users/.search': searchProbes('/Users/.search', 'Users'),
  'OPTIONS /Users/.search': [optionsProbe('/Users/.search')],
  'POST /Groups/.search': searchProbes('/Groups/.search', 'Groups'),
  'OPTIONS /Groups/.search': [optionsProbe('/Groups/.search')],
  'POST /Roles/.search': [
    probe('where their role', [200], (client, { role: id }) => client.post('/Roles/.search', search(`id eq "${id}"`))),
  ],
  'OPTIONS /Roles/.search': [optionsProbe('/Roles/.search')],
  ...ME,
}
