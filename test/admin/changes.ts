import { expect } from 'chai'
import { sql } from 'kysely'
import { newId, type ProviderId, type SessionId, type UserId } from '../../src/domain/ids.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import { providerOf } from '../support/sign-ins.ts'
import { operation } from '../support/tenant.ts'
import type { DnsServer } from '../support/dns-server.ts'
import type { AdminGateway } from './api.ts'

/** A gateway, and the DNS that it asks. */
export type Gateway = AdminGateway & { readonly dns: DnsServer }

/** What the steps before have made, by the names that paths have for it. */
export type Ids = Record<string, string>

export interface Step {
  /** As the route table has it; a SCIM path begins with `/scim`. */
  readonly route: string
  /** What is done by other ways first, so that the route has something to do. */
  readonly arrange?: (gateway: Gateway, ids: Ids) => unknown
  readonly body?: (ids: Ids) => unknown
  /** The name under which the id that is answered is kept. */
  readonly makes?: string
  /** The name of the key that is shown; the operator's otherwise. */
  readonly as?: string
  /** Ids that stand for others in the path of this step. */
  readonly with?: (ids: Ids) => Ids
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'

const everyone = { match: { kind: 'everyone' }, grants: [{ seat: 'weave', type: 'viewer' }] }
const session = async ({ tenant }: AdminGateway, user: string): Promise<string> => {
  const id = newId<SessionId>(Date.now())
  const expires = Date.now() + 3_600_000
  const secretHash = Buffer.from(id.replaceAll('-', '').repeat(2).slice(0, 64), 'hex')
  const draft = { id, user: user as UserId, method: 'oidc', secretHash, expires } as const
  await startSession(tenant.provisioning, operation(), tenant.orgId, draft).durable
  return id
}

/** Every change that can be asked for over HTTP, in an order in which each finds what it needs. */
export const STEPS: readonly Step[] = [
  { route: 'POST /orgs', body: () => ({ name: 'second' }) },
  { route: 'PATCH /org', body: () => ({ name: 'first' }) },
  { route: 'PATCH /licence', body: () => ({ products: { models: { full: 25 } } }) },
  { route: 'PATCH /settings', body: () => ({ settings: { 'breaker.mode': 'hold', 'breaker.floor': 1 } }) },
  { route: 'POST /keys', body: () => ({ name: 'report', scope: 'auditor' }), makes: 'key' },
  { route: 'DELETE /keys/{key}' },
  { route: 'POST /users', body: () => ({ userName: 'ann', email: 'ann@example.com' }), makes: 'user' },
  { route: 'PATCH /users/{user}', body: () => ({ displayName: 'Ann Lee' }) },
  { route: 'PUT /users/{user}/rights/{right}', body: () => ({ on: true }) },
  { route: 'POST /users/{user}/keys', body: () => ({ name: 'script' }), makes: 'key' },
  { route: 'DELETE /users/{user}/keys/{key}' },
  { route: 'POST /users/{user}/password-reset' },
  { route: 'POST /invites', body: () => ({ email: 'bob@example.com', seats: { models: 'full' } }), makes: 'invite' },
  {
    route: 'POST /invites/{invite}/resend',
    // As if a minute had passed since it was sent.
    arrange: ({ test }) => sql`update invite set sent = sent - 120000`.execute(test.connections.writer),
    body: () => ({ days: 7 }),
  },
  {
    route: 'POST /mails/{mail}/resend',
    // As if the mail of the invitation had been given up.
    async arrange({ test, tenant }, ids) {
      ids['mail'] = (await test.store.reads.outbox.list(tenant.orgId, 1))[0]!.id
      await sql`update invite set sent = sent - 120000`.execute(test.connections.writer)
      await sql`update outbox set state = 'failed', payload = '', ended = 1`.execute(test.connections.writer)
    },
    body: () => ({}),
  },
  { route: 'DELETE /invites/{invite}' },
  { route: 'POST /connections', body: () => ({ name: 'okta' }), makes: 'connection' },
  { route: 'PATCH /connections/{connection}', body: () => ({ mayGrantAdmin: true }) },
  { route: 'POST /connections/{connection}/tokens', body: () => ({}), makes: 'token' },
  { route: 'DELETE /connections/{connection}/tokens/{token}' },
  {
    route: 'POST /connections/{connection}/trusts',
    body: () => ({ issuer: 'https://login.example.com', audience: 'rollcall' }),
    makes: 'trust',
  },
  { route: 'DELETE /connections/{connection}/trusts/{trust}' },
  { route: 'POST /teams', body: () => ({ name: 'crew' }), makes: 'team' },
  { route: 'PATCH /teams/{team}', body: () => ({ hidden: true }) },
  { route: 'POST /teams/{team}/members', body: () => ({ person: 'ann', role: 'member' }) },
  { route: 'PATCH /teams/{team}/members/{user}', body: () => ({ role: 'viewer' }) },
  { route: 'DELETE /teams/{team}/members/{user}' },
  { route: 'POST /roles', body: () => ({ name: 'Reviewer', inheritedFrom: 'viewer', permissions: [] }), makes: 'role' },
  { route: 'PATCH /roles/{role}', body: () => ({ permissions: ['report:update'] }) },
  { route: 'DELETE /roles/{role}' },
  {
    route: 'POST /service-accounts',
    body: ({ team }) => ({ userName: 'bot', defaultTeam: team, owner: 'ann' }),
    makes: 'account',
  },
  { route: 'PATCH /service-accounts/{account}', body: () => ({ owner: 'p0' }) },
  { route: 'POST /service-accounts/{account}/keys', body: () => ({ name: 'nightly' }), makes: 'key' },
  { route: 'DELETE /service-accounts/{account}/keys/{key}' },
  { route: 'DELETE /service-accounts/{account}' },
  { route: 'POST /teams/{team}/archive', body: () => ({}) },
  { route: 'POST /teams/{team}/restore', body: () => ({}) },
  { route: 'POST /rules', body: () => everyone, makes: 'rule' },
  { route: 'PUT /rules/{rule}', body: () => ({ ...everyone, grants: [{ seat: 'weave', type: 'full' }] }) },
  { route: 'DELETE /rules/{rule}' },
  {
    route: 'DELETE /sessions/{session}',
    arrange: async (gateway, ids) => (ids['session'] = await session(gateway, ids['user']!)),
  },
  { route: 'DELETE /users/{user}/sessions', arrange: (gateway, ids) => session(gateway, ids['user']!) },
  {
    route: 'POST /signin-providers',
    body: () => ({ kind: 'oidc', name: 'Okta', config: { issuer: 'https://okta.example', clientId: 'c' } }),
    makes: 'provider',
  },
  { route: 'PATCH /signin-providers/{provider}', body: () => ({ name: 'Okta 2' }) },
  { route: 'PATCH /connections/{connection}/pairing', body: ({ provider }) => ({ provider }) },
  {
    route: 'DELETE /users/{user}/identities/{identity}',
    async arrange(gateway, ids) {
      const voice = providerOf(gateway.tenant, 'https://okta.example')
      const found = await voice.signIn('jo', { providerId: ids['provider'] as ProviderId })
      ids['jo'] = found.user.id
      const answer = await gateway.client(await gateway.key('admin')).get(`/users/${ids['jo']}/identities`)
      ids['identity'] = String((answer.json['items'] as { id: string }[])[0]!.id)
    },
    with: ({ jo }) => ({ user: jo! }),
  },
  { route: 'DELETE /signin-providers/{provider}' },
  { route: 'POST /reviews', body: () => ({ name: 'Autumn', of: 'everybody' }), makes: 'review' },
  {
    route: 'POST /reviews/{review}/decide',
    body: () => ({ item: 1, decision: 'keep', reason: 'still here' }),
    as: 'reviewer',
  },
  { route: 'DELETE /users/{user}' },
  { route: 'POST /users/{user}/restore' },
  { route: 'POST /scim/v2/Users', body: () => ({ schemas: [USER], userName: 'cy', externalId: 'c' }), makes: 'cy' },
  {
    route: 'PUT /scim/v2/Users/{cy}',
    body: () => ({ schemas: [USER], userName: 'cy', externalId: 'c', displayName: 'Cy' }),
  },
  {
    route: 'PATCH /scim/v2/Users/{cy}',
    body: () => ({ schemas: [PATCH], Operations: [{ op: 'replace', path: 'displayName', value: 'Cyrus' }] }),
  },
  {
    route: 'POST /scim/v2/Groups',
    body: ({ cy }) => ({ schemas: [GROUP], displayName: 'eng', externalId: 'e', members: [{ value: cy }] }),
    makes: 'group',
  },
  {
    route: 'PUT /scim/v2/Groups/{group}',
    body: ({ cy }) => ({ schemas: [GROUP], displayName: 'engineers', externalId: 'e', members: [{ value: cy }] }),
  },
  {
    route: 'PATCH /scim/v2/Groups/{group}',
    body: ({ cy }) => ({ schemas: [PATCH], Operations: [{ op: 'remove', path: `members[value eq "${cy}"]` }] }),
  },
  { route: 'PATCH /groups/{group}', body: () => ({ protected: true }) },
  { route: 'PUT /groups/{group}/owner', body: () => ({ to: null }) },
  { route: 'PUT /users/{user}/owner', body: () => ({ to: null }), with: ({ cy }) => ({ user: cy! }) },
  {
    route: 'POST /scim/v2/Bulk',
    body: ({ cy }) => ({
      schemas: [BULK],
      Operations: [
        { method: 'POST', path: '/Users', bulkId: 'd', data: { schemas: [USER], userName: 'dan', externalId: 'd' } },
        {
          method: 'POST',
          path: '/Groups',
          bulkId: 'g',
          data: {
            schemas: [GROUP],
            displayName: 'ops',
            externalId: 'o',
            members: [{ value: 'bulkId:d' }, { value: cy }],
          },
        },
      ],
    }),
  },
  { route: 'PUT /users/{user}/owner', body: ({ idp }) => ({ to: idp }), with: ({ cy }) => ({ user: cy! }) },
  {
    route: 'POST /connections/{connection}/handover',
    body: () => ({ to: null }),
    with: ({ idp }) => ({ connection: idp! }),
  },
  {
    route: 'POST /waiting/links/{connection}/{subject}/reject',
    arrange: (gateway, ids) => scim(gateway, ids, 'PATCH', `/Users/${ids['cy']}`, patch('userName', 'eve')),
    with: ({ idp, cy }) => ({ connection: idp!, subject: cy! }),
  },
  {
    route: 'POST /waiting/links/{connection}/{subject}/confirm',
    with: ({ idp, cy }) => ({ connection: idp!, subject: cy! }),
  },
  {
    route: 'POST /waiting/admins/{user}/reject',
    async arrange(gateway, ids) {
      await scim(gateway, ids, 'PATCH', `/Users/${ids['cy']}`, patch('userName', 'cyrus'))
      await scim(gateway, ids, 'PATCH', `/Users/${ids['cy']}`, patch('roles', [{ value: 'admin' }]))
    },
    with: ({ cy }) => ({ user: cy! }),
  },
  {
    route: 'POST /waiting/admins/{user}/confirm',
    async arrange(gateway, ids) {
      await scim(gateway, ids, 'PATCH', `/Users/${ids['cy']}`, patch('roles', []))
      await scim(gateway, ids, 'PATCH', `/Users/${ids['cy']}`, patch('roles', [{ value: 'admin' }]))
    },
    with: ({ cy }) => ({ user: cy! }),
  },
  { route: 'POST /removal-batches/{batch}/restore', arrange: removals('alert', ['p0', 'p1', 'p2']), body: () => ({}) },
  { route: 'POST /removal-batches/{batch}/reject', arrange: removals('hold', ['p0', 'p1', 'p2']) },
  { route: 'POST /removal-batches/{batch}/allow', arrange: removals('hold', ['p3', 'p4', 'p5']) },
  {
    route: 'DELETE /scim/v2/Users/{dan}',
    async arrange(gateway, ids) {
      const found = await scim(gateway, ids, 'GET', `/Users?filter=${encodeURIComponent('userName eq "dan"')}`)
      const { Resources } = JSON.parse(found) as { Resources: { id: string }[] }
      ids['dan'] = Resources[0]!.id
      await gateway.client(ids['operator']!).put(`/users/${ids['dan']}/owner`, { to: ids['idp'] })
    },
  },
  {
    route: 'DELETE /scim/v2/Groups/{group}',
    async arrange(gateway, ids) {
      const admin = gateway.client(ids['operator']!)
      await admin.patch(`/groups/${ids['group']}`, { protected: false })
      await admin.put(`/groups/${ids['group']}/owner`, { to: ids['idp'] })
    },
  },
  { route: 'POST /reviews/{review}/sign', arrange: decideAll, as: 'reviewer' },
  { route: 'DELETE /connections/{connection}' },
  { route: 'POST /domains', body: () => ({ domain: 'people.example' }) },
  {
    route: 'POST /domains/{domain}/prove',
    async arrange(gateway, ids) {
      const { record } = (await gateway.client(ids['operator']!).get('/domains/people.example')).json as {
        record: { name: string; value: string }
      }
      gateway.dns.zone.set(record.name, [record.value])
    },
    body: () => ({}),
  },
  { route: 'PATCH /domains/{domain}', body: () => ({ captures: true }) },
  {
    route: 'POST /teams/{team}/join',
    async arrange(gateway, ids) {
      const admin = gateway.client(ids['operator']!)
      expect((await admin.patch(`/teams/${ids['team']}`, { joinable: true, hidden: false })).status).to.equal(200)
      const email = 'kim@people.example'
      const { id } = (await admin.post('/users', { userName: email, email })).json as { id: UserId }
      ids['kim'] = await gateway.key('user', id)
    },
    body: () => ({}),
    as: 'kim',
  },
  { route: 'DELETE /domains/{domain}' },
  { route: 'POST /teams/{team}/invites', body: () => ({ email: 'lee@people.example', role: 'viewer' }) },
  {
    route: 'POST /sinks',
    body: () => ({ name: 'SIEM', kind: 'webhook', config: { url: 'https://siem.example/rollcall' } }),
    makes: 'sink',
  },
  { route: 'PATCH /sinks/{sink}', body: () => ({ name: 'The SIEM' }) },
  { route: 'POST /sinks/{sink}/pause' },
  { route: 'POST /sinks/{sink}/resume' },
  { route: 'POST /sinks/{sink}/secret' },
  {
    route: 'POST /sinks/{sink}/dead/replay',
    arrange: ({ tenant, test }, { sink }) =>
      sql`insert into sink_dead (org_id, sink_id, epoch, seq, error, at_ms, again)
        values (${tenant.orgId}, ${sink}, 1, 1, 'refused', 1, 0)`.execute(test.connections.writer),
    body: () => ({}),
  },
  { route: 'DELETE /sinks/{sink}' },
  { route: 'POST /holds', body: () => ({ reason: 'litigation' }), makes: 'hold' },
  { route: 'DELETE /holds/{hold}' },
  { route: 'POST /users/{user}/erasure' },
]

/** Sends a SCIM request as the identity provider. @returns the body */
export async function scim(
  gateway: AdminGateway,
  ids: Ids,
  ...[method, path, body]: readonly [method: string, path: string, body?: unknown]
): Promise<string> {
  const answer = await fetch(`${gateway.origin}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${ids['scim']}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return answer.text()
}

export function patch(path: string, value: unknown): unknown {
  return { schemas: [PATCH], Operations: [{ op: 'replace', path, value }] }
}

/** Lets the identity provider remove more people than the org lets pass at once. */
function removals(mode: 'alert' | 'hold', people: readonly string[]): NonNullable<Step['arrange']> {
  return async (gateway, ids) => {
    const admin = gateway.client(ids['operator']!)
    const settings = { 'breaker.mode': mode, 'breaker.floor': 1, 'breaker.percent': 1 }
    expect((await admin.patch('/settings', { settings })).status).to.equal(200)
    for (const name of people) {
      await admin.post(`/users/${ids[name]}/restore`, undefined)
      await scim(gateway, ids, 'PATCH', `/Users/${ids[name]}`, patch('active', true))
    }
    for (const name of people) await scim(gateway, ids, 'PATCH', `/Users/${ids[name]}`, patch('active', false))
    const { items } = (await admin.get('/removal-batches')).json as { items: { id: string; state: string }[] }
    ids['batch'] = items.find(({ state }) => state === 'open')!.id
  }
}

async function decideAll(gateway: AdminGateway, ids: Ids): Promise<void> {
  const admin = gateway.client(ids['reviewer']!)
  const { rows } = (await admin.get(`/reports/review?review=${ids['review']}`)).json as { rows: { item: number }[] }
  for (const { item } of rows) {
    await admin.post(`/reviews/${ids['review']}/decide`, { item, decision: 'keep', reason: 'still here' })
  }
}
