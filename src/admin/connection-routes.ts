import { z } from 'zod'
import { type ConnectionId, newId, type TokenId } from '../domain/ids.ts'
import { changeConnection } from '../provisioning/change-connection.ts'
import { addToken, revokeToken } from '../provisioning/connection-tokens.ts'
import { createConnection } from '../provisioning/create-connection.ts'
import { revokeConnection } from '../provisioning/revoke-connection.ts'
import {
  connection,
  getConnection,
  newConnection,
  shownConnection,
  shownToken,
  token,
  trustOf,
} from './connection-shape.ts'
import { expiryOf, type Route, route, textOf, time } from './route.ts'

const connectionPatch = z
  .strictObject({
    name: textOf(200).optional(),
    mayGrantAdmin: z.boolean().optional(),
    scopes: z.array(z.enum(['users', 'groups'])).optional(),
  })
  .meta({ examples: [{ mayGrantAdmin: true }] })

const withToken = { tokenId: z.uuid(), token: z.string().nullable().meta({ description: 'Shown once' }) }

/** Connections of identity providers and scripts. */
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
    ...{ method: 'POST', path: '/connections', tag: 'Connections', who: 'orgAdmin' },
    summary: 'Make a connection and its first token, shown once',
    body: newConnection,
    answer: { status: 201, schema: connection.extend(withToken), secret: 'token' },
    async handle({ ports, provisioning, caller, orgId, body }) {
      const trust = body.trust === undefined ? undefined : trustOf(ports, body.trust, '/trust')
      const id = newId<TokenId>(ports.now())
      const { text, secretHash } = ports.mint(id)
      const made = await createConnection(provisioning, caller, orgId, {
        ...{ name: body.name, kind: body.kind, mayGrantAdmin: body.mayGrantAdmin, scopes: [...new Set(body.scopes)] },
        ...{ trust, token: { id, secretHash, origin: 'minted', expires: undefined } },
      }).durable
      const tokens = await ports.reads.orgs.tokens(orgId)
      const body201 = { ...shownConnection(made, tokens), tokenId: id, token: text }
      return { body: body201, version: made.version }
    },
  }),
  route({
    ...{ method: 'GET', path: '/connections/{connection}', tag: 'Connections', who: 'reader' },
    summary: 'Show a connection',
    answer: { status: 200, schema: connection },
    async handle({ ports, orgId, params }) {
      const found = await getConnection(ports, orgId, params.connection)
      return { body: shownConnection(found, await ports.reads.orgs.tokens(orgId)), version: found.version }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/connections/{connection}', tag: 'Connections', who: 'orgAdmin' },
    summary: 'Change the name and rights of a connection',
    body: connectionPatch,
    answer: { status: 200, schema: connection },
    async handle({ ports, provisioning, caller, orgId, params, body, ifMatch }) {
      const id = params.connection as ConnectionId
      const { value } = await changeConnection(provisioning, caller, id, { ...body, ifMatch }).durable
      return { body: shownConnection(value, await ports.reads.orgs.tokens(orgId)), version: value.version }
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
  route({
    ...{ method: 'POST', path: '/connections/{connection}/tokens', tag: 'Connections', who: 'orgAdmin' },
    summary: 'Make a token, shown once; two may live at a time, so that one follows another without downtime',
    body: z.strictObject({ expires: time.optional() }).meta({ examples: [{}] }),
    answer: { status: 201, schema: token.extend({ token: withToken.token }), secret: 'token' },
    async handle({ ports, provisioning, caller, orgId, params, body }) {
      const expires = expiryOf(body.expires, ports.now())
      const id = newId<TokenId>(ports.now())
      const { text, secretHash } = ports.mint(id)
      const connectionId = params.connection as ConnectionId
      await addToken(provisioning, caller, orgId, { id, connectionId, secretHash, origin: 'minted', expires }).durable
      const made = (await ports.reads.orgs.tokens(orgId)).find((each) => each.id === id)
      return { body: { ...shownToken(made!), token: text } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/connections/{connection}/tokens/{token}', tag: 'Connections', who: 'orgAdmin' },
    summary: 'End a token at once',
    answer: { status: 204 },
    async handle({ provisioning, caller, orgId, params }) {
      const which = { id: params.token as TokenId, connectionId: params.connection as ConnectionId }
      await revokeToken(provisioning, caller, orgId, which).durable
      return {}
    },
  }),
]
