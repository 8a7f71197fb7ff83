import type SCIMMY from 'scimmy'
import type { RoleId } from '../domain/ids.ts'
import type { CustomRole } from '../domain/role.ts'
import { readProjection } from './projection.ts'
import { jsonReply } from './reply.ts'
import { requireId, type ResourceType, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { presentRole, roleTexts } from './role-shape.ts'
import { roleWrites } from './role-writes.ts'
import { baseView } from './schema/definitions.ts'
import { RoleSchema } from './schema/role-schema.ts'

/** Custom roles as a SCIM resource, in W&B's shape, over the provisioning use cases. */
export class RollcallRole extends RollcallResource<CustomRole> {
  static override get endpoint(): string {
    return '/Roles'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return RoleSchema
  }

  protected get type(): ResourceType<CustomRole> {
    return ROLES
  }
}

const ROLES: ResourceType<CustomRole> = {
  kind: 'Role',
  writes: roleWrites,

  view: () => baseView('Role'),

  page: (ctx, query) => ctx.ports.reads.roles.page(ctx.caller.orgId, query),

  texts: roleTexts,

  find: (ctx, id) => ctx.ports.reads.roles.find(ctx.caller.orgId, requireId<RoleId>('Role', id)),

  show(ctx, status, role) {
    const projection = readProjection(ctx.query, baseView('Role'))
    return jsonReply(status, presentRole(ctx, role, projection), resourceHeaders(ctx, 'Role', role, status === 201))
  },
}
