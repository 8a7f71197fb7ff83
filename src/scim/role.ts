import type SCIMMY from 'scimmy'
import type { RoleId } from '../domain/ids.ts'
import type { CustomRole, RoleState } from '../domain/role.ts'
import { changeRole } from '../provisioning/change-role.ts'
import { createRole } from '../provisioning/create-role.ts'
import { deleteRole } from '../provisioning/delete-role.ts'
import type { ScimContext } from './context.ts'
import { listReply, pageQuery } from './list.ts'
import { readPatchOp } from './patch/envelope.ts'
import { planRolePatch } from './patch/plan-role.ts'
import { readProjection } from './projection.ts'
import { isFresh, jsonReply, Reply } from './reply.ts'
import { changeOptions, notFound, requireId, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { presentRole, roleTexts } from './role-shape.ts'
import { baseView } from './schema/definitions.ts'
import { readRoleBody, replaceRoleState, toRoleDraft } from './schema/role-body.ts'
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
    const { total, rows } = await ctx.ports.reads.roles.page(ctx.caller.orgId, query)
    const frame = { total, startIndex: query.startIndex, rows: rows.length }
    return listReply(frame, roleTexts(ctx, rows, projection))
  }

  protected async find(ctx: ScimContext, id: string): Promise<Reply> {
    const role = await ctx.ports.reads.roles.find(ctx.caller.orgId, requireId<RoleId>('Role', id))
    if (role === undefined) throw notFound('Role')
    if (isFresh(ctx.ifNoneMatch, role.version)) return new Reply(304, { headers: resourceHeaders(ctx, 'Role', role) })
    return answer(ctx, 200, role)
  }

  protected async create(ctx: ScimContext, body: unknown): Promise<Reply> {
    const draft = toRoleDraft(readRoleBody(body, baseView('Role')))
    return answer(ctx, 201, await createRole(ctx.ports.provisioning, ctx.caller, draft).durable)
  }

  protected async replace(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    const roleId = requireId<RoleId>('Role', id)
    const read = readRoleBody(body, baseView('Role'))
    const options = { ...changeOptions(ctx, 'PUT'), ignored: read.ignored }
    const plan = { change: (current: RoleState) => replaceRoleState(current, read), ...options }
    return answer(ctx, 200, (await changeRole(ctx.ports.provisioning, ctx.caller, roleId, plan).durable).value)
  }

  protected async change(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    const roleId = requireId<RoleId>('Role', id)
    const { change, ignored } = planRolePatch(readPatchOp(body), baseView('Role'))
    const plan = { change, ...changeOptions(ctx, 'PATCH'), ignored }
    return answer(ctx, 200, (await changeRole(ctx.ports.provisioning, ctx.caller, roleId, plan).durable).value)
  }

  protected async remove(ctx: ScimContext, id: string): Promise<Reply> {
    const roleId = requireId<RoleId>('Role', id)
    await deleteRole(ctx.ports.provisioning, ctx.caller, roleId, changeOptions(ctx, 'DELETE')).durable
    return new Reply(204)
  }
}

function answer(ctx: ScimContext, status: 200 | 201, role: CustomRole): Reply {
  const projection = readProjection(ctx.query, baseView('Role'))
  return jsonReply(status, presentRole(ctx, role, projection), resourceHeaders(ctx, 'Role', role, status === 201))
}
