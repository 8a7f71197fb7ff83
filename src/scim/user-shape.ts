import type { GroupRef } from '../domain/group.ts'
import { isId, type UserId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { Standing, StandingActivity } from '../domain/ports.ts'
import { CUSTOM_URN, ENTERPRISE_URN, ROLLCALL_URN, USER_URN } from '../domain/schema-urns.ts'
import type { User } from '../domain/user.ts'
import type { ScimContext } from './context.ts'
import { accessResource } from './access-shape.ts'
import { locationOf, traitsOf } from './location.ts'
import { FEW, printing } from './pace.ts'
import { project, type Projection, wants } from './projection.ts'
import { externalIdFor, metaOf } from './resource-shape.ts'
import type { UserViews } from './schema/user-view.ts'

/** What a person's resource shows that its row does not hold. */
interface Surroundings {
  /** userName of managers that are live people of the org. */
  readonly managers: ReadonlyMap<UserId, string>
  /** Empty where neither groups nor access are wanted. */
  readonly standing: ReadonlyMap<UserId, Standing>
  readonly showsAccess: boolean
}

/** How many people are printed between two turns of the event loop, and asked for in one query. */
const SLICE = 250

/** The resources of people as JSON texts, projected; each slice costs one query for groups, if they are wanted. */
export async function* userTexts(
  ctx: ScimContext,
  users: readonly User[],
  projection: Projection,
): AsyncGenerator<string> {
  for (let at = 0; at < users.length; at += SLICE) {
    if (users.length > FEW) await printing.turn()
    const slice = users.slice(at, at + SLICE)
    const around = await surroundingsOf(ctx, slice, projection)
    const texts = slice.map((user) => JSON.stringify(shown(ctx, userResource(ctx, user, around), projection)))
    yield (at === 0 ? '' : ',') + texts.join(',')
  }
}

/** The resource of one person, projected. */
export async function presentUser(ctx: ScimContext, user: User, projection: Projection): Promise<JsonObject> {
  return shown(ctx, userResource(ctx, user, await surroundingsOf(ctx, [user], projection)), projection)
}

/** The resource projected, with the names at the top level where the mount shows them: they follow the extension's. */
function shown(ctx: ScimContext, resource: JsonObject, projection: Projection): JsonObject {
  const projected = project(resource, projection)
  const extension = projected[ROLLCALL_URN]
  return traitsOf(ctx.mount).topLevelNames && isJsonObject(extension) ? { ...projected, ...extension } : projected
}

async function surroundingsOf(ctx: ScimContext, users: readonly User[], projection: Projection): Promise<Surroundings> {
  const { orgId } = ctx.caller
  const { users: reads } = ctx.ports.reads
  const managers = wants(projection, ENTERPRISE_URN, 'manager') ? managersOf(users) : []
  const showsAccess = wants(projection, ROLLCALL_URN)
  const isWanted = showsAccess || wants(projection, 'groups')
  return {
    managers: managers.length > 0 ? await reads.displayNames(orgId, managers) : new Map(),
    standing: isWanted ? await reads.standingOf(orgId, users) : new Map(),
    showsAccess,
  }
}

function managersOf(users: readonly User[]): readonly UserId[] {
  const ids = users.map((user) => managerOf(user)?.['value']).filter((id) => typeof id === 'string' && isId(id))
  return [...new Set(ids)] as UserId[]
}

function managerOf(user: User): JsonObject | undefined {
  const enterprise = user.attributes[ENTERPRISE_URN]
  const manager = isJsonObject(enterprise) ? enterprise['manager'] : undefined
  return isJsonObject(manager) ? manager : undefined
}

function userResource(ctx: ScimContext, user: User, around: Surroundings): JsonObject {
  const externalId = externalIdFor(ctx.viewer, user)
  const { groups = [], access: held, activity } = around.standing.get(user.id) ?? {}
  const access = around.showsAccess ? held : undefined
  const attributes = declaredAttributes(ctx.views, user)
  const schemas = [USER_URN]
  for (const key of Object.keys(attributes)) if (key.startsWith('urn:')) schemas.push(key)
  if (access !== undefined) schemas.push(ROLLCALL_URN)
  // Line by line: this runs for each person of a page, and spreading parts together takes several times as long.
  const resource: Record<string, Json> = { schemas, id: user.id }
  if (externalId !== undefined) resource['externalId'] = externalId
  Object.assign(resource, attributes, withManager(ctx, user, around))
  if (access !== undefined) resource[ROLLCALL_URN] = withActivity(accessResource(access, ctx.mount), activity)
  resource['active'] = user.status !== 'deactivated'
  if (groups.length > 0) resource['groups'] = groups.map((group) => groupOf(ctx, group))
  resource['meta'] = metaOf(ctx, 'User', user)
  return resource
}

/** What a person did is no part of what a client may write, and does not change their version. */
function withActivity(access: JsonObject, activity: StandingActivity | undefined): JsonObject {
  if (activity === undefined) return access
  const { daysActive, lastActive } = activity
  return { ...access, daysActive, lastActiveAt: new Date(lastActive).toISOString() }
}

/** The attributes but for what the org no longer declares. */
function declaredAttributes({ custom }: UserViews, { attributes }: User): JsonObject {
  if (attributes[CUSTOM_URN] === undefined) return attributes
  const { [CUSTOM_URN]: values, ...rest } = attributes
  if (!isJsonObject(values)) return rest
  const shownValues = Object.entries(values).filter(([name]) => custom?.attributes.some((each) => each.name === name))
  return shownValues.length === 0 ? rest : { ...rest, [CUSTOM_URN]: Object.fromEntries(shownValues) }
}

function groupOf(ctx: ScimContext, { id, display, type }: GroupRef): JsonObject {
  return { value: id, $ref: locationOf(ctx.base, 'Group', id), display, type }
}

/** `manager.value` is shown as given; `displayName` and `$ref` only where it names a live person of the org. */
function withManager(ctx: ScimContext, user: User, around: Surroundings): JsonObject | undefined {
  const value = managerOf(user)?.['value']
  const displayName = typeof value === 'string' ? around.managers.get(value as UserId) : undefined
  if (typeof value !== 'string' || displayName === undefined) return undefined
  const manager = { value, $ref: locationOf(ctx.base, 'User', value), displayName }
  return { [ENTERPRISE_URN]: { ...(user.attributes[ENTERPRISE_URN] as JsonObject), manager } }
}
