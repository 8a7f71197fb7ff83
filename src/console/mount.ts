import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express'
import { FRESH, type StoredSession } from '../domain/session.ts'
import { CSRF_FIELD } from '../http/csrf.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { requestContextOf, requestFacts } from '../http/request-context.ts'
import { noStore, pageHeaders } from '../http/security-headers.ts'
import { inSequence } from '../http/sequence.ts'
import { personActor } from '../provisioning/sessions.ts'
import type { PageRequest, PageRoute, SignInContext } from './page-route.ts'
import type { ConsolePorts } from './ports.ts'
import { answerError } from './problem-page.tsx'
import { ensurePageFacts, redirect, setPageFacts } from './render.tsx'
import { STYLE, STYLE_PATH } from './style-sheet.ts'
import { TOPICS } from './topics.ts'

const MOST_FORM = '64kb'
const MOST_FIELDS = 200
const YEAR = 31_536_000

/** The pages as one router, to be mounted at the root. It answers its own addresses alone. */
export function consoleRouter(ports: ConsolePorts): Router {
  const router = Router({ caseSensitive: true })
  router.get(STYLE_PATH, (_req, res) => {
    requestContextOf(res).route = '/assets/:file'
    res.setHeader('Cache-Control', `public, max-age=${YEAR}, immutable`)
    res.type('css').send(STYLE)
  })
  const enter = inSequence(noStore(), pageHeaders())
  const form = express.urlencoded({ extended: false, limit: MOST_FORM, parameterLimit: MOST_FIELDS })
  const answerErrors = errors(ports)
  for (const [path, routes] of byPath(TOPICS.flatMap((topic) => topic.routes))) {
    router.all(path, named(path), enter, form, pageOf(ports, routes), answerErrors)
  }
  return router
}

function byPath(routes: readonly PageRoute[]): ReadonlyMap<string, readonly PageRoute[]> {
  const paths = new Map<string, PageRoute[]>()
  for (const one of routes) paths.set(one.path, [...(paths.get(one.path) ?? []), one])
  return paths
}

function named(path: string): RequestHandler {
  return (_req, res, next) => {
    requestContextOf(res).route = path
    next()
  }
}

function pageOf(ports: ConsolePorts, routes: readonly PageRoute[]): RequestHandler {
  const methods = routes.map(({ method }) => method as string)
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  return async (req, res) => {
    const session = await prepare(ports, req, res)
    const method = req.method === 'HEAD' ? 'GET' : req.method
    const found = routes.find((one) => one.method === method)
    if (found === undefined) {
      res.setHeader('Allow', allow)
      throw new HttpProblem(405, 'Go back and use the links and buttons of the page.')
    }
    const form = textsOf(req.body)
    if (found.method === 'POST') ports.csrf.check(req, form[CSRF_FIELD], session?.id)
    if (mustSignIn(ports, found, session)) {
      const back = found.method === 'GET' ? req.originalUrl : backOf(found, form)
      redirect(res, `/signin${session === undefined ? '' : '/again'}?returnTo=${encodeURIComponent(back)}`)
      return
    }
    await found.handle(pageRequest(ports, { req, res, session, form }))
  }
}

/** What pages of this answer know; also those that say what went wrong. */
async function prepare(ports: ConsolePorts, req: Request, res: Response): Promise<StoredSession | undefined> {
  const base = new URL(ports.publicUrl).pathname.replace(/\/$/, '')
  setPageFacts(res, { base, csrf: ports.csrf.token(req, res, undefined), person: undefined })
  const session = await ports.sessionOf(req)
  if (session === undefined) return undefined
  const names = await ports.reads.users.displayNames(session.orgId, [session.user])
  const csrf = ports.csrf.token(req, res, session.id)
  setPageFacts(res, { base, csrf, person: names.get(session.user) ?? '' })
  return session
}

function mustSignIn(ports: ConsolePorts, { who }: PageRoute, session: StoredSession | undefined): boolean {
  if (who === 'anybody') return false
  if (session === undefined) return true
  return who === 'fresh' && ports.now() - session.authenticatedAt > FRESH
}

function backOf({ back = '/' }: PageRoute, form: PageRequest['form']): string {
  return typeof back === 'string' ? back : back(form)
}

function pageRequest(ports: ConsolePorts, parts: Pick<PageRequest, 'req' | 'res' | 'session' | 'form'>): PageRequest {
  const { req, res, session } = parts
  const actor = session === undefined ? ({ type: 'system' } as const) : personActor(session)
  return {
    ...parts,
    ports,
    query: textsOf(Object.fromEntries([...new URL(req.originalUrl, ports.publicUrl).searchParams].reverse())),
    operation: { actor, request: requestFacts(req, res) },
    ways: (at) => waysIn(ports, at),
  }
}

async function waysIn(ports: ConsolePorts, at: SignInContext): ReturnType<PageRequest['ways']> {
  const ways = []
  for (const { way } of TOPICS) {
    const shown = await way?.(ports, at)
    if (shown !== undefined) ways.push(shown)
  }
  return ways
}

/** The texts among named values; of a field sent several times the first. */
function textsOf(values: unknown): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {}
  if (typeof values !== 'object' || values === null) return texts
  for (const [name, value] of Object.entries(values)) {
    const first: unknown = Array.isArray(value) ? value[0] : value
    if (typeof first === 'string') Object.defineProperty(texts, name, { value: first, enumerable: true })
  }
  return texts
}

function errors({ report, publicUrl }: ConsolePorts): ErrorRequestHandler {
  // Express knows an error middleware by its four parameters.
  return (error: unknown, _req, res, _next) => {
    const base = new URL(publicUrl).pathname.replace(/\/$/, '')
    // A body that cannot be read is refused before anything is known of who sent it.
    ensurePageFacts(res, { base, csrf: '', person: undefined })
    answerError(res, error, report)
  }
}
