import type { Page, PageQuery } from '../domain/ports.ts'
import { DomainError, type DomainErrorCode } from '../domain/errors.ts'
import type { ScimContext } from './context.ts'
import { type CursorPurpose, openCursor, sealCursor } from './cursor.ts'
import { parseFilter } from './filter/parse.ts'
import { parseSortBy } from './filter/sort-by.ts'
import { traitsOf } from './location.ts'
import { Reply } from './reply.ts'
import type { SchemaView } from './schema/view.ts'

/** URN of the list message (RFC 7644 §3.4.2). */
export const LIST_URN = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

/** No store has more rows; larger numbers are not exact in every driver. */
const MAX_INDEX = 2_147_483_647

/** What a list request asks for without saying which page of it. */
type Asked = Pick<PageQuery, 'filter' | 'sort' | 'viewer'>

/**
 * The page a list request asks for: by index (RFC 7644 §3.4.2.4), where startIndex below 1 is 1 and a negative count
 * is 0, or by cursor (RFC 9865 §2), empty for the first page, where count is positive. A count above the mount's maximum
 * is cut.
 * @throws DomainError `invalid-value`, `invalid-filter`, `invalid-path`, `invalid-cursor`, `expired-cursor`,
 * `invalid-count`
 */
export function pageQuery(ctx: ScimContext, view: SchemaView): PageQuery {
  const { query } = ctx
  const asked: Asked = {
    filter: query.filter === undefined ? undefined : parseFilter(query.filter, view),
    sort:
      query.sortBy === undefined
        ? undefined
        : { by: parseSortBy(query.sortBy, view), descending: isDescending(query.sortOrder) },
    viewer: ctx.viewer,
  }
  return query.cursor === undefined ? indexPage(ctx, asked) : cursorPage(ctx, view, asked, query.cursor.trim())
}

function indexPage({ query, mount }: ScimContext, asked: Asked): PageQuery {
  const { defaultCount, maxCount } = traitsOf(mount)
  const startIndex = integer(query.startIndex, 'startIndex', 'invalid-value') ?? 1
  const count = integer(query.count, 'count', 'invalid-value') ?? defaultCount
  return {
    ...asked,
    startIndex: Math.min(Math.max(startIndex, 1), MAX_INDEX),
    count: Math.min(Math.max(count, 0), maxCount),
  }
}

function cursorPage(ctx: ScimContext, view: SchemaView, asked: Asked, cursor: string): PageQuery {
  const { defaultCount, maxCount } = traitsOf(ctx.mount)
  if (ctx.query.startIndex !== undefined)
    throw new DomainError('invalid-value', 'A page is asked for by cursor or by startIndex, not by both.')
  const count = integer(ctx.query.count, 'count', 'invalid-count') ?? defaultCount
  // A page without resources would have no next one to go on from, which says that the list has ended.
  if (count < 1) throw new DomainError('invalid-count', `With a cursor, count must be from 1 to ${maxCount}.`)
  const page = { ...asked, startIndex: 1, count: Math.min(count, maxCount) }
  if (cursor === '') return page
  const { cursorKey, now } = ctx.ports
  const { after, total } = openCursor(cursorKey, now(), purposeOf(ctx, view, asked), cursor)
  return { ...page, after, knownTotal: total }
}

function purposeOf(ctx: ScimContext, view: SchemaView, { filter, sort, viewer }: Asked): CursorPurpose {
  return { kind: view.resourceType, orgId: ctx.caller.orgId, viewer, filter, sort }
}

function integer(text: string | undefined, name: string, code: DomainErrorCode): number | undefined {
  if (text === undefined) return undefined
  if (!/^[+-]?\d+$/.test(text.trim())) throw new DomainError(code, `${name} must be a whole number.`)
  return Number(text)
}

function isDescending(order: string | undefined): boolean {
  const lower = order?.toLowerCase() ?? 'ascending'
  if (lower !== 'ascending' && lower !== 'descending')
    throw new DomainError('invalid-value', 'sortOrder must be "ascending" or "descending".')
  return lower === 'descending'
}

/** The frame round the resources of a page. */
export interface ListFrame {
  readonly total: number
  /** Absent from pages by cursor. */
  readonly startIndex?: number
  /** How many resources are given, which `itemsPerPage` says. */
  readonly rows: number
  /** Leads to the next page of a walk by cursor; absent from the last one (RFC 9865 §2). */
  readonly nextCursor?: string
}

/** The frame of a page that {@link pageQuery} asked for. */
export function listFrame(ctx: ScimContext, view: SchemaView, query: PageQuery, page: Page<unknown>): ListFrame {
  const { total, rows, next } = page
  if (ctx.query.cursor === undefined) return { total, startIndex: query.startIndex, rows: rows.length }
  if (next === undefined) return { total, rows: rows.length }
  const { cursorKey, now } = ctx.ports
  const nextCursor = sealCursor(cursorKey, now(), purposeOf(ctx, view, query), { after: next, total })
  return { total, rows: rows.length, nextCursor }
}

/**
 * A ListResponse (RFC 7644 §3.4.2) written piece by piece: neither a page of thousands nor the members of a large group
 * are ever one string, and other requests get their turn between the pieces.
 * @param resources the JSON texts of the resources with the commas between them, in pieces cut anywhere
 */
export function listReply(frame: ListFrame, resources: AsyncIterable<string> | Iterable<string>): Reply {
  return new Reply(200, { body: listText(frame, resources) })
}

async function* listText(
  frame: ListFrame,
  resources: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  const head = JSON.stringify({
    schemas: [LIST_URN],
    totalResults: frame.total,
    ...(frame.startIndex === undefined ? {} : { startIndex: frame.startIndex }),
    itemsPerPage: frame.rows,
    ...(frame.nextCursor === undefined ? {} : { nextCursor: frame.nextCursor }),
  })
  let pending = `${head.slice(0, -1)},"Resources":[`
  for await (const piece of resources) {
    pending += piece
    if (pending.length < PIECE) continue
    yield pending
    pending = ''
  }
  yield `${pending}]}`
}

/** Pieces are gathered to about this many characters, so that a short list is one write with a Content-Length. */
const PIECE = 256 * 1024
