import type SCIMMY from 'scimmy'
import type { RoleId } from '../domain/ids.ts'
import type { CustomRole } from '../domain/role.ts'
import type { ScimContext } from './context.ts'
import { listFrame, listReply, pageQuery } from './list.ts'
import { readProjection } from './projection.ts'
import { isFresh, jsonReply, Reply } from './reply.ts'
import { notFound, requireId, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { presentRole, roleTexts } from './role-shape.ts'
import { roleWrites } from './role-writes.ts'
import { baseView } from './schema/definitions.ts'
import { RoleSchema } from './schema/role-schema.ts'

/** Custom roles as a SCIM resource, in W&B's shape, over the provisioning use cases. */
export class RollcallRole extends RollcallResource {
  static override get endpoint(): string {
    return '/Roles'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return RoleSchema
  }

  protected async list(ctx: ScimContext): Promise<Reply> {
    const view = baseView('Role')
    const projection = readProjection(ctx.query, view)
    const query = pageQuery(ctx, view)
    const page = await ctx.ports.reads.roles.page(ctx.caller.orgId, query)
    return listReply(listFrame(ctx, view, query, page), roleTexts(ctx, page.rows, projection))
  }

  protected async find(ctx: ScimContext, id: string): Promise<Reply> {
    const role = await ctx.ports.reads.roles.find(ctx.caller.orgId, requireId<RoleId>('Role', id))
    if (role === undefined) throw notFound('Role')
    if (isFresh(ctx.ifNoneMatch, role.version)) return new Reply(304, { headers: resourceHeaders(ctx, 'Role', role) })
    return answer(ctx, 200, role)
  }

  protected async create(ctx: ScimContext, body: unknown): Promise<Reply> {
    return answer(ctx, 201, await roleWrites.create(ctx, body).durable)
  }

  protected async replace(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    return answer(ctx, 200, (await roleWrites.replace(ctx, id, body).durable).value)
  }

  protected async change(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    return answer(ctx, 200, (await roleWrites.change(ctx, id, body).durable).value)
  }

  protected async remove(ctx: ScimContext, id: string): Promise<Reply> {
    await roleWrites.remove(ctx, id).durable
    return new Reply(204)
  }
}

function answer(ctx: ScimContext, status: 200 | 201, role: CustomRole): Reply {
  const projection = readProjection(ctx.query, baseView('Role'))
  return jsonReply(status, presentRole(ctx, role, projection), resourceHeaders(ctx, 'Role', role, status === 201))
}
