import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, ProviderId, UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Identity } from '../domain/sign-in.ts'
import type { SignInProvider } from '../domain/sign-in-provider.ts'
import {
  changeProvider,
  createProvider,
  noSuchProvider,
  pairConnection,
  removeProvider,
} from '../provisioning/sign-in-providers.ts'
import { unlinkIdentity } from '../provisioning/unlink-identity.ts'
import type { AdminPorts } from './ports.ts'
import { type Route, route, shownTime, textOf, time } from './route.ts'

const provider = z.object({
  ...{ id: z.uuid(), kind: z.enum(['oidc', 'ldap']), name: z.string(), enabled: z.boolean() },
  origin: z.enum(['made', 'environment']).meta({ description: 'Those of the environment are changed there' }),
  config: z.record(z.string(), z.unknown()),
  hasSecret: z.boolean().meta({ description: 'Whether a secret is kept; it is never shown' }),
  ...{ version: z.int(), created: time },
})

const config = z.record(z.string(), z.unknown()).meta({
  description:
    'Of `oidc`: issuer, clientId, clientAuth, scopes, claims, groups, trustEmail, identifierClaims. Of `ldap`: url, ' +
    'baseDn, bindDn, startTls, ca, filter, attributes, groupSearch, allowedGroups, groupSync, emailVerified, timeoutMs',
})
const secret = z.string().min(1).max(4_000)

const identity = z.object({
  id: z.string(),
  ...{ issuer: z.string(), provider: z.uuid(), way: z.enum(['paired', 'email', 'invite', 'made']) },
  ...{ linked: time, lastSignIn: time },
})

/** What people sign in with, and who they are there. */
export const signInRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/signin-providers', tag: 'Sign-in', summary: 'List the ways to sign in', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(provider) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.providers.list(orgId)).map(shownProvider) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/signin-providers', tag: 'Sign-in', who: 'orgAdmin', isDangerous: true },
    summary:
      'Make a way to sign in: by an OpenID provider, or by a directory, whose secret is its password for searching',
    body: z
      .strictObject({ kind: z.enum(['oidc', 'ldap']), name: textOf(100), config, secret: secret.optional() })
      .meta({
        examples: [{ kind: 'oidc', name: 'Okta', config: { issuer: 'https://okta.example', clientId: 'c' } }],
      }),
    answer: { status: 201, schema: provider },
    async handle({ ports, provisioning, caller, orgId, body }) {
      const { kind, name } = body
      const sealedSecret = body.secret === undefined ? undefined : ports.sealSecret({ orgId, kind }, body.secret)
      const checked = ports.providerConfig(kind, body.config as JsonObject)
      const draft = { kind, name, config: checked, sealedSecret }
      const made = await createProvider(provisioning, caller, draft).durable
      return { body: shownProvider(made), version: made.version }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/signin-providers/{provider}', tag: 'Sign-in', who: 'orgAdmin', isDangerous: true },
    summary: 'Change a way to sign in; a config takes the place of the one before, a secret of null is forgotten',
    body: z
      .strictObject({
        ...{ name: textOf(100).optional(), enabled: z.boolean().optional() },
        ...{ config: config.optional(), secret: secret.nullable().optional() },
      })
      .meta({ examples: [{ enabled: false }] }),
    answer: { status: 200, schema: provider },
    async handle({ ports, provisioning, caller, orgId, params, body, ifMatch }) {
      const id = params.provider as ProviderId
      const known = await made(ports, orgId, id)
      const changed =
        body.config === undefined ? undefined : ports.providerConfig(known.kind, body.config as JsonObject)
      const sealedSecret =
        typeof body.secret === 'string' ? ports.sealSecret({ orgId, kind: known.kind }, body.secret) : body.secret
      const change = { name: body.name, enabled: body.enabled, config: changed, sealedSecret, ifMatch }
      const { value } = await changeProvider(provisioning, caller, id, change).durable
      return { body: shownProvider(value), version: value.version }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/signin-providers/{provider}', tag: 'Sign-in', who: 'orgAdmin', isDangerous: true },
    summary: 'End a way to sign in; sessions go on until they end',
    answer: { status: 204 },
    async handle({ ports, provisioning, caller, orgId, params }) {
      const id = params.provider as ProviderId
      await made(ports, orgId, id)
      await removeProvider(provisioning, caller, id).durable
      return {}
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/connections/{connection}/pairing', tag: 'Sign-in', who: 'orgAdmin' },
    summary: 'Say by which provider those whom a connection pushes sign in, or by none',
    isDangerous: true,
    body: z.strictObject({ provider: z.uuid().nullable() }).meta({ examples: [{ provider: null }] }),
    answer: { status: 204 },
    async handle({ provisioning, caller, params, body }) {
      const wanted = (body.provider ?? undefined) as ProviderId | undefined
      await pairConnection(provisioning, caller, params.connection as ConnectionId, wanted).durable
      return {}
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}/identities', tag: 'Sign-in', who: 'reader' },
    summary: 'Show who a person is at identity providers',
    answer: { status: 200, schema: z.object({ items: z.array(identity) }) },
    async handle({ ports, orgId, params }) {
      const id = params.user as UserId
      const user = await ports.reads.users.find(orgId, id)
      if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
      return { body: { items: (await ports.reads.identities.list(orgId, id)).map(shownIdentity) } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/users/{user}/identities/{identity}', tag: 'Sign-in', who: 'orgAdmin' },
    summary: 'End that somebody at an identity provider is this person, and their sessions',
    ...{ isDangerous: true, texts: ['identity'] },
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await unlinkIdentity(provisioning, caller, params.user as UserId, params.identity).durable
      return {}
    },
  }),
]

/** One that an admin made. @throws DomainError `not-found`, `forbidden` for one of the environment */
async function made({ reads }: AdminPorts, orgId: SignInProvider['orgId'], id: ProviderId): Promise<SignInProvider> {
  const found = await reads.providers.find(orgId, id)
  if (found === undefined) throw noSuchProvider(id)
  if (found.origin === 'made') return found
  throw new DomainError('forbidden', 'This way to sign in comes from the environment of the gateway; change it there', {
    reason: 'provider.environment',
  })
}

function shownProvider(one: SignInProvider): z.input<typeof provider> {
  const { id, kind, name, enabled, origin, config: how, hasSecret, version, created } = one
  return { id, kind, name, enabled, origin, config: how, hasSecret, version, created: shownTime(created) }
}

function shownIdentity({ key, issuer, providerId, way, linked, lastSignIn }: Identity): z.input<typeof identity> {
  return { id: key, issuer, provider: providerId, way, linked: shownTime(linked), lastSignIn: shownTime(lastSignIn) }
}
