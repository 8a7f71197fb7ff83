import type { Group, GroupPlan } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { changeGroup } from '../provisioning/change-group.ts'
import { createGroup } from '../provisioning/create-group.ts'
import { deleteGroup } from '../provisioning/delete-group.ts'
import type { Changed, ChangeOptions } from '../provisioning/provisioning.ts'
import type { ScimContext } from './context.ts'
import { readPatchOp } from './patch/envelope.ts'
import { planGroupPatch } from './patch/plan-group.ts'
import { changeOptions, requireId } from './resource.ts'
import type { ResourceWrites } from './resource-writes.ts'
import { baseView } from './schema/definitions.ts'
import { readGroupBody, readGroupReplacement } from './schema/group-body.ts'

/** The writes of Groups (RFC 7643 §4.2). */
export const groupWrites: ResourceWrites<Group> = {
  create(ctx, body) {
    return createGroup(ctx.ports.provisioning, ctx.caller, readGroupBody(body, baseView('Group')))
  },

  replace(ctx, id, body) {
    const groupId = requireId<GroupId>('Group', id)
    return submitPlan(ctx, groupId, readGroupReplacement(body, baseView('Group')), 'PUT')
  },

  change(ctx, id, body) {
    const groupId = requireId<GroupId>('Group', id)
    return submitPlan(ctx, groupId, planGroupPatch(readPatchOp(body), baseView('Group')), 'PATCH')
  },

  remove(ctx, id) {
    const groupId = requireId<GroupId>('Group', id)
    return deleteGroup(ctx.ports.provisioning, ctx.caller, groupId, changeOptions(ctx, 'DELETE'))
  },
}

function submitPlan(
  ctx: ScimContext,
  id: GroupId,
  plan: GroupPlan,
  method: ChangeOptions['method'],
): Submitted<Changed<Group>> {
  const options = { ...changeOptions(ctx, method), ...(plan.ignored === undefined ? {} : { ignored: plan.ignored }) }
  return changeGroup(ctx.ports.provisioning, ctx.caller, id, { plan, ...options })
}
