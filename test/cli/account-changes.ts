import { sql } from 'kysely'
import { newId, type OrgId, type ProviderId, type SessionId, type UserId } from '../../src/domain/ids.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import { providerOf } from '../support/sign-ins.ts'
import { operation } from '../support/tenant.ts'
import { type Beside, type CommandStep, words } from './command-step.ts'

async function newSession({ gateway: { gateway }, ids }: Beside): Promise<void> {
  const id = newId<SessionId>(Date.now())
  const secretHash = Buffer.from(id.replaceAll('-', '').repeat(2).slice(0, 64), 'hex')
  const draft = { id, user: ids['ann'] as UserId, method: 'oidc', secretHash, expires: Date.now() + 3_600_000 } as const
  const org = (await gateway.opened.store.reads.orgs.find('default'))!.id
  await startSession(gateway.provisioning, operation(), org, draft).durable
  ids['session'] = id
}

async function signedIn({ gateway: { gateway }, ids, ask }: Beside): Promise<void> {
  const org = (await gateway.opened.store.reads.orgs.find('default'))!.id
  const voice = providerOf({ orgId: org, provisioning: gateway.provisioning }, 'https://okta.example')
  ids['jo'] = (await voice.signIn('jo', { providerId: ids['provider'] as ProviderId })).user.id
  ids['identity'] = ((await ask('signin', 'identities', ids['jo'])) as { id: string }[])[0]!.id
}

/** Changes of organisations, credentials, people, ways in and domains, in an order in which each finds what it needs. */
export const ACCOUNT_CHANGES: readonly CommandStep[] = [
  { args: words('org create second'), says: [] },
  { args: words('token create --admin --name report'), makes: 'key', says: ['key.create scope: nothing -> "admin"'] },
  { args: words('token create'), makes: 'token', says: ['token.create'] },
  { args: words('token revoke {token}'), says: ['token.revoke'] },
  { args: words('token rotate --connection default'), says: ['token.create'] },
  {
    args: words('connection create --name okta'),
    makes: 'connection',
    says: [
      'connection.create kind: nothing -> "idp"',
      'connection.create mayGrantAdmin: nothing -> false',
      'connection.create scopes: nothing -> ["users","groups"]',
      'token.create',
    ],
  },
  {
    args: words('connection change {connection} --name Okta --may-grant-admin'),
    says: ['connection.update name: "okta" -> "Okta"', 'connection.update mayGrantAdmin: false -> true'],
  },
  {
    args: words('connection trust add {connection} --issuer https://login.example.com --audience rollcall'),
    makes: 'trust',
    says: [
      'trust.create issuer: nothing -> "https://login.example.com"',
      'trust.create audience: nothing -> "rollcall"',
      'trust.create pins: nothing -> []',
    ],
  },
  {
    args: words('connection trust remove {connection} {trust}'),
    says: [
      'trust.delete issuer: "https://login.example.com" -> nothing',
      'trust.delete audience: "rollcall" -> nothing',
      'trust.delete pins: [] -> nothing',
    ],
  },
  {
    args: words('user create boss --org-role admin'),
    makes: 'boss',
    says: [
      'user.create userName: nothing -> "boss"',
      'user.create active: nothing -> true',
      'user.create organizationRole: nothing -> "admin"',
      'user.create active : null -> "active" for ["{boss}"]',
      'user.create org_role : null -> "admin" for ["{boss}"]',
      'user.create seat models: null -> "full" for ["{boss}"]',
      'user.create seat weave: null -> "full" for ["{boss}"]',
    ],
  },
  {
    args: words('user create ann --name Ann --email ann@example.com'),
    makes: 'ann',
    says: [
      'user.create userName: nothing -> "ann"',
      'user.create displayName: nothing -> "Ann"',
      'user.create emails: nothing -> [{"primary":true,"type":"work","value":"ann@example.com"}]',
      'user.create active: nothing -> true',
      'user.create active : null -> "active" for ["{ann}"]',
      'user.create org_role : null -> "member" for ["{ann}"]',
      'user.create seat models: null -> "full" for ["{ann}"]',
      'user.create seat weave: null -> "full" for ["{ann}"]',
    ],
  },
  {
    args: words('user change ann --name Bea --org-role admin --seat models=viewer'),
    says: [
      'user.update displayName: "Ann" -> "Bea"',
      'user.update seats.models: nothing -> "viewer"',
      'user.update organizationRole: nothing -> "admin"',
      'user.update org_role : "member" -> "admin" for ["{ann}"]',
      'user.update seat models: "full" -> "viewer" for ["{ann}"]',
    ],
  },
  {
    args: words('user change ann --org-role member'),
    says: [
      'user.update organizationRole: "admin" -> "member"',
      'user.update org_role : "admin" -> "member" for ["{ann}"]',
    ],
  },
  { args: words('user flag ann --auditor'), says: ['user.update auditor: false -> true'] },
  {
    args: words('user deactivate ann'),
    says: [
      'user.deactivate active: true -> false',
      'user.deactivate active : "active" -> null for ["{ann}"]',
      'user.deactivate org_role : "member" -> null for ["{ann}"]',
      'user.deactivate seat models: "viewer" -> null for ["{ann}"]',
      'user.deactivate seat weave: "full" -> null for ["{ann}"]',
    ],
  },
  {
    args: words('user reactivate ann'),
    says: [
      'user.reactivate active: false -> true',
      'user.reactivate active : null -> "active" for ["{ann}"]',
      'user.reactivate org_role : null -> "member" for ["{ann}"]',
      'user.reactivate seat models: null -> "viewer" for ["{ann}"]',
      'user.reactivate seat weave: null -> "full" for ["{ann}"]',
    ],
  },
  {
    args: words('user delete ann'),
    says: [
      'user.delete active : "active" -> null for ["{ann}"]',
      'user.delete org_role : "member" -> null for ["{ann}"]',
      'user.delete seat models: "viewer" -> null for ["{ann}"]',
      'user.delete seat weave: "full" -> null for ["{ann}"]',
    ],
  },
  {
    args: words('user restore {ann}'),
    says: [
      'user.restore active : null -> "active" for ["{ann}"]',
      'user.restore org_role : null -> "member" for ["{ann}"]',
      'user.restore seat models: null -> "viewer" for ["{ann}"]',
      'user.restore seat weave: null -> "full" for ["{ann}"]',
    ],
  },
  { args: words('admin setup-url'), says: ['setup.create'] },
  { args: words('admin reset-url ann'), says: ['password.reset'] },
  {
    args: words('signin add Okta --set issuer=https://okta.example --set clientId=c'),
    makes: 'provider',
    says: ['provider.create name: nothing -> "Okta"', 'provider.create enabled: nothing -> true'],
  },
  {
    args: words('signin change Okta --name Okta2 --set groups=true'),
    says: ['provider.update name: "Okta" -> "Okta2"'],
  },
  { args: words('signin pair {connection} Okta2'), says: ['connection.pair signInProvider: null -> "{provider}"'] },
  {
    args: words('signin unlink {jo} {identity}'),
    arrange: signedIn,
    says: ['sso.unlink identities: {"issuer":"https://okta.example","way":"made"} -> nothing'],
  },
  { args: words('signin remove Okta2'), says: ['provider.delete'] },
  { args: words('session end {session}'), arrange: newSession, says: ['session.end'] },
  {
    args: words('invite create bob@example.com --seat models=full'),
    makes: 'invite',
    says: [
      'user.create userName: nothing -> "bob@example.com"',
      'user.create emails: nothing -> [{"primary":true,"type":"work","value":"bob@example.com"}]',
      'user.create active: nothing -> true',
      'user.create seats.models: nothing -> "full"',
    ],
  },
  {
    args: words('invite resend {invite} --days 9'),
    // As if a minute had passed since it was sent.
    arrange: ({ gateway: { gateway } }) =>
      sql`update invite set sent = sent - 120000`.execute(gateway.opened.connections.writer),
    says: [],
  },
  {
    args: words('mail resend {mail}'),
    // As if the mail had been given up, and a minute had passed since.
    async arrange({ gateway: { gateway }, ids }) {
      const { connections, store } = gateway.opened
      ids['mail'] = (await store.reads.outbox.list(ids['org'] as OrgId, 1))[0]!.id
      await sql`update invite set sent = sent - 120000`.execute(connections.writer)
      await sql`update outbox set state = 'failed', payload = '', ended = 1`.execute(connections.writer)
    },
    says: [],
  },
  { args: words('invite revoke {invite}'), says: [] },
  { args: words('domain claim people.example'), says: ['domain.claim captures: nothing -> false'] },
  {
    args: words('domain prove people.example'),
    async arrange({ ask, dns }) {
      const { record } = (await ask('domain', 'show', 'people.example')) as { record: { name: string; value: string } }
      dns.zone.set(record.name, [record.value])
    },
    says: ['domain.prove state: "unproved" -> "proved"'],
  },
  { args: words('domain set people.example --capture'), says: ['domain.update captures: false -> true'] },
  { args: words('domain release people.example'), says: ['domain.release'] },
]
