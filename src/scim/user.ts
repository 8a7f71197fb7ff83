import SCIMMY from 'scimmy'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import type { ScimContext } from './context.ts'
import { listFrame, listReply, pageQuery } from './list.ts'
import { readProjection } from './projection.ts'
import { isFresh, jsonReply, Reply } from './reply.ts'
import { notFound, requireId, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { presentUser, userTexts } from './user-shape.ts'
import { userWrites } from './user-writes.ts'

/** An address longer than this is in no store. */
const MAX_ADDRESS = 1_024

/** SCIM Users (RFC 7643 §4.1) over the provisioning use cases. */
export class RollcallUser extends RollcallResource {
  static override get endpoint(): string {
    return '/Users'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return SCIMMY.Schemas.User
  }

  protected async list(ctx: ScimContext): Promise<Reply> {
    const view = ctx.views.shown
    const projection = readProjection(ctx.query, view)
    const query = pageQuery(ctx, view)
    const page = await ctx.ports.reads.users.page(ctx.caller.orgId, query)
    return listReply(listFrame(ctx, view, query, page), userTexts(ctx, page.rows, projection))
  }

  protected async find(ctx: ScimContext, id: string): Promise<Reply> {
    const userId = id.includes('@') ? await idByAddress(ctx, id) : requireId<UserId>('User', id)
    const user = await ctx.ports.reads.users.find(ctx.caller.orgId, userId)
    if (user === undefined) throw notFound('User')
    if (isFresh(ctx.ifNoneMatch, user.version)) return new Reply(304, { headers: resourceHeaders(ctx, 'User', user) })
    return answer(ctx, 200, user)
  }

  protected async create(ctx: ScimContext, body: unknown): Promise<Reply> {
    return answer(ctx, 201, await userWrites.create(ctx, body).durable)
  }

  protected async replace(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    return answer(ctx, 200, (await userWrites.replace(ctx, id, body).durable).value)
  }

  protected async change(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    return answer(ctx, 200, (await userWrites.change(ctx, id, body).durable).value)
  }

  protected async remove(ctx: ScimContext, id: string): Promise<Reply> {
    await userWrites.remove(ctx, id).durable
    return new Reply(204)
  }
}

async function answer(ctx: ScimContext, status: 200 | 201, user: User): Promise<Reply> {
  const projection = readProjection(ctx.query, ctx.views.shown)
  const headers = resourceHeaders(ctx, 'User', user, status === 201)
  return jsonReply(status, await presentUser(ctx, user, projection), headers)
}

/** Scripts name people by their primary address; an id never holds an `@`. */
async function idByAddress(ctx: ScimContext, address: string): Promise<UserId> {
  if (address.length > MAX_ADDRESS || address.includes('\0')) throw notFound('User')
  const [id, second] = await ctx.ports.reads.users.idsByPrimaryEmail(ctx.caller.orgId, address)
  if (id === undefined) throw notFound('User')
  if (second !== undefined)
    throw new DomainError('invalid-value', 'Several people have this address; use the id of the one you mean.')
  return id
}
