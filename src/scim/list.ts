import type { PageQuery } from '../domain/ports.ts'
import { DomainError } from '../domain/errors.ts'
import type { ScimContext } from './context.ts'
import { parseFilter } from './filter/parse.ts'
import { parseSortBy } from './filter/sort-by.ts'
import { traitsOf } from './location.ts'
import { Reply } from './reply.ts'
import type { SchemaView } from './schema/view.ts'

/** URN of the list message (RFC 7644 §3.4.2). */
export const LIST_URN = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

/** No store has more rows; larger numbers are not exact in every driver. */
const MAX_INDEX = 2_147_483_647

/**
 * The page a list request asks for (RFC 7644 §3.4.2.4): startIndex below 1 is 1, a negative count is 0, one above the
 * mount's maximum is cut.
 * @throws DomainError `invalid-value`, `invalid-filter`, `invalid-path`
 */
export function pageQuery(ctx: ScimContext, view: SchemaView): PageQuery {
  const { query } = ctx
  const traits = traitsOf(ctx.mount)
  const startIndex = integer(query.startIndex, 'startIndex') ?? 1
  const count = integer(query.count, 'count') ?? traits.defaultCount
  return {
    filter: query.filter === undefined ? undefined : parseFilter(query.filter, view),
    sort:
      query.sortBy === undefined
        ? undefined
        : { by: parseSortBy(query.sortBy, view), descending: isDescending(query.sortOrder) },
    startIndex: Math.min(Math.max(startIndex, 1), MAX_INDEX),
    count: Math.min(Math.max(count, 0), traits.maxCount),
    viewer: ctx.viewer,
  }
}

function integer(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^[+-]?\d+$/.test(text.trim())) throw new DomainError('invalid-value', `${name} must be a whole number.`)
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
  readonly startIndex: number
  /** How many resources are given, which `itemsPerPage` says. */
  readonly rows: number
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
    startIndex: frame.startIndex,
    itemsPerPage: frame.rows,
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
const PIECE = 64 * 1024
