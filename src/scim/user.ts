import SCIMMY from 'scimmy'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import type { ScimContext } from './context.ts'
import { readProjection } from './projection.ts'
import { jsonReply } from './reply.ts'
import { notFound, requireId, type ResourceType, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { presentUser, userTexts } from './user-shape.ts'
import { userWrites } from './user-writes.ts'

/** An address longer than this is in no store. */
const MAX_ADDRESS = 1_024

/** SCIM Users (RFC 7643 §4.1) over the provisioning use cases. */
export class RollcallUser extends RollcallResource<User> {
  static override get endpoint(): string {
    return '/Users'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return SCIMMY.Schemas.User
  }

  protected get type(): ResourceType<User> {
    return USERS
  }
}

const USERS: ResourceType<User> = {
  kind: 'User',
  writes: userWrites,

  view: (ctx) => ctx.views.shown,

  page: (ctx, query) => ctx.ports.reads.users.page(ctx.caller.orgId, query),

  texts: userTexts,

  async find(ctx, id) {
    const userId = id.includes('@') ? await idByAddress(ctx, id) : requireId<UserId>('User', id)
    return ctx.ports.reads.users.find(ctx.caller.orgId, userId)
  },

  async show(ctx, status, user) {
    const projection = readProjection(ctx.query, ctx.views.shown)
    const headers = resourceHeaders(ctx, 'User', user, status === 201)
    return jsonReply(status, await presentUser(ctx, user, projection), headers)
  },
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
