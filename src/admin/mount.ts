import { type Request, type RequestHandler, Router } from 'express'
import { isId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { MAX_TARGET_BYTES } from '../http/limits.ts'
import { requestContextOf } from '../http/request-context.ts'
import { noStore } from '../http/security-headers.ts'
import { admit, answerRoute, bodyOf } from './answer-route.ts'
import { documentRoutes } from './document-routes.ts'
import { keepRoute } from './found-route.ts'
import type { AdminRouterOptions } from './ports.ts'
import { answerErrors } from './problem.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'

/** Where the admin API answers. */
export const ADMIN_MOUNT = '/api/v1'

/**
 * The admin API as one router, to be mounted at {@link ADMIN_MOUNT}. Authentication is a layer of it, so that no
 * spelling of a path reaches a route without; only the document of the API is for everybody.
 */
export function adminRouter(options: AdminRouterOptions): Router {
  const router = Router({ caseSensitive: true })
  router.use(noStore(), checkTarget())
  documentRoutes(router, options)
  router.use(options.authenticate)
  const [admitted, body, answer] = [admit(options), bodyOf(), answerRoute()]
  for (const [path, routes] of byPath(ROUTES)) {
    const template = path.replaceAll(/\{(\w+)\}/g, ':$1')
    router.all(template, enter(routes), admitted, body, answer)
  }
  router.use(() => {
    throw new DomainError('not-found', 'There is no such address in the admin API; see /api/v1/docs')
  })
  router.use(answerErrors(options))
  return router
}

function checkTarget(): RequestHandler {
  return (req, res, next) => {
    requestContextOf(res).route = 'unknown'
    if (Buffer.byteLength(req.originalUrl) <= MAX_TARGET_BYTES) next()
    else next(new HttpProblem(414, `The address is longer than ${MAX_TARGET_BYTES} bytes`))
  }
}

function byPath(routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> {
  const paths = new Map<string, Route[]>()
  for (const one of routes) paths.set(one.path, [...(paths.get(one.path) ?? []), one])
  return paths
}

/** Which route of a path it is, and whether the path can name anything. */
function enter(routes: readonly Route[]): RequestHandler {
  const methods = routes.map(({ method }) => method as string)
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
  return (req, res, next) => {
    const method = req.method === 'HEAD' ? 'GET' : req.method
    const found = routes.find((one) => one.method === method)
    if (req.method === 'OPTIONS') {
      res.setHeader('Allow', allow)
      res.status(204).end()
      return
    }
    if (found === undefined) throw new HttpProblem(405, `This address does not answer ${req.method}`, { Allow: allow })
    requestContextOf(res).route = `/api/v1${found.path}`
    keepRoute(res, found)
    checkIds(found, req)
    next()
  }
}

/** Text that can be no id names nothing, and never gets as far as a store. */
function checkIds({ texts = [] }: Route, req: Request): void {
  for (const [name, value] of Object.entries(req.params)) {
    if (texts.includes(name) || isId(String(value))) continue
    throw new DomainError('not-found', `There is no ${name} of this id`)
  }
}
