import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { z } from 'zod'
import type { Account } from '../domain/api-key.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { OnceAnswer, OnceKey } from '../domain/kept-answer.ts'
import { FRESH } from '../domain/session.ts'
import { entityTags } from '../http/entity-tag.ts'
import { jsonBody } from '../http/json-body.ts'
import { requestFacts } from '../http/request-context.ts'
import {
  checkTeamAdminNow,
  requireOrgAdmin,
  requireOrgReader,
  requirePersonReader,
  requireTeamReader,
} from '../provisioning/caller-right.ts'
import { actorOf } from './actor.ts'
import { foundRoute } from './found-route.ts'
import { doneOnce, earlierAnswer, onceKeyOf, requestHash } from './once.ts'
import type { AdminRouterOptions } from './ports.ts'
import { liveRequest } from './live-request.ts'
import { inputError } from './problem.ts'
import type { Route, RouteAnswer, RouteRequest } from './route.ts'

/** Finds out what the caller may, and refuses who may not call the route, before anything of the body is read. */
export function admit(options: AdminRouterOptions): RequestHandler {
  return async (req, res, next) => {
    const request = await requestOf(req, res, options)
    await checkWho(foundRoute(res), request)
    checkFresh(foundRoute(res), request)
    res.locals[ADMITTED] = request
    next()
  }
}

/** Reads the body of the routes that take one; that of any other is passed over. */
export function bodyOf(): RequestHandler {
  const read = jsonBody({ isLarge: () => false })
  return (req, res, next) => {
    if (foundRoute(res).body === undefined) next()
    else read(req, res, next)
  }
}

/** Checks the input of an admitted request, runs the handler, and writes what it answers. */
export function answerRoute(): RequestHandler {
  return async (req, res) => {
    const found = foundRoute(res)
    const request = res.locals[ADMITTED] as Checked
    const key = found.method === 'POST' ? onceKeyOf(req.get('idempotency-key')) : undefined
    if (key === undefined) {
      const answer = await found.handle(withInput(found, request, req) as never)
      await write(res, found, answer)
    } else await answerOnce({ req, res, found, request }, { keyId: request.account.keyId, idempotencyKey: key })
  }
}

const ADMITTED = 'adminRequest'

/** What a handler is given, before its input is checked. */
export type Checked = RouteRequest<string, unknown, unknown>

/** Who asks, from the credential that authentication has found. */
export async function requestOf(req: Request, res: Response, options: AdminRouterOptions): Promise<Checked> {
  const { orgId, account } = options.bearerOf(res)
  const caller: Caller = {
    orgId,
    account,
    connection: undefined,
    actor: await actorOf(req, orgId, account, options.reads),
    request: requestFacts(req, res),
  }
  const [params, ports] = [req.params as Record<string, string>, options]
  return {
    ...{ ports, orgId, caller, account, provisioning: options.provisioning, params },
    query: undefined,
    body: undefined,
    ifMatch: entityTags(req.get('if-match')),
    live: liveRequest(req, res, async () => {
      const now = await options.bearerNow(req)
      if (now.orgId !== orgId) throw new DomainError('forbidden', 'The credential is of another organisation now')
      await checkWho(foundRoute(res), {
        caller: { ...caller, account: now.account },
        account: now.account,
        params,
        ports,
      })
    }),
  }
}

/** @throws DomainError `forbidden`, or `not-found` for what the caller may not know of */
async function checkWho(
  { who }: Route,
  { caller, account, params, ports }: Pick<Checked, 'caller' | 'account' | 'params' | 'ports'>,
): Promise<void> {
  switch (who) {
    case 'operator':
      return requireFlag(account.isOperator, 'Only an operator key may do this')
    case 'orgAdmin':
      return requireOrgAdmin(caller)
    case 'billing':
      return requireFlag(account.isBillingAdmin, 'Only an organisation admin or a billing admin may do this')
    case 'reader':
      return requireOrgReader(caller)
    case 'teamAdmin':
      return checkTeamAdminNow(ports.reads, caller, params['team'] as GroupId)
    case 'teamReader':
      return requireTeamReader(ports.reads, caller, params['team'] as GroupId)
    case 'self':
      return requirePersonReader(caller, params['user'] as UserId)
    case 'anybody':
      return
  }
}

/** @throws DomainError `forbidden` where somebody signed in too long ago for what the route does */
function checkFresh({ isDangerous, answer: { secret } }: Route, { account, ports }: Checked): void {
  const { authenticatedAt } = account
  if (authenticatedAt === undefined || (isDangerous !== true && secret === undefined)) return
  if (ports.now() - authenticatedAt <= FRESH) return
  throw new DomainError(
    'forbidden',
    'This asks for a sign-in within the last ten minutes: confirm it at /signin/again',
    {
      reason: 'session.stale',
    },
  )
}

function requireFlag(flag: Account['isOperator'], sentence: string): void {
  if (!flag) throw new DomainError('forbidden', sentence, { reason: 'right.key' })
}

/** @throws InputError for a query or body that does not fit the schemas */
function withInput({ query, body }: Route, request: Checked, req: Request): Checked {
  return { ...request, query: parsed(query, queryOf(req.url), 'query'), body: parsed(body, req.body, 'body') }
}

/** A part of the request as its schema has it. @throws InputError */
export function parsed(schema: z.ZodType | undefined, value: unknown, part: 'body' | 'query'): unknown {
  if (schema === undefined) return {}
  const result = schema.safeParse(value)
  if (!result.success) throw inputError(result.error, part)
  return result.data
}

/** The first value of each key. Express 5 would parse the query anew at each access. */
export function queryOf(url: string): Record<string, string> {
  const at = url.indexOf('?')
  const query: Record<string, string> = {}
  if (at < 0) return query
  for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
    if (value.includes('\0')) throw new DomainError('invalid-value', `${name} holds U+0000`)
    if (!Object.hasOwn(query, name)) Object.defineProperty(query, name, { value, enumerable: true })
  }
  return query
}

interface Turn {
  readonly req: Request
  readonly res: Response
  readonly found: Route
  readonly request: Checked
}

async function answerOnce({ req, res, found, request }: Turn, key: OnceKey): Promise<void> {
  const { orgId, ports } = request
  const hash = requestHash(req.method, req.originalUrl, req.body)
  const earlier = earlierAnswer(await ports.reads.answers.find(orgId, key), hash)
  if (earlier !== undefined) {
    res.setHeader('Idempotency-Replayed', 'true')
    writeText(res, earlier)
    return
  }
  const provisioning = doneOnce(request.provisioning, { orgId, key, requestHash: hash })
  const answer = await found.handle(withInput(found, { ...request, provisioning }, req) as never)
  await ports.keepAnswer(orgId, key, onceAnswer(found, answer))
  await write(res, found, answer)
}

/** What is kept of an answer: a secret is shown once, so null stands in its place. */
function onceAnswer({ answer: { status, secret } }: Route, { body, headers = {} }: RouteAnswer<unknown>): OnceAnswer {
  const shown = secret === undefined ? body : { ...(body as object), [secret]: null }
  return { status, body: shown === undefined ? '' : JSON.stringify(shown), headers }
}

async function write(res: Response, found: Route, answer: RouteAnswer<unknown>): Promise<void> {
  const { version, headers = {}, pieces, body } = answer
  const tag = version === undefined ? undefined : `"${version}"`
  if (tag !== undefined) res.setHeader('ETag', tag)
  if (found.method === 'GET' && isFresh(res.req, version)) {
    res.status(304).end()
    return
  }
  const { status, media = 'application/json' } = found.answer
  if (pieces === undefined) {
    writeText(res, { status, headers, body: body === undefined ? '' : JSON.stringify(body) })
    return
  }
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.status(status).setHeader('Content-Type', media)
  if (res.req.method === 'HEAD') res.end()
  else await pipeline(Readable.from(pieces), res)
}

function isFresh(req: Request, version: number | undefined): boolean {
  const tags = entityTags(req.get('if-none-match'))
  return version !== undefined && tags !== undefined && (tags.includes('*') || tags.includes(String(version)))
}

function writeText(res: Response, { status, headers, body }: OnceAnswer): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.status(status)
  if (body === '') {
    res.end()
    return
  }
  res.setHeader('Content-Type', 'application/json')
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(res.req.method === 'HEAD' ? undefined : body)
}
