import type { Viewer } from '../domain/connection.ts'
import type { ConnectionId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { ScimContext } from './context.ts'
import type { ResourceKind } from './endpoint.ts'
import { locationOf } from './location.ts'
import { entityTag, type ReplyHeaders } from './reply.ts'

/** What every stored resource has. Times are epoch milliseconds. */
export interface Versioned {
  readonly id: string
  readonly version: number
  readonly created: number
  readonly updated: number
}

/** `meta` of a resource (RFC 7643 §3.1); `version` equals the ETag. */
export function metaOf(ctx: ScimContext, kind: ResourceKind, row: Versioned): JsonObject {
  return {
    resourceType: kind,
    created: new Date(row.created).toISOString(),
    lastModified: new Date(row.updated).toISOString(),
    location: locationOf(ctx.base, kind, row.id),
    version: entityTag(row.version),
  }
}

/**
 * The `externalId` a client may see (RFC 7643 §3.1: it is the client's own name for the resource): an identity provider
 * that of the resources it owns, a script what scripts gave.
 */
export function externalIdFor(
  viewer: Viewer,
  row: { readonly owner: ConnectionId | undefined; readonly externalId: string | undefined },
): string | undefined {
  const own = row.owner === undefined ? viewer.kind === 'script' : row.owner === viewer.connectionId
  return own ? row.externalId : undefined
}

/** `ETag` of a resource, and with `created` also its `Location` (RFC 7644 §3.3, §3.14). */
export function resourceHeaders(ctx: ScimContext, kind: ResourceKind, row: Versioned, created = false): ReplyHeaders {
  const etag = entityTag(row.version)
  return created ? { ETag: etag, Location: locationOf(ctx.base, kind, row.id) } : { ETag: etag }
}
