import SCIMMY from 'scimmy'
import { DomainError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import type { ChangeOptions } from '../provisioning/provisioning.ts'
import type { ScimContext } from './context.ts'
import type { ResourceKind } from './endpoint.ts'
import { errorReply } from './errors.ts'
import type { Reply } from './reply.ts'

/**
 * The seam to scimmy: its routers construct a resource from id and query, and call one of four methods with the
 * request's context. Ours answer with a {@link Reply}, errors included, so nothing is left for the library to render:
 * its own error renderer knows few statuses, and its list and PATCH code is not used at all.
 */
export abstract class RollcallResource extends SCIMMY.Types.Resource {
  /**
   * The library would keep the base path of the latest request in a static here, where a parallel request of another
   * tenant reads it. A constant takes that away; addresses are built from the context.
   */
  static override basepath = ((path?: string) => (path === undefined ? '' : RollcallResource)) as never

  /**
   * @param idOrQuery the id as the path has it, or the query of a request to the collection
   */
  constructor(idOrQuery?: string | object) {
    // Neither reaches the library: it would paste the id into a filter and parse filter and attributes itself.
    super()
    if (typeof idOrQuery === 'string') this.id = idOrQuery
  }

  /** GET of the collection or of one resource. */
  override read(given?: unknown): Promise<Reply> {
    return guard(given, (ctx) => (this.id === undefined ? this.list(ctx) : this.find(ctx, this.id)))
  }

  /** POST, or PUT where there is an id. */
  override write(body: unknown, given?: unknown): Promise<Reply> {
    return guard(given, (ctx) => (this.id === undefined ? this.create(ctx, body) : this.replace(ctx, this.id, body)))
  }

  /** PATCH (RFC 7644 §3.5.2). */
  override patch(body: unknown, given?: unknown): Promise<Reply> {
    return guard(given, (ctx) => this.change(ctx, this.id ?? '', body))
  }

  /** DELETE (RFC 7644 §3.6). The library types no result here, but sends on what it gets. */
  override dispose(given?: unknown): Promise<void> {
    const reply: Promise<unknown> = guard(given, (ctx) => this.remove(ctx, this.id ?? ''))
    return reply as Promise<void>
  }

  protected abstract list(ctx: ScimContext): Promise<Reply>
  protected abstract find(ctx: ScimContext, id: string): Promise<Reply>
  protected abstract create(ctx: ScimContext, body: unknown): Promise<Reply>
  protected abstract replace(ctx: ScimContext, id: string, body: unknown): Promise<Reply>
  protected abstract change(ctx: ScimContext, id: string, body: unknown): Promise<Reply>
  protected abstract remove(ctx: ScimContext, id: string): Promise<Reply>
}

/** Runs a method and turns whatever it throws into an error answer: the library takes foreign errors for a 404. */
async function guard(given: unknown, run: (ctx: ScimContext) => Promise<Reply>): Promise<Reply> {
  // The library types the context as anything: it hands on what its `context` option returned, which is ours.
  const ctx = given as ScimContext
  try {
    return await run(ctx)
  } catch (error) {
    return errorReply(error, ctx.requestId, ctx.ports.report)
  }
}

/** The 404 of a resource. */
export function notFound(kind: ResourceKind): DomainError {
  return new DomainError('not-found', `There is no ${kind} with this id.`)
}

/** The conditions of a change, as the use cases take them. */
export function changeOptions(ctx: ScimContext, method: ChangeOptions['method']): ChangeOptions {
  return { method, ...(ctx.ifMatch === undefined ? {} : { ifMatch: ctx.ifMatch }) }
}

/** An id as typed. @throws DomainError `not-found` for text that can be no id of ours */
export function requireId<T extends string>(kind: ResourceKind, id: string): T {
  if (!isId(id)) throw notFound(kind)
  return id as T
}
