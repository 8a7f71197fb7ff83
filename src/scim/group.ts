import SCIMMY from 'scimmy'
import type { Group } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import type { ScimContext } from './context.ts'
import { groupText, groupTexts, wantsMembers } from './group-shape.ts'
import { groupWrites } from './group-writes.ts'
import { traitsOf } from './location.ts'
import { type Projection, readProjection } from './projection.ts'
import { Reply } from './reply.ts'
import { requireId, type ResourceType, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { baseView } from './schema/definitions.ts'

/** A PATCH of a group with more members than this is answered without printing them all (RFC 7644 §3.5.2). */
const MAX_PRINTED_MEMBERS = 200

/** SCIM Groups (RFC 7643 §4.2) over the provisioning use cases. */
export class RollcallGroup extends RollcallResource<Group> {
  static override get endpoint(): string {
    return '/Groups'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return SCIMMY.Schemas.Group
  }

  protected get type(): ResourceType<Group> {
    return GROUPS
  }
}

const GROUPS: ResourceType<Group> = {
  kind: 'Group',
  writes: groupWrites,

  view: () => baseView('Group'),

  page: (ctx, query) => ctx.ports.reads.groups.page(ctx.caller.orgId, query),

  texts: groupTexts,

  find: (ctx, id) => ctx.ports.reads.groups.find(ctx.caller.orgId, requireId<GroupId>('Group', id)),

  show(ctx, status, group) {
    return new Reply(status, {
      headers: resourceHeaders(ctx, 'Group', group, status === 201),
      // With HEAD the writer never asks for the first piece, so no member is read.
      body: groupText(ctx, group, projectionOf(ctx)),
    })
  },

  showChanged(ctx, group) {
    if (isPrinted(ctx, group, projectionOf(ctx))) return this.show(ctx, 200, group)
    return new Reply(204, { headers: resourceHeaders(ctx, 'Group', group) })
  },
}

/**
 * Whether a PATCH answers with the group. With `attributes` it must (RFC 7644 §3.5.2); else a large group is not read
 * and sent for every member added.
 */
function isPrinted(ctx: ScimContext, group: Group, projection: Projection): boolean {
  if (group.memberCount <= MAX_PRINTED_MEMBERS || !wantsMembers(projection)) return true
  return traitsOf(ctx.mount).alwaysBody || ctx.query.attributes !== undefined
}

function projectionOf(ctx: ScimContext): Projection {
  return readProjection(ctx.query, baseView('Group'))
}
