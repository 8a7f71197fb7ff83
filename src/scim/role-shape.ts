import type { JsonObject } from '../domain/json.ts'
import { type CustomRole, roleAttributes } from '../domain/role.ts'
import { ROLE_URN } from '../domain/schema-urns.ts'
import type { ScimContext } from './context.ts'
import { project, type Projection } from './projection.ts'
import { metaOf } from './resource-shape.ts'

/** The resource of one custom role. */
export function presentRole(ctx: ScimContext, role: CustomRole, projection: Projection): JsonObject {
  const resource = {
    schemas: [ROLE_URN],
    ...roleAttributes(role, ctx.caller.orgId),
    meta: metaOf(ctx, 'Role', role),
  }
  return project(resource, projection)
}

/** The resources of roles as JSON text, in pieces. */
export function* roleTexts(ctx: ScimContext, roles: readonly CustomRole[], projection: Projection): Generator<string> {
  let separator = ''
  for (const role of roles) {
    yield separator + JSON.stringify(presentRole(ctx, role, projection))
    separator = ','
  }
}
