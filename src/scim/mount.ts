import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import { isId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { jsonBody } from '../http/json-body.ts'
import { MAX_TARGET_BYTES } from '../http/limits.ts'
import { answeredStatus, latencyUs, requestContextOf } from '../http/request-context.ts'
import { noStore } from '../http/security-headers.ts'
import { inSequence } from '../http/sequence.ts'
import { bulkRoutes } from './bulk/route.ts'
import { type Authenticated, createContext, findContext, keepContext, type ScimPorts } from './context.ts'
import { deliver, installSend } from './deliver.ts'
import { documentRoutes } from './documents.ts'
import { type Endpoint, endpointOf } from './endpoint.ts'
import { errorReply } from './errors.ts'
import { hotRoutes } from './hot.ts'
import { libraryRoutes } from './library.ts'
import { meRoutes } from './me.ts'
import { Reply, SCIM_MEDIA_TYPE } from './reply.ts'
import { notFound } from './resource.ts'
import { createOrgViews } from './schema/org-views.ts'
import { type RequireScope, scopesOf } from './scope.ts'
import { searchRoutes } from './search.ts'

/** One answered request of a known caller, for the request log. */
export interface RequestLine {
  readonly orgId: OrgId
  readonly connectionId: ConnectionId | undefined
  readonly requestId: string
  /** Arrival, epoch milliseconds. */
  readonly time: number
  readonly method: string
  /** Route template, never the path. */
  readonly route: string
  /** Status of the answer; 499 where the client went away before it. */
  readonly status: number
  readonly scimType: string | undefined
  readonly latencyUs: number
}

export interface ScimRouterOptions extends ScimPorts {
  /** Refuses by `next(error)` with an error named `AuthError`; nothing of the body is read before it. */
  readonly authenticate: RequestHandler
  /** Whose credential it was, once `authenticate` has passed. */
  readonly callerOf: (res: Response) => Authenticated
  /** Refuses, by rejecting, a caller whose connection's scopes do not reach a kind of resource. */
  readonly requireScope: RequireScope
  /** Whether the four busiest routes skip the library's routers; the answers are the same. */
  readonly fastRoutes: boolean
  /** Told of each request of a known caller when its answer is out. Must not throw. */
  readonly onRequest?: (line: RequestLine) => void
}

/**
 * The SCIM protocol (RFC 7644) as one router, to be mounted once for all its addresses: `app.use([...MOUNTS], router)`.
 * Authentication is a layer of it rather than a rule about paths, so no spelling of a path can reach a route without.
 */
export function scimRouter(options: ScimRouterOptions): Router {
  const router = Router()
  const { report, authenticate, fastRoutes } = options
  const body = jsonBody({ alsoTypes: [SCIM_MEDIA_TYPE], isLarge })
  const before = [noStore(), installSend(report), arrive(options), authenticate, enter(options), body]
  router.use(inSequence(...before, ...(fastRoutes ? [hotRoutes(endpointFor)] : [])))
  documentRoutes(router)
  bulkRoutes(router, options.requireScope)
  searchRoutes(router)
  meRoutes(router)
  router.use(libraryRoutes())
  router.use(answerErrors(options))
  return router
}

const ENDPOINT = 'scimEndpoint'

/** What the path of a request names, once it has arrived. */
function endpointFor({ res }: Request): Endpoint | undefined {
  return res?.locals[ENDPOINT] as Endpoint | undefined
}

/** Before anybody is known: the route for logs, the observer, and what no credential makes acceptable. */
function arrive(options: ScimRouterOptions): RequestHandler {
  return (req, res, next) => {
    const request = requestContextOf(res)
    const endpoint = endpointOf(req.path)
    res.locals[ENDPOINT] = endpoint
    request.route = endpoint?.template ?? 'unknown'
    if (options.onRequest !== undefined) observe(res, options.onRequest)
    if (Buffer.byteLength(req.originalUrl) <= MAX_TARGET_BYTES) next()
    else next(new HttpProblem(414, `The address is longer than ${MAX_TARGET_BYTES} bytes; use a shorter filter.`))
  }
}

function observe(res: Response, onRequest: (line: RequestLine) => void): void {
  res.once('close', () => {
    const ctx = findContext(res)
    if (ctx === undefined) return
    const request = requestContextOf(res)
    onRequest({
      orgId: ctx.caller.orgId,
      connectionId: ctx.caller.connection?.id,
      requestId: request.id,
      time: request.receivedAt,
      method: res.req.method,
      route: request.route ?? 'unknown',
      status: answeredStatus(res),
      scimType: res.locals['scimType'] as string | undefined,
      latencyUs: latencyUs(request),
    })
  })
}

/** Once the caller is known: the context, and whether this endpoint, method, scope and id can lead anywhere. */
function enter(options: ScimRouterOptions): RequestHandler {
  const orgViews = createOrgViews(options.reads.attributes)
  return async (req, res, next) => {
    const who = options.callerOf(res)
    const { orgId, attributesVersion } = who.connection
    const views = await orgViews.of(orgId, attributesVersion)
    const ctx = createContext(req, res, options, { who, views })
    keepContext(res, ctx)
    const endpoint = endpointFor(req)
    if (endpoint === undefined) throw new DomainError('not-found', 'There is no such SCIM endpoint.')
    if (req.method === 'OPTIONS') {
      res.send(new Reply(204, { headers: allow(endpoint) }))
      return
    }
    requireMethod(endpoint, req.method)
    for (const scope of endpoint.kind === undefined ? [] : scopesOf(endpoint.kind))
      await options.requireScope(ctx.caller, scope)
    requireUsableId(endpoint, req.method)
    // Express 5 would parse the query anew at each access, and lose what the library's routers write into it.
    Object.defineProperty(req, 'query', { value: { ...ctx.query }, writable: true, configurable: true })
    next()
  }
}

function requireMethod(endpoint: Endpoint, method: string): void {
  if (endpoint.methods.includes(method)) return
  throw new HttpProblem(405, `${endpoint.template} does not answer ${method}.`, allow(endpoint))
}

function allow(endpoint: Endpoint): { readonly Allow: string } {
  return { Allow: endpoint.methods.join(', ') }
}

/** Text that can be no id names nothing, and never gets as far as a resource class. An e-mail address may be read. */
function requireUsableId({ kind, rawId }: Endpoint, method: string): void {
  if (kind === undefined || rawId === undefined) return
  const id = decodeURIComponent(rawId)
  const isAddress = kind === 'User' && (method === 'GET' || method === 'HEAD') && id.includes('@')
  if (!isId(id) && !isAddress) throw notFound(kind)
}

function isLarge(res: Response): boolean {
  const route = requestContextOf(res).route ?? ''
  return route.startsWith('/Groups') || route === '/Bulk'
}

/**
 * The end of the router. Silent once headers are sent: handing on would have Express destroy the socket, and the next
 * request on that connection would fail for the error of this one.
 */
function answerErrors({ report }: ScimRouterOptions): ErrorRequestHandler {
  // Express knows an error middleware by its four parameters.
  return (error: unknown, _req, res, _next) => {
    const { id } = requestContextOf(res)
    if (res.headersSent) report(error, id)
    else deliver(res, errorReply(error, id, report), report)
  }
}
