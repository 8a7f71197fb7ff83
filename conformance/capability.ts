import { randomBytes } from 'node:crypto'
import { CAPABILITIES, type Capability } from './case.ts'
import type { Answer, ScimClient } from './client.ts'
import { URNS } from './fill-in.ts'
import { valueAt } from './path.ts'

/** What a server says it cannot do, each with the reason to show; a capability that is not in the map is there. */
export type Missing = ReadonlyMap<Capability, string>

/**
 * Asks a server what it supports: ServiceProviderConfig (RFC 7644 §4), and one harmless request each to `/.search`
 * and `/Me`, which no configuration document announces. A server without ServiceProviderConfig is taken at its best:
 * every case runs.
 * @throws Error when the server refuses the token or fails, since no case could then pass.
 */
export async function findMissing(client: ScimClient): Promise<Missing> {
  const config = await get(client, '/ServiceProviderConfig')
  if (config.status === 401 || config.status === 403) {
    throw new Error(`GET /ServiceProviderConfig answered ${config.status}: is the token right? ${config.text}`)
  }
  if (config.status >= 500) throw new Error(`GET /ServiceProviderConfig answered ${config.status}: ${config.text}`)
  const missing = new Map<Capability, string>()
  for (const capability of CAPABILITIES) {
    if (valueAt(config.json, `${capability}.supported`) === false) {
      missing.set(capability, `ServiceProviderConfig says that ${capability} is not supported`)
    }
  }
  // RFC 9865 is newer than most servers: one that says nothing of it does not have it.
  if (config.status === 200 && valueAt(config.json, 'pagination.cursor') !== true) {
    missing.set('cursor', 'ServiceProviderConfig does not say that pages by cursor are supported')
  }
  await probe(missing, 'search', 'POST /.search', () => search(client))
  await probe(missing, 'me', 'GET /Me', () => get(client, '/Me'))
  return missing
}

/** What an endpoint that is not there, or not for this credential, answers. */
const ABSENT: ReadonlySet<number> = new Set([403, 404, 405, 501])

async function probe(
  missing: Map<Capability, string>,
  capability: Capability,
  request: string,
  send: () => Promise<Answer>,
): Promise<void> {
  const { status } = await send()
  if (ABSENT.has(status)) missing.set(capability, `${request} answers ${status}`)
}

/**
 * Why custom roles cannot be tried, or undefined where they can: they are no resource type of the RFCs, and where there
 * are any, not every credential may change them. Makes a role and deletes it again.
 * @param client with a connection of its own: a server that closes it after a 404 is judged by the cases, not here
 */
export async function findMissingRoles(client: ScimClient): Promise<string | undefined> {
  const type = await get(client, '/ResourceTypes/Role')
  if (type.status !== 200) return `GET /ResourceTypes/Role answers ${type.status}`
  const role = { schemas: [URNS['Role']], name: `probe-${randomBytes(8).toString('hex')}`, inheritedFrom: 'viewer' }
  const body = JSON.stringify(role)
  const made = await client.send({ method: 'POST', path: '/Roles', headers: {}, body, noAuth: false })
  if (ABSENT.has(made.status)) return `POST /Roles answers ${made.status}`
  const id = valueAt(made.json, 'id')
  // Anything else that is wrong here is for the cases to find.
  if (made.status === 201 && typeof id === 'string')
    await client.send({ method: 'DELETE', path: `/Roles/${id}`, headers: {}, body: undefined, noAuth: false })
  return undefined
}

function get(client: ScimClient, path: string): Promise<Answer> {
  return client.send({ method: 'GET', path, headers: {}, body: undefined, noAuth: false })
}

function search(client: ScimClient): Promise<Answer> {
  const body = JSON.stringify({ schemas: [URNS['SearchRequest']], count: 0 })
  return client.send({ method: 'POST', path: '/.search', headers: {}, body, noAuth: false })
}
