import type { Request, Response } from 'express'
import type { Caller } from '../domain/caller.ts'
import type { Connection, Viewer } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Actor } from '../domain/record.ts'
import { entityTags } from '../http/entity-tag.ts'
import { requestFacts } from '../http/request-context.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import type { Report } from './errors.ts'
import { type Mount, mountOf } from './location.ts'
import type { UserViews } from './schema/user-view.ts'

/** What the SCIM layer works with; `app.ts` fills it in, so the layer knows neither storage nor authentication. */
export interface ScimPorts {
  readonly reads: ReadStores
  readonly provisioning: Provisioning
  /** The address clients use, with or without a slash at the end: every `meta.location` begins with it. */
  readonly publicUrl: string
  /** Gets each failure that is not the client's doing, with the request's id. */
  readonly report: Report
  /** The secret all instances share that list cursors are signed with. */
  readonly cursorKey: Uint8Array
  /** The time, epoch milliseconds. */
  readonly now: () => number
}

/** Whose credential was shown, once authentication has passed. */
export interface Authenticated {
  readonly connection: Connection
  readonly actor: Actor
}

/** Query parameters of RFC 7644 §3.4.2 and §3.9 and RFC 9865 §2, each with one value at most. */
export interface ScimQuery {
  readonly filter?: string
  readonly sortBy?: string
  readonly sortOrder?: string
  readonly startIndex?: string
  readonly count?: string
  /** Empty to begin a walk. */
  readonly cursor?: string
  readonly attributes?: string
  readonly excludedAttributes?: string
}

/** The names of {@link ScimQuery}. */
export const PARAMETERS = [
  'filter',
  'sortBy',
  'sortOrder',
  'startIndex',
  'count',
  'cursor',
  'attributes',
  'excludedAttributes',
] as const satisfies readonly (keyof ScimQuery)[]

/**
 * Everything a resource method knows of its request. An argument of every method: two requests running at once can
 * never see each other's.
 */
export interface ScimContext {
  readonly ports: ScimPorts
  readonly caller: Caller
  readonly viewer: Viewer
  /** The schemas of people as the caller's org sees them. */
  readonly views: UserViews
  readonly mount: Mount
  /** Public address and canonical mount, no slash at the end. */
  readonly base: string
  readonly query: ScimQuery
  /** Versions of `If-Match` as text, or `['*']`; checked inside the unit of work. */
  readonly ifMatch: readonly string[] | undefined
  readonly ifNoneMatch: readonly string[] | undefined
  /** Whether only the headers of a `GET` are wanted. */
  readonly head: boolean
  readonly requestId: string
}

/** Whose request it is, and what the org's people look like. */
export interface Known {
  readonly who: Authenticated
  readonly views: UserViews
}

/** Makes the context of an authenticated request. @throws DomainError `invalid-value` for an unusable query */
export function createContext(req: Request, res: Response, ports: ScimPorts, { who, views }: Known): ScimContext {
  const mount = mountOf(req.baseUrl)
  const request = requestFacts(req, res)
  return {
    ports,
    caller: { orgId: who.connection.orgId, actor: who.actor, connection: who.connection, request },
    viewer: { connectionId: who.connection.id, kind: who.connection.kind },
    views,
    mount,
    base: ports.publicUrl.replace(/\/+$/, '') + mount,
    query: readQuery(req.url),
    ifMatch: entityTags(req.get('if-match')),
    ifNoneMatch: entityTags(req.get('if-none-match')),
    head: req.method === 'HEAD',
    requestId: request.id,
  }
}

/** A blank filter is not "everybody": it goes on to the parser, which refuses it. A blank cursor begins a walk. */
const MEANT_BLANK: ReadonlySet<keyof ScimQuery> = new Set(['filter', 'cursor'])

/**
 * Reads the query ourselves: Express 5 parses `req.query` anew at each access, and a repeated key would be an array.
 * The first value of a key counts; unknown and bare keys (`?aadOptscim062020`) are passed over.
 */
export function readQuery(url: string): ScimQuery {
  const at = url.indexOf('?')
  if (at < 0) return {}
  const given = new URLSearchParams(url.slice(at + 1))
  const query: Partial<Record<keyof ScimQuery, string>> = {}
  for (const name of PARAMETERS) {
    const value = given.get(name)
    if (value === null || (value.trim() === '' && !MEANT_BLANK.has(name))) continue
    // No store can hold U+0000, so nothing can equal it.
    if (value.includes('\0')) throw unusable(name)
    query[name] = value
  }
  return query
}

function unusable(name: keyof ScimQuery): DomainError {
  return new DomainError(name === 'filter' ? 'invalid-filter' : 'invalid-value', `${name} holds U+0000.`)
}

const KEY = 'scimContext'

/** Keeps the context for the handlers of one request; it goes with the answer it belongs to. */
export function keepContext(res: Response, ctx: ScimContext): void {
  res.locals[KEY] = ctx
}

/** The context of the request that `res` answers. @throws Error before authentication has passed */
export function contextOf(res: Response): ScimContext {
  const ctx = findContext(res)
  if (ctx === undefined) throw new Error('This route is not behind the SCIM router')
  return ctx
}

/** The context, or undefined while nobody is known. */
export function findContext(res: Response): ScimContext | undefined {
  return res.locals[KEY] as ScimContext | undefined
}
