import { z } from 'zod'
import type { ApiKey } from '../domain/api-key.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, type KeyId, newId, type UserId } from '../domain/ids.ts'
import type { ServiceAccountSummary } from '../domain/team-ports.ts'
import { checkTeamAdminNow, mayReadOrg } from '../provisioning/caller-right.ts'
import {
  changeServiceAccount,
  createServiceAccount,
  deleteServiceAccount,
} from '../provisioning/service-account-admin.ts'
import { createServiceKey, revokeServiceKey } from '../provisioning/service-account-keys.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import { maybeTime, type Route, route, type RouteAnswer, type RouteRequest, shownTime, textOf, time } from './route.ts'

const scope = z.enum(['team', 'org'])

const account = z.object({
  ...{ id: z.uuid(), version: z.number(), userName: z.string(), displayName: z.string().nullable(), scope },
  ...{ defaultTeam: z.uuid(), defaultTeamName: z.string(), created: time },
  ...{ owner: z.uuid().nullable(), ownerName: z.string().nullable() },
  identity: z
    .object({ issuer: z.string(), subject: z.string() })
    .nullable()
    .meta({ description: 'What its programs show at /oidc/token: iss and sub of the JWTs of their platform' }),
  resting: z.boolean().meta({ description: 'Whether its keys rest because its team is archived' }),
})

const key = z.object({
  ...{ id: z.uuid(), name: z.string(), created: time },
  ...{ expires: time.nullable(), lastUsed: time.nullable(), revoked: time.nullable() },
})

const owner = textOf(256).meta({ description: 'Who answers for it: id, userName or primary e-mail address' })

const identity = z
  .strictObject({ issuer: textOf(500).optional(), subject: textOf(512) })
  .meta({ description: 'iss and sub of the JWTs of its programs; the issuer is one of the setting workload.issuers' })

const newAccount = z
  .strictObject({
    ...{ userName: textOf(256), displayName: textOf(256).optional(), scope: scope.default('team') },
    ...{ defaultTeam: z.uuid(), owner: owner.optional(), identity: identity.optional() },
  })
  .meta({ examples: [{ userName: 'sa-deploy-bot', defaultTeam: '0190aaaa-0000-7000-8000-00000000dead' }] })

const newKey = z
  .strictObject({ name: textOf(100), expires: time.optional() })
  .meta({ examples: [{ name: 'nightly deployment' }] })

const TAG = 'Service accounts'

/** Service accounts and their keys: those of the org for its admins, those of a team for the team's admins as well. */
export const serviceAccountRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/service-accounts', tag: TAG, summary: 'List service accounts', who: 'reader' },
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(account) },
    async handle(request) {
      return { body: await accountPage(request, undefined) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/teams/{team}/service-accounts', tag: TAG, who: 'teamAdmin' },
    summary: 'List the service accounts of a team',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(account) },
    async handle(request) {
      const { ports, orgId, params } = request
      if ((await ports.reads.teams.find(orgId, params.team as GroupId)) === undefined) {
        throw new DomainError('not-found', `Team ${params.team} not found`)
      }
      return { body: await accountPage(request, params.team as GroupId) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/service-accounts', tag: TAG, summary: 'Make a service account', who: 'anybody' },
    body: newAccount,
    answer: { status: 201, schema: account },
    async handle(request) {
      const { provisioning, caller, body } = request
      const made = await createServiceAccount(provisioning, caller, {
        ...{ userName: body.userName, scope: body.scope, defaultTeam: body.defaultTeam as GroupId },
        ...(body.displayName === undefined ? {} : { displayName: body.displayName }),
        ...(body.owner === undefined ? {} : { owner: body.owner }),
        identity: body.identity,
      }).durable
      const shown = await answered(request, made.id)
      return { ...shown, headers: { Location: `/api/v1/service-accounts/${made.id}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/service-accounts/{account}', tag: TAG, who: 'anybody' },
    summary: 'Show a service account',
    answer: { status: 200, schema: account },
    handle: async (request) => answered(request, await readable(request, request.params.account)),
  }),
  route({
    ...{ method: 'PATCH', path: '/service-accounts/{account}', tag: TAG, who: 'anybody' },
    summary: 'Name another person to answer for a service account, or another identity for its programs; null ends it',
    body: z
      .strictObject({ owner: owner.optional(), identity: identity.nullable().optional() })
      .meta({ examples: [{ owner: 'ann@example.com' }] }),
    answer: { status: 200, schema: account },
    async handle(request) {
      const { provisioning, caller, params, body, ifMatch } = request
      const change = { ...body, ...(ifMatch === undefined ? {} : { ifMatch }) }
      await changeServiceAccount(provisioning, caller, params.account as UserId, change).durable
      return answered(request, params.account as UserId)
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/service-accounts/{account}', tag: TAG, who: 'anybody' },
    summary: 'Delete a service account and end its keys',
    answer: { status: 204 },
    async handle({ provisioning, caller, params, ifMatch }) {
      const options = ifMatch === undefined ? {} : { ifMatch }
      await deleteServiceAccount(provisioning, caller, params.account as UserId, options).durable
      return {}
    },
  }),
  ...keyRoutes(),
]

function keyRoutes(): readonly Route[] {
  return [
    route({
      ...{ method: 'GET', path: '/service-accounts/{account}/keys', tag: TAG, who: 'anybody' },
      summary: 'List the keys of a service account',
      answer: { status: 200, schema: z.object({ items: z.array(key) }) },
      async handle(request) {
        const id = await readable(request, request.params.account)
        const keys = await request.ports.reads.keys.list(request.orgId)
        return { body: { items: keys.filter(({ user }) => user === id).map(shownKey) } }
      },
    }),
    route({
      ...{ method: 'POST', path: '/service-accounts/{account}/keys', tag: TAG, who: 'anybody' },
      summary: 'Make a key of a service account, shown once',
      body: newKey,
      answer: { status: 201, schema: key.extend({ key: z.string().nullable() }), secret: 'key' },
      async handle({ ports, provisioning, caller, params, body }) {
        const expires = body.expires === undefined ? undefined : Date.parse(body.expires)
        if (expires !== undefined && expires <= ports.now()) {
          throw new DomainError('invalid-value', 'expires is in the past', { params: { path: '/expires' } })
        }
        const id = newId<KeyId>(ports.now())
        const { text, secretHash } = ports.mint(id)
        const draft = { account: params.account as UserId, id, secretHash, name: body.name, expires }
        const made = await createServiceKey(provisioning, caller, draft).durable
        return { body: { ...shownKey(made), key: text } }
      },
    }),
    route({
      ...{ method: 'DELETE', path: '/service-accounts/{account}/keys/{key}', tag: TAG, who: 'anybody' },
      summary: 'End a key of a service account at once',
      answer: { status: 204 },
      async handle({ provisioning, caller, params }) {
        const named = { account: params.account as UserId, key: params.key as KeyId }
        await revokeServiceKey(provisioning, caller, named).durable
        return {}
      },
    }),
  ]
}

async function accountPage(
  request: RouteRequest<string, z.output<z.ZodObject<typeof pageQuery>>>,
  team: GroupId | undefined,
): Promise<{ items: z.input<typeof account>[]; next: string | null }> {
  const { ports, orgId, query } = request
  const list = `service-accounts ${team ?? ''}`
  const after = afterOf<UserId>(request, list)
  const rows = await ports.reads.services.page(orgId, {
    ...(team === undefined ? {} : { team }),
    ...(after === undefined ? {} : { after }),
    limit: query.limit + 1,
  })
  return cutPage(request, list, rows, { keyOf: ({ id }) => id, show: shownAccount })
}

/** An account whose reader the caller is. @throws DomainError `not-found` for whoever may not know of it */
async function readable({ ports, orgId, caller }: RouteRequest, id: string): Promise<UserId> {
  const found = await ports.reads.services.find(orgId, id as UserId)
  if (found === undefined) throw noAccount(id)
  if (mayReadOrg(caller) || caller.account?.user === found.id) return found.id
  if (found.scope === 'org') throw noAccount(id)
  await checkTeamAdminNow(ports.reads, caller, found.defaultTeam).catch(() => {
    throw noAccount(id)
  })
  return found.id
}

async function answered({ ports, orgId }: RouteRequest, id: UserId): Promise<RouteAnswer<z.input<typeof account>>> {
  const found = await ports.reads.services.find(orgId, id)
  if (found === undefined) throw noAccount(id)
  return { body: shownAccount(found), version: found.version }
}

function noAccount(id: string): DomainError {
  return new DomainError('not-found', `Service account ${id} not found`)
}

function shownAccount(found: ServiceAccountSummary): z.input<typeof account> {
  const { displayName, owner: answering, ownerName, identity: workload, created, ...rest } = found
  return {
    ...rest,
    ...{ displayName: displayName ?? null, owner: answering ?? null, ownerName: ownerName ?? null },
    identity: workload === undefined ? null : { ...workload },
    created: shownTime(created),
  }
}

function shownKey({ id, name, created, expires, lastUsed, revoked }: ApiKey): z.input<typeof key> {
  return {
    ...{ id, name, created: shownTime(created) },
    ...{ expires: maybeTime(expires), lastUsed: maybeTime(lastUsed), revoked: maybeTime(revoked) },
  }
}
