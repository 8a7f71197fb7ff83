import type { UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import { changeUser } from '../provisioning/change-user.ts'
import { createUser } from '../provisioning/create-user.ts'
import { deleteUser } from '../provisioning/delete-user.ts'
import { readPatchOp } from './patch/envelope.ts'
import { planUserPatch } from './patch/plan-user.ts'
import { changeOptions, requireId } from './resource.ts'
import type { ResourceWrites } from './resource-writes.ts'
import { readUserBody, replaceUserState, toNewUser } from './schema/normalise.ts'

/** The writes of Users (RFC 7643 §4.1). */
export const userWrites: ResourceWrites<User> = {
  create(ctx, body) {
    return createUser(ctx.ports.provisioning, ctx.caller, toNewUser(readUserBody(body, ctx.views.parsed)))
  },

  replace(ctx, id, body) {
    const view = ctx.views.parsed
    const userId = requireId<UserId>('User', id)
    const read = readUserBody(body, view)
    return changeUser(ctx.ports.provisioning, ctx.caller, userId, {
      ...changeOptions(ctx, 'PUT'),
      change: (current) => replaceUserState(current, read, view, ctx.mount),
      readsAccess: read.access.length > 0,
      ignored: read.ignored,
    })
  },

  change(ctx, id, body) {
    const userId = requireId<UserId>('User', id)
    const plan = planUserPatch(readPatchOp(body), ctx.views.parsed, ctx.mount)
    const { readsAccess, namesRoles, ignored } = plan
    const options = { ...changeOptions(ctx, 'PATCH'), change: plan, readsAccess, namesRoles, ignored }
    return changeUser(ctx.ports.provisioning, ctx.caller, userId, options)
  },

  remove(ctx, id) {
    const userId = requireId<UserId>('User', id)
    return deleteUser(ctx.ports.provisioning, ctx.caller, userId, changeOptions(ctx, 'DELETE'))
  },
}
