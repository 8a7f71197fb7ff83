import { z } from 'zod'
import type { ConnectionId } from '../domain/ids.ts'
import { addTrust, removeTrust } from '../provisioning/connection-trusts.ts'
import { getConnection, newTrust, shownTrust, trust, trustOf } from './connection-shape.ts'
import { type Route, route } from './route.ts'

/** Trust of connections in the JWTs of identity providers. */
export const trustRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/connections/{connection}/trusts', tag: 'Connections', who: 'reader' },
    summary: 'List whose JWTs a connection trusts',
    answer: { status: 200, schema: z.object({ items: z.array(trust) }) },
    async handle({ ports, orgId, params }) {
      const { id } = await getConnection(ports, orgId, params.connection)
      const trusts = await ports.reads.orgs.trusts(orgId)
      return { body: { items: trusts.filter(({ connectionId }) => connectionId === id).map(shownTrust) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/connections/{connection}/trusts', tag: 'Connections', who: 'orgAdmin' },
    summary: 'Trust the JWTs of one more issuer, or for one more audience',
    body: newTrust.meta({ examples: [{ issuer: 'https://login.example.com', audience: 'rollcall' }] }),
    answer: { status: 201, schema: trust },
    async handle({ ports, provisioning, caller, params, body }) {
      const draft = trustOf(ports, body, '/')
      const made = await addTrust(provisioning, caller, params.connection as ConnectionId, draft).durable
      return { body: shownTrust(made) }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/connections/{connection}/trusts/{trust}', tag: 'Connections', who: 'orgAdmin' },
    summary: 'End a trust: JWTs that were accepted before are refused at once',
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      const key = { connectionId: params.connection as ConnectionId, id: params.trust }
      await removeTrust(provisioning, caller, key).durable
      return {}
    },
  }),
]
