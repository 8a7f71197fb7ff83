import type { Group, Member } from '../domain/group.ts'
import type { JsonObject } from '../domain/json.ts'
import { GROUP_URN } from '../domain/schema-urns.ts'
import type { ScimContext } from './context.ts'
import { locationOf } from './location.ts'
import { FEW, printing } from './pace.ts'
import { project, type Projection, wants } from './projection.ts'
import { externalIdFor, metaOf } from './resource-shape.ts'

/** How many members are read at a time: a keyset slice, so no transaction stays open while the client reads. */
const SLICE = 1_000

/** Whether an answer prints members at all; where it does not they are never read. */
export function wantsMembers(projection: Projection): boolean {
  return wants(projection, 'members')
}

/** The resources of groups as JSON text, in pieces. */
export async function* groupTexts(
  ctx: ScimContext,
  groups: readonly Group[],
  projection: Projection,
): AsyncGenerator<string> {
  let separator = ''
  for (const group of groups) {
    yield separator
    yield* groupText(ctx, group, projection)
    separator = ','
  }
}

/** The resource of one group as JSON text, its members slice by slice. */
export async function* groupText(ctx: ScimContext, group: Group, projection: Projection): AsyncGenerator<string> {
  const shell = JSON.stringify(project(groupResource(ctx, group), projection))
  if (group.memberCount === 0 || !wantsMembers(projection)) {
    yield shell
    return
  }
  let lead = `${shell.slice(0, -1)},"members":[`
  let tail = shell
  for await (const slice of memberSlices(ctx, group)) {
    const text = membersText(ctx, slice, projection)
    // Nothing is left of members whose every sub-attribute is excluded.
    if (text === '') continue
    yield lead + text
    lead = ','
    tail = ']}'
  }
  yield tail
}

async function* memberSlices(ctx: ScimContext, group: Group): AsyncGenerator<readonly Member[]> {
  let after: string | undefined
  do {
    if (group.memberCount > FEW) await printing.turn()
    const slice = await ctx.ports.reads.groups.members(ctx.caller.orgId, group.id, after, SLICE)
    yield slice
    after = slice.length < SLICE ? undefined : slice.at(-1)?.id
  } while (after !== undefined)
}

function membersText(ctx: ScimContext, members: readonly Member[], projection: Projection): string {
  const shown = project({ members: members.map((each) => memberOf(ctx, each)) }, projection)['members']
  return JSON.stringify(shown ?? []).slice(1, -1)
}

function memberOf(ctx: ScimContext, { id, type, display }: Member): JsonObject {
  return { value: id, $ref: locationOf(ctx.base, type, id), type, display }
}

function groupResource(ctx: ScimContext, group: Group): JsonObject {
  const externalId = externalIdFor(ctx.viewer, group)
  return {
    schemas: [GROUP_URN],
    id: group.id,
    ...(externalId === undefined ? {} : { externalId }),
    displayName: group.displayName,
    meta: metaOf(ctx, 'Group', group),
  }
}
