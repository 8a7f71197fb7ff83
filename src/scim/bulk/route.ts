import type { RequestHandler, Router } from 'express'
import type { JsonObject } from '../../domain/json.ts'
import { contextOf, type ScimContext } from '../context.ts'
import type { ResourceKind } from '../endpoint.ts'
import { errorDocument } from '../errors.ts'
import { locationOf } from '../location.ts'
import { entityTag, jsonReply } from '../reply.ts'
import { type RequireScope, scopesOf } from '../scope.ts'
import { type BulkEntry, type BulkOperation, type BulkRequest, readBulkRequest } from './envelope.ts'
import { referenceIn } from './references.ts'
import { type Outcome, runBulk } from './run.ts'

const BULK_RESPONSE_URN = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse'

/**
 * POST /Bulk (RFC 7644 §3.7) of our own: the library's resolves one bulkId an operation only, and knows neither
 * versions nor circles nor a limit of errors that is exact.
 * @param requireScope refuses, by rejecting, a caller whose scopes do not reach a kind of resource
 */
export function bulkRoutes(router: Router, requireScope: RequireScope): void {
  router.post('/Bulk', bulk(requireScope))
}

function bulk(requireScope: RequireScope): RequestHandler {
  return async (req, res) => {
    const ctx = contextOf(res)
    const request = await withinScopes(ctx, readBulkRequest(req.body), requireScope)
    const outcomes = await runBulk(ctx, request)
    const results = request.entries.flatMap((entry) => {
      const outcome = outcomes.get(entry)
      return outcome === undefined ? [] : [resultOf(ctx, entry, outcome)]
    })
    res.send(jsonReply(200, { schemas: [BULK_RESPONSE_URN], Operations: results }))
  }
}

/** Takes out what the credential's scopes do not reach. It is asked, and the log told, once for each kind. */
async function withinScopes(ctx: ScimContext, read: BulkRequest, requireScope: RequireScope): Promise<BulkRequest> {
  const problems = new Map<ResourceKind, unknown>()
  for (const kind of ['User', 'Group', 'Role'] as const) {
    const first = read.entries.find(({ operation }) => operation?.kind === kind)
    if (first === undefined) continue
    const caller = { ...ctx.caller, request: { ...ctx.caller.request, bulkIndex: first.index } }
    for (const scope of scopesOf(kind)) {
      await requireScope(caller, scope).catch((error: unknown) => problems.set(kind, error))
    }
  }
  const entries = read.entries.map((entry): BulkEntry => {
    const problem = entry.operation === undefined ? undefined : problems.get(entry.operation.kind)
    return problem === undefined ? entry : { ...entry, operation: undefined, problem }
  })
  return { ...read, entries }
}

/** One operation of the answer (RFC 7644 §3.7.3): a `response` only where it failed. */
function resultOf(ctx: ScimContext, { method, bulkId, operation }: BulkEntry, outcome: Outcome): JsonObject {
  const named = {
    ...(method === undefined ? {} : { method }),
    ...(bulkId === undefined ? {} : { bulkId }),
  }
  if ('error' in outcome) {
    const response = errorDocument(outcome.error, ctx.requestId, ctx.ports.report)
    return { ...named, ...addressOf(ctx, operation), status: response.status, response }
  }
  const { status, id, version } = outcome.written
  return {
    ...named,
    ...(version === undefined ? {} : { version: entityTag(version) }),
    ...(operation === undefined ? {} : { location: locationOf(ctx.base, operation.kind, id) }),
    status: String(status),
  }
}

/** The address of what an operation failed on, where its path names one by its id. */
function addressOf(ctx: ScimContext, operation: BulkOperation | undefined): JsonObject {
  if (operation?.target === undefined || referenceIn(operation.target) !== undefined) return {}
  return { location: locationOf(ctx.base, operation.kind, encodeURIComponent(operation.target)) }
}
