import SCIMMY from 'scimmy'
import type { Group } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import type { ScimContext } from './context.ts'
import { groupText, groupTexts, wantsMembers } from './group-shape.ts'
import { groupWrites } from './group-writes.ts'
import { listFrame, listReply, pageQuery } from './list.ts'
import { traitsOf } from './location.ts'
import { type Projection, readProjection } from './projection.ts'
import { isFresh, Reply } from './reply.ts'
import { notFound, requireId, RollcallResource } from './resource.ts'
import { resourceHeaders } from './resource-shape.ts'
import { baseView } from './schema/definitions.ts'

/** A PATCH of a group with more members than this is answered without printing them all (RFC 7644 §3.5.2). */
const MAX_PRINTED_MEMBERS = 200

/** SCIM Groups (RFC 7643 §4.2) over the provisioning use cases. */
export class RollcallGroup extends RollcallResource {
  static override get endpoint(): string {
    return '/Groups'
  }

  static override get schema(): typeof SCIMMY.Types.Schema {
    return SCIMMY.Schemas.Group
  }

  protected async list(ctx: ScimContext): Promise<Reply> {
    const view = baseView('Group')
    const projection = readProjection(ctx.query, view)
    const query = pageQuery(ctx, view)
    const page = await ctx.ports.reads.groups.page(ctx.caller.orgId, query)
    return listReply(listFrame(ctx, view, query, page), groupTexts(ctx, page.rows, projection))
  }

  protected async find(ctx: ScimContext, id: string): Promise<Reply> {
    const group = await ctx.ports.reads.groups.find(ctx.caller.orgId, requireId<GroupId>('Group', id))
    if (group === undefined) throw notFound('Group')
    if (isFresh(ctx.ifNoneMatch, group.version))
      return new Reply(304, { headers: resourceHeaders(ctx, 'Group', group) })
    return answer(ctx, 200, group)
  }

  protected async create(ctx: ScimContext, body: unknown): Promise<Reply> {
    return answer(ctx, 201, await groupWrites.create(ctx, body).durable)
  }

  protected async replace(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    return answer(ctx, 200, (await groupWrites.replace(ctx, id, body).durable).value)
  }

  protected async change(ctx: ScimContext, id: string, body: unknown): Promise<Reply> {
    const { value } = await groupWrites.change(ctx, id, body).durable
    if (isPrinted(ctx, value, projectionOf(ctx))) return answer(ctx, 200, value)
    return new Reply(204, { headers: resourceHeaders(ctx, 'Group', value) })
  }

  protected async remove(ctx: ScimContext, id: string): Promise<Reply> {
    await groupWrites.remove(ctx, id).durable
    return new Reply(204)
  }
}

/**
 * Whether a PATCH answers with the group. With `attributes` it must (RFC 7644 §3.5.2); else a large group is not read
 * and sent for every member added.
 */
function isPrinted(ctx: ScimContext, group: Group, projection: Projection): boolean {
  if (group.memberCount <= MAX_PRINTED_MEMBERS || !wantsMembers(projection)) return true
  return traitsOf(ctx.mount).alwaysBody || ctx.query.attributes !== undefined
}

function answer(ctx: ScimContext, status: 200 | 201, group: Group): Reply {
  return new Reply(status, {
    headers: resourceHeaders(ctx, 'Group', group, status === 201),
    // With HEAD the writer never asks for the first piece, so no member is read.
    body: groupText(ctx, group, projectionOf(ctx)),
  })
}

function projectionOf(ctx: ScimContext): Projection {
  return readProjection(ctx.query, baseView('Group'))
}
