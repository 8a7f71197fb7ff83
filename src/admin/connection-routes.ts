import { z } from 'zod'
import type { Connection, ConnectionToken } from '../domain/connection.ts'
import type { ConnectionId } from '../domain/ids.ts'
import { revokeConnection } from '../provisioning/revoke-connection.ts'
import { maybeTime, type Route, route, shownTime, time } from './route.ts'

const token = z.object({
  ...{ id: z.uuid(), origin: z.enum(['minted', 'bootstrap']), created: time, expires: time.nullable() },
  ...{ lastUsed: time.nullable(), revoked: time.nullable() },
})

const connection = z.object({
  ...{ id: z.uuid(), name: z.string(), kind: z.enum(['idp', 'script']), status: z.enum(['active', 'revoked']) },
  ...{ mayGrantAdmin: z.boolean(), scopes: z.array(z.enum(['users', 'groups'])), created: time },
  tokens: z.array(token),
})

/** Connections of identity providers and scripts, and their tokens. */
export const connectionRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/connections', tag: 'Connections', summary: 'List the connections', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(connection) }) },
    async handle({ ports, orgId }) {
      const [connections, tokens] = await Promise.all([
        ports.reads.orgs.connections(orgId),
        ports.reads.orgs.tokens(orgId),
      ])
      return { body: { items: connections.map((one) => shownConnection(one, tokens)) } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/connections/{connection}', tag: 'Connections', who: 'orgAdmin' },
    summary: 'End a connection; what it owned has no owner from then on',
    answer: { status: 204 },
    async handle({ provisioning, caller, orgId, params }) {
      await revokeConnection(provisioning, caller, orgId, params.connection as ConnectionId).durable
      return {}
    },
  }),
]

function shownConnection(one: Connection, tokens: readonly ConnectionToken[]): z.input<typeof connection> {
  const { id, name, kind, status, mayGrantAdmin, created } = one
  return {
    ...{ id, name, kind, status, mayGrantAdmin, scopes: [...one.scopes], created: shownTime(created) },
    tokens: tokens.filter(({ connectionId }) => connectionId === id).map(shownToken),
  }
}

function shownToken({ id, origin, created, expires, lastUsed, revoked }: ConnectionToken): z.input<typeof token> {
  return {
    ...{ id, origin, created: shownTime(created), expires: maybeTime(expires) },
    ...{ lastUsed: maybeTime(lastUsed), revoked: maybeTime(revoked) },
  }
}
