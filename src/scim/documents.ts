import type { RequestHandler, Router } from 'express'
import { DomainError } from '../domain/errors.ts'
import { SECURITY_EVENTS } from '../domain/security-events.ts'
import type { JsonObject } from '../domain/json.ts'
import { MAX_LARGE_BODY_BYTES } from '../http/limits.ts'
import { MAX_BULK_OPERATIONS } from './bulk/envelope.ts'
import { contextOf, type ScimContext } from './context.ts'
import { CURSOR_SECONDS } from './cursor.ts'
import { type Mount, traitsOf } from './location.ts'
import { jsonReply } from './reply.ts'
import { baseView } from './schema/definitions.ts'
import {
  type Abilities,
  findResourceType,
  findSchema,
  listResourceTypes,
  listSchemas,
  serviceProviderConfig,
} from './schema/discovery.ts'
import { publishedAt } from './schema/user-view.ts'
import type { SchemaView } from './schema/view.ts'

/** The schemas that the mount of a request publishes to the org of its caller. */
function viewsOf({ mount, views }: ScimContext): readonly SchemaView[] {
  return [publishedAt(views, mount), baseView('Group'), baseView('Role')]
}

/**
 * Discovery (RFC 7644 §4), ahead of the library's own, which keeps the base address of the latest request in a static
 * and announces what it supports rather than what we do.
 */
export function documentRoutes(router: Router): void {
  router.get(
    '/ServiceProviderConfig',
    document(({ base, mount }) => serviceProviderConfig(base, abilitiesAt(mount))),
  )
  router.get(
    '/ResourceTypes',
    document((ctx) => listResourceTypes(ctx.base, viewsOf(ctx))),
  )
  router.get(
    '/ResourceTypes/:id',
    document((ctx, id) => findResourceType(ctx.base, viewsOf(ctx), id)),
  )
  router.get(
    '/Schemas',
    document((ctx) => listSchemas(ctx.base, viewsOf(ctx))),
  )
  router.get(
    '/Schemas/:id',
    document((ctx, id) => findSchema(ctx.base, viewsOf(ctx), id)),
  )
}

function abilitiesAt(mount: Mount): Abilities {
  const { defaultCount, maxCount } = traitsOf(mount)
  return {
    sort: true,
    bulk: { maxOperations: MAX_BULK_OPERATIONS, maxPayloadSize: MAX_LARGE_BODY_BYTES },
    maxResults: maxCount,
    pagination: { defaultPageSize: defaultCount, cursorTimeout: CURSOR_SECONDS },
    securityEvents: SECURITY_EVENTS,
  }
}

function document(find: (ctx: ScimContext, id: string) => JsonObject | undefined): RequestHandler {
  return (req, res) => {
    const ctx = contextOf(res)
    // RFC 7644 §4: a filter here is 403, so that no client takes the whole list for the answer to it.
    if (ctx.query.filter !== undefined) throw new DomainError('forbidden', 'Discovery endpoints take no filter.')
    const found = find(ctx, String(req.params['id']))
    if (found === undefined) throw new DomainError('not-found', 'There is no such schema or resource type.')
    res.send(jsonReply(200, found))
  }
}
