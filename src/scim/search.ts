import type { Request, RequestHandler, Router } from 'express'
import { DomainError, type DomainErrorCode } from '../domain/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { Page, PageQuery } from '../domain/ports.ts'
import { contextOf, PARAMETERS, type ScimContext, type ScimQuery } from './context.ts'
import type { ResourceKind } from './endpoint.ts'
import { RollcallGroup } from './group.ts'
import { groupTexts } from './group-shape.ts'
import { listReply, pageQuery } from './list.ts'
import { valueOf } from './patch/envelope.ts'
import { readProjection } from './projection.ts'
import type { Reply } from './reply.ts'
import { isOwn, ownFilter, rootView, typeView } from './root-view.ts'
import { baseView } from './schema/definitions.ts'
import { guardText, kindOf } from './schema/guard.ts'
import { reaches } from './scope.ts'
import { RollcallRole } from './role.ts'
import { roleTexts } from './role-shape.ts'
import { RollcallUser } from './user.ts'
import { userTexts } from './user-shape.ts'

export const SEARCH_REQUEST_URN = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'

/** Types in the order in which a search at the root lists their resources. */
const KINDS: readonly ResourceKind[] = ['User', 'Group', 'Role']

/** POST /.search at the root and of each type (RFC 7644 §3.4.3). */
export function searchRoutes(router: Router): void {
  router.post('/.search', search(searchRoot))
  for (const Resource of [RollcallUser, RollcallGroup, RollcallRole]) {
    router.post(
      `${Resource.endpoint}/.search`,
      search((ctx) => new Resource().read(ctx)),
    )
  }
}

function search(run: (ctx: ScimContext) => Promise<Reply>): RequestHandler {
  return async (req: Request, res) => {
    res.send(await run({ ...contextOf(res), query: readSearchRequest(req.body) }))
  }
}

/**
 * The body of a search as the query a GET would have: keys in any case, missing and further `schemas` accepted, null
 * for absent.
 * @throws DomainError `invalid-syntax` for what is no SearchRequest, else by the key that is wrong
 */
export function readSearchRequest(body: unknown): ScimQuery {
  if (!isJsonObject(body)) throw syntax(`The body must be a JSON object, got ${kindOf(body)}.`)
  refuseOtherSchema(body)
  const query: Partial<Record<keyof ScimQuery, string>> = {}
  for (const name of PARAMETERS) {
    const text = textOf(name, valueOf(body, name))
    if (text !== undefined) query[name] = text
  }
  return query
}

function syntax(sentence: string): DomainError {
  return new DomainError('invalid-syntax', sentence)
}

function refuseOtherSchema(body: JsonObject): void {
  const schemas = valueOf(body, 'schemas')
  if (schemas === undefined || schemas === null || (Array.isArray(schemas) && schemas.length === 0)) return
  const list: readonly unknown[] = Array.isArray(schemas) ? schemas : [schemas]
  const named = list.some((urn) => typeof urn === 'string' && urn.toLowerCase() === SEARCH_REQUEST_URN.toLowerCase())
  if (!named) throw syntax(`schemas of a search must list ${SEARCH_REQUEST_URN}.`)
}

/** What each key must be, so that its error is the one of the query parameter of that name. */
const CODES: Partial<Readonly<Record<keyof ScimQuery, DomainErrorCode>>> = {
  filter: 'invalid-filter',
  sortBy: 'invalid-path',
}

function textOf(name: keyof ScimQuery, value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  const wrong = (sentence: string) => new DomainError(CODES[name] ?? 'invalid-value', `${name} ${sentence}`)
  const text = isList(name) ? namesOf(value) : isNumber(name) ? numberOf(value) : value
  if (typeof text !== 'string') throw wrong(`must be ${expected(name)}, got ${kindOf(value)}.`)
  if (text.includes('\0')) throw wrong('holds U+0000.')
  guardText(text, name)
  // As in a query: a blank filter goes on to the parser, a blank cursor begins a walk, another blank says nothing.
  return text.trim() === '' && name !== 'filter' && name !== 'cursor' ? undefined : text
}

function isList(name: keyof ScimQuery): boolean {
  return name === 'attributes' || name === 'excludedAttributes'
}

function isNumber(name: keyof ScimQuery): boolean {
  return name === 'startIndex' || name === 'count'
}

function expected(name: keyof ScimQuery): string {
  if (isList(name)) return 'a list of names'
  return isNumber(name) ? 'a whole number' : 'a string'
}

function namesOf(value: Json): string | undefined {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value]
  return names.every((name) => typeof name === 'string') ? names.join(',') : undefined
}

function numberOf(value: Json): Json {
  return typeof value === 'number' ? String(value) : value
}

/**
 * A search over all types (RFC 7644 §3.4.2.1, §3.4.3), those that the credential's scopes reach: people first, then
 * groups, then roles, paged by index as one list, each type sorted by what it has of `sortBy`.
 */
async function searchRoot(ctx: ScimContext): Promise<Reply> {
  if (ctx.query.cursor !== undefined)
    throw new DomainError('invalid-value', 'Search at the root is paged by startIndex; cursors walk one type only.')
  const { users, groups, roles } = ctx.ports.reads
  const { orgId } = ctx.caller
  const { startIndex } = queryFor(ctx, 'User')
  const walk = new RootWalk(ctx)
  const people = await walk.page('User', (query) => users.page(orgId, query))
  const teams = await walk.page('Group', (query) => groups.page(orgId, query))
  const custom = await walk.page('Role', (query) => roles.page(orgId, query))
  return listReply(
    { total: walk.total, startIndex, rows: walk.rows },
    joined([
      userTexts(ctx, people, readProjection(ctx.query, ctx.views.shown)),
      groupTexts(ctx, teams, readProjection(ctx.query, baseView('Group'))),
      roleTexts(ctx, custom, readProjection(ctx.query, baseView('Role'))),
    ]),
  )
}

/** One page over several lists as if they were one: each is asked for what those before it left of the page. */
class RootWalk {
  readonly #ctx: ScimContext
  total = 0
  rows = 0

  constructor(ctx: ScimContext) {
    this.#ctx = ctx
  }

  async page<T>(kind: ResourceKind, read: (query: PageQuery) => Promise<Page<T>>): Promise<readonly T[]> {
    const query = queryFor(this.#ctx, kind)
    if (!reaches(this.#ctx.caller, kind)) return []
    const startIndex = Math.max(1, query.startIndex - this.total)
    const page = await read({ ...query, startIndex, count: query.count - this.rows })
    this.total += page.total
    this.rows += page.rows.length
    return page.rows
  }
}

/** The page of one type: what only another type has is no error, and has no value here. */
function queryFor(ctx: ScimContext, kind: ResourceKind): PageQuery {
  const query = pageQuery(ctx, rootView(ctx.views, kind, KINDS))
  const own = typeView(ctx.views, kind)
  return {
    ...query,
    filter: query.filter === undefined ? undefined : ownFilter(query.filter, own),
    sort: query.sort !== undefined && isOwn(own, query.sort.by) ? query.sort : undefined,
  }
}

/** The texts one after the other, with a comma between two that are not empty. */
async function* joined(parts: readonly (AsyncIterable<string> | Iterable<string>)[]): AsyncGenerator<string> {
  let separator = ''
  for (const part of parts) {
    let lead = separator
    for await (const piece of part) {
      if (piece === '') continue
      yield lead + piece
      lead = ''
      separator = ','
    }
  }
}
