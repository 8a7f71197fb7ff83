import { createHash } from 'node:crypto'
import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import { openText, sealText } from '../http/sealed-text.ts'
import type { RouteRequest } from './route.ts'

/** How long a cursor leads on. */
const CURSOR_MS = 3_600_000

/** The query parameters every list has. */
export const pageQuery = {
  cursor: z.string().max(4096).optional().meta({ description: '`next` of the page before' }),
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Items a page' }),
}

interface PageParameters {
  readonly cursor?: string | undefined
  readonly limit: number
}

/** A page of a list: `next` is the cursor of the page after it, null on the last. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}

type PageRequest = Pick<RouteRequest<string, PageParameters>, 'ports' | 'orgId' | 'query'>

/**
 * Where the page that is asked for begins: what {@link nextCursor} was given, or undefined at the beginning.
 * @param list what is listed, e.g. `users`: a cursor leads on in the list, org and query it was given for
 * @throws DomainError `invalid-cursor`, `expired-cursor`
 */
export function afterOf<After>({ ports, orgId, query }: PageRequest, list: string): After | undefined {
  if (query.cursor === undefined) return undefined
  const text = openText(ports.cursorKey, query.cursor)
  if (text === undefined) throw new DomainError('invalid-cursor', 'cursor is not one of ours; begin without one')
  const [purpose, issued, after] = JSON.parse(text) as readonly [string, number, After]
  if (purpose !== purposeOf(list, orgId, query)) {
    throw new DomainError(
      'invalid-cursor',
      'cursor belongs to another list; send it with the same query, or begin anew',
    )
  }
  if (ports.now() - issued > CURSOR_MS)
    throw new DomainError('expired-cursor', 'cursor is over an hour old; begin anew')
  return after
}

/** The cursor behind the last item of a page; null where nothing follows. */
export function nextCursor({ ports, orgId, query }: PageRequest, list: string, after: unknown): string | null {
  if (after === undefined) return null
  return sealText(ports.cursorKey, JSON.stringify([purposeOf(list, orgId, query), ports.now(), after]))
}

/**
 * A page out of rows of which one more than the limit was read.
 * @param keyOf what the next page begins behind
 */
export function cutPage<Row, Item>(
  request: PageRequest,
  list: string,
  rows: readonly Row[],
  { keyOf, show }: { readonly keyOf: (row: Row) => unknown; readonly show: (row: Row) => Item },
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, request.query.limit)
  const last = rows.length > shown.length ? shown.at(-1) : undefined
  return { items: shown.map(show), next: nextCursor(request, list, last === undefined ? undefined : keyOf(last)) }
}

/** The query without where and how much: a client may change the size of its pages on the way. */
function purposeOf(list: string, orgId: string, { cursor: _cursor, limit: _limit, ...rest }: PageParameters): string {
  const text = JSON.stringify([list, orgId, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
