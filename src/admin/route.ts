import { z } from 'zod'
import type { Account } from '../domain/api-key.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import type { LiveRequest } from './live-request.ts'
import type { AdminPorts } from './ports.ts'

/**
 * Who may call a route, checked before anything of the request is read. An org admin may call all but `operator`.
 * - `operator`: keys that make orgs
 * - `orgAdmin`: org admins
 * - `billing`: org admins and billing admins
 * - `reader`: org admins and auditors
 * - `teamAdmin`: org admins, and admins of the team that `{team}` of the path names
 * - `teamReader`: org admins, auditors, and whoever is in that team
 * - `self`: org admins, auditors, and the person that `{user}` of the path names
 * - `anybody`: every key of the org; what the handler shows or does depends on whose it is
 */
export type Who = 'operator' | 'orgAdmin' | 'billing' | 'reader' | 'teamAdmin' | 'teamReader' | 'self' | 'anybody'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The names in braces of a path: `/teams/{team}` has `team`. */
export type PathNames<Path extends string> = string extends Path
  ? string
  : Path extends `${string}{${infer Name}}${infer Rest}`
    ? Name | PathNames<Rest>
    : never

/** What a handler is given. */
export interface RouteRequest<Path extends string = string, Query = unknown, Body = unknown> {
  readonly ports: AdminPorts
  readonly orgId: OrgId
  /** For use cases; it is an `Operation` as well. */
  readonly caller: Caller
  readonly account: Account
  /** For use cases; a request with an idempotency key is noted by the first of them, in its transaction. */
  readonly provisioning: Provisioning
  /** Parts of the path. They have the form of ids unless the route names them in `texts`. */
  readonly params: Readonly<Record<PathNames<Path>, string>>
  readonly query: Query
  readonly body: Body
  /** Versions of `If-Match` as text, or `['*']`. Hand them to the use case: only there the comparison holds. */
  readonly ifMatch: readonly string[] | undefined
  /** For answers that go on for long. */
  readonly live: LiveRequest
}

/** What a handler answers. */
export interface RouteAnswer<Out> {
  /** As the route's `answer.schema` says; absent for 202 and 204 without one. */
  readonly body?: Out
  /** Sent as ETag, and compared with `If-None-Match`. */
  readonly version?: number
  /** Further headers, e.g. `Location`. */
  readonly headers?: Readonly<Record<string, string>>
  /** In place of `body`: pieces of it, sent as the client takes them. */
  readonly pieces?: AsyncIterable<string | Uint8Array>
}

interface Shape<Path extends string, Query extends z.ZodType, Body extends z.ZodType, Out extends z.ZodType> {
  readonly method: Method
  /** Below `/api/v1`, in OpenAPI's form: `/teams/{team}/members`. */
  readonly path: Path
  /** Heading in the document: a thing, in the plural. */
  readonly tag: string
  /** One line for the document, an imperative sentence without a full stop. */
  readonly summary: string
  readonly who: Who
  /**
   * A dangerous act: whoever comes with a session must have proved who they are within the last ten minutes. So is every
   * route that answers a secret.
   */
  readonly isDangerous?: true
  /** Parts of the path that are words of the client's, such as a product, and no ids. */
  readonly texts?: readonly PathNames<Path>[]
  readonly query?: Query
  /** JSON. Use `z.strictObject`, so that a mistyped key is refused and not passed over. */
  readonly body?: Body
  readonly answer: {
    readonly status: 200 | 201 | 202 | 204
    readonly schema?: Out
    /** Where the answer is no JSON. */
    readonly media?: string
    /** The key of the answer that is shown once: a kept answer has null in its place. */
    readonly secret?: string
  }
  handle(request: RouteRequest<Path, z.output<Query>, z.output<Body>>): Promise<RouteAnswer<z.input<Out>>>
}

/** A route as the table holds it. */
export interface Route extends Omit<Shape<string, z.ZodType, z.ZodType, z.ZodType>, 'texts' | 'handle'> {
  readonly texts?: readonly string[]
  handle(request: RouteRequest<string, never, never>): Promise<RouteAnswer<unknown>>
}

/** One line of the route table. It only checks that handler and schemas fit together. */
export function route<
  const Path extends string,
  Out extends z.ZodType,
  Query extends z.ZodType = z.ZodType<Readonly<Record<never, never>>>,
  Body extends z.ZodType = z.ZodType<undefined>,
>(shape: Shape<Path, Query, Body, Out>): Route {
  return shape
}

/** Text of one line: trimmed, not empty, without control characters or halves of surrogate pairs. */
export function textOf(most: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(most)
    .refine((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text), 'holds a control character or half of a surrogate pair')
}

/** The same for what stands in an index, whose rows hold so many bytes in NFKC. */
export function keyTextOf(most: number) {
  return textOf(most).refine((text) => Buffer.byteLength(text.normalize('NFKC')) <= 2_048, 'is too long')
}

/** RFC 3339 in UTC with milliseconds. */
export const time = z.iso.datetime({ precision: 3 })

/**
 * When something ends that is being made, epoch milliseconds.
 * @throws DomainError `invalid-value` for a time that is past
 */
export function expiryOf(expires: string | undefined, now: number): number | undefined {
  if (expires === undefined) return undefined
  const at = Date.parse(expires)
  if (at > now) return at
  throw new DomainError('invalid-value', 'expires is in the past', { params: { path: '/expires' } })
}

/** Epoch milliseconds as the API shows times. */
export function shownTime(at: number): string {
  return new Date(at).toISOString()
}

/** The same for a time that may be absent. */
export function maybeTime(at: number | undefined): string | null {
  return at === undefined ? null : shownTime(at)
}
