import type { RoleId } from '../domain/ids.ts'
import type { CustomRole, RoleState } from '../domain/role.ts'
import { changeRole } from '../provisioning/change-role.ts'
import { createRole } from '../provisioning/create-role.ts'
import { deleteRole } from '../provisioning/delete-role.ts'
import { readPatchOp } from './patch/envelope.ts'
import { planRolePatch } from './patch/plan-role.ts'
import { changeOptions, requireId } from './resource.ts'
import type { ResourceWrites } from './resource-writes.ts'
import { baseView } from './schema/definitions.ts'
import { readRoleBody, replaceRoleState, toRoleDraft } from './schema/role-body.ts'

/** The writes of Roles, which W&B's clients bring. */
export const roleWrites: ResourceWrites<CustomRole> = {
  create(ctx, body) {
    return createRole(ctx.ports.provisioning, ctx.caller, toRoleDraft(readRoleBody(body, baseView('Role'))))
  },

  replace(ctx, id, body) {
    const roleId = requireId<RoleId>('Role', id)
    const read = readRoleBody(body, baseView('Role'))
    return changeRole(ctx.ports.provisioning, ctx.caller, roleId, {
      change: (current: RoleState) => replaceRoleState(current, read),
      ...changeOptions(ctx, 'PUT'),
      ignored: read.ignored,
    })
  },

  change(ctx, id, body) {
    const roleId = requireId<RoleId>('Role', id)
    const { change, ignored } = planRolePatch(readPatchOp(body), baseView('Role'))
    return changeRole(ctx.ports.provisioning, ctx.caller, roleId, { change, ...changeOptions(ctx, 'PATCH'), ignored })
  },

  remove(ctx, id) {
    const roleId = requireId<RoleId>('Role', id)
    return deleteRole(ctx.ports.provisioning, ctx.caller, roleId, changeOptions(ctx, 'DELETE'))
  },
}
