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

function get(client: ScimClient, path: string): Promise<Answer> {
  return client.send({ method: 'GET', path, headers: {}, body: undefined, noAuth: false })
}

function search(client: ScimClient): Promise<Answer> {
  const body = JSON.stringify({ schemas: [URNS['SearchRequest']], count: 0 })
  return client.send({ method: 'POST', path: '/.search', headers: {}, body, noAuth: false })
}
