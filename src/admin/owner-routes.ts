import { z } from 'zod'
import type { ConnectionId } from '../domain/ids.ts'
import { handOver, type OwnershipChange } from '../provisioning/hand-over.ts'
import { type Route, route, type RouteRequest } from './route.ts'

const body = z
  .strictObject({ to: z.uuid().nullable().meta({ description: 'The new owner; null leaves it to nobody' }) })
  .meta({ examples: [{ to: null }] })

const answer = { status: 200, schema: z.object({ users: z.number().int(), groups: z.number().int() }) } as const

/** Which connection manages what. */
export const ownerRoutes: readonly Route[] = [
  route({
    ...{ method: 'PUT', path: '/users/{user}/owner', tag: 'Ownership', who: 'orgAdmin', body, answer },
    summary: 'Hand a person over to another connection',
    handle: (request) => change(request, { type: 'user', id: request.params.user }),
  }),
  route({
    ...{ method: 'PUT', path: '/groups/{group}/owner', tag: 'Ownership', who: 'orgAdmin', body, answer },
    summary: 'Hand a group over to another connection',
    handle: (request) => change(request, { type: 'group', id: request.params.group }),
  }),
  route({
    ...{ method: 'POST', path: '/connections/{connection}/handover', tag: 'Ownership', who: 'orgAdmin', body, answer },
    summary: 'Hand over everything that a connection manages',
    handle: (request) => change(request, { allOf: request.params.connection as ConnectionId }),
  }),
]

async function change(
  { provisioning, caller, body: { to } }: RouteRequest<string, unknown, z.output<typeof body>>,
  what: OwnershipChange['what'],
): Promise<{ body: { users: number; groups: number } }> {
  const owner = (to ?? undefined) as ConnectionId | undefined
  return { body: await handOver(provisioning, caller, { to: owner, what }).durable }
}
