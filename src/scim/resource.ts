import SCIMMY from 'scimmy'
import { DomainError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import type { Page, PageQuery } from '../domain/ports.ts'
import type { ChangeOptions } from '../provisioning/provisioning.ts'
import type { ScimContext } from './context.ts'
import type { ResourceKind } from './endpoint.ts'
import { errorReply } from './errors.ts'
import { listFrame, listReply, pageQuery } from './list.ts'
import { FEW, printing } from './pace.ts'
import { type Projection, readProjection } from './projection.ts'
import { isFresh, Reply } from './reply.ts'
import { resourceHeaders, type Versioned } from './resource-shape.ts'
import type { ResourceWrites } from './resource-writes.ts'
import type { SchemaView } from './schema/view.ts'

/** What a resource type is made of, beside its endpoint and schema. */
export interface ResourceType<T extends Versioned> {
  readonly kind: ResourceKind
  readonly writes: ResourceWrites<T>
  /** What its attributes are to the caller. */
  view(ctx: ScimContext): SchemaView
  /** A page of the collection (RFC 7644 §3.4.2). */
  page(ctx: ScimContext, query: PageQuery): Promise<Page<T>>
  /** The JSON texts of a page's resources with the commas between them, in pieces cut anywhere. */
  texts(ctx: ScimContext, rows: readonly T[], projection: Projection): AsyncIterable<string> | Iterable<string>
  /** The resource with this id, if there is one. @throws DomainError `not-found` for text that can be no id */
  find(ctx: ScimContext, id: string): Promise<T | undefined>
  /** The answer with the resource in it. */
  show(ctx: ScimContext, status: 200 | 201, resource: T): Reply | Promise<Reply>
  /** The answer to a PATCH; as for a PUT if absent. */
  showChanged?(ctx: ScimContext, resource: T): Reply | Promise<Reply>
}

/**
 * The seam to scimmy: its routers construct a resource from id and query, and call one of four methods with the
 * request's context. Ours answer with a {@link Reply}, errors included, so nothing is left for the library to render:
 * its own error renderer knows few statuses, and its list and PATCH code is not used at all.
 */
export abstract class RollcallResource<T extends Versioned = Versioned> extends SCIMMY.Types.Resource {
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

  protected abstract get type(): ResourceType<T>

  /** GET of the collection or of one resource. */
  override read(given?: unknown): Promise<Reply> {
    return guard(given, (ctx) => (this.id === undefined ? this.#list(ctx) : this.#find(ctx, this.id)))
  }

  /** POST, or PUT where there is an id. */
  override write(body: unknown, given?: unknown): Promise<Reply> {
    return guard(given, async (ctx) => {
      const { writes } = this.type
      if (this.id === undefined) return this.type.show(ctx, 201, await writes.create(ctx, body).durable)
      return this.type.show(ctx, 200, (await writes.replace(ctx, this.id, body).durable).value)
    })
  }

  /** PATCH (RFC 7644 §3.5.2). */
  override patch(body: unknown, given?: unknown): Promise<Reply> {
    return guard(given, async (ctx) => {
      const { value } = await this.type.writes.change(ctx, this.id ?? '', body).durable
      return this.type.showChanged?.(ctx, value) ?? this.type.show(ctx, 200, value)
    })
  }

  /** DELETE (RFC 7644 §3.6). The library types no result here, but sends on what it gets. */
  override dispose(given?: unknown): Promise<void> {
    const reply: Promise<unknown> = guard(given, async (ctx) => {
      await this.type.writes.remove(ctx, this.id ?? '').durable
      return new Reply(204)
    })
    return reply as Promise<void>
  }

  async #list(ctx: ScimContext): Promise<Reply> {
    const view = this.type.view(ctx)
    const projection = readProjection(ctx.query, view)
    const query = pageQuery(ctx, view)
    // Whoever filters asks for few as a rule.
    if (query.filter === undefined && query.count > FEW) await printing.turn()
    const page = await this.type.page(ctx, query)
    return listReply(listFrame(ctx, view, query, page), this.type.texts(ctx, page.rows, projection))
  }

  async #find(ctx: ScimContext, id: string): Promise<Reply> {
    const { kind } = this.type
    const found = await this.type.find(ctx, id)
    if (found === undefined) throw notFound(kind)
    if (isFresh(ctx.ifNoneMatch, found.version)) return new Reply(304, { headers: resourceHeaders(ctx, kind, found) })
    return this.type.show(ctx, 200, found)
  }
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
