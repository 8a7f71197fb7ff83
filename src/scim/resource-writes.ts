import type { Submitted } from '../domain/ports.ts'
import type { Changed } from '../provisioning/provisioning.ts'
import type { ScimContext } from './context.ts'

/**
 * The writes of one resource type: a request's body is read, and its unit of work queued. What a caller makes of the
 * result, an answer of its own or one entry of a Bulk answer, is the caller's.
 * @throws DomainError at once for a body that cannot be read; through the promises for what the unit refuses
 */
export interface ResourceWrites<T> {
  /** POST (RFC 7644 §3.3). */
  create(ctx: ScimContext, body: unknown): Submitted<T>
  /** PUT (RFC 7644 §3.5.1). */
  replace(ctx: ScimContext, id: string, body: unknown): Submitted<Changed<T>>
  /** PATCH (RFC 7644 §3.5.2). */
  change(ctx: ScimContext, id: string, body: unknown): Submitted<Changed<T>>
  /** DELETE (RFC 7644 §3.6). */
  remove(ctx: ScimContext, id: string): Submitted<void>
}
