import { z } from 'zod'
import type { GroupId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import { readStorageBucket, STORAGE_PROVIDERS, type StorageBucket, type Team } from '../domain/team.ts'
import { setTeamArchived } from '../provisioning/archive-team.ts'
import { mayReadOrg } from '../provisioning/caller-right.ts'
import { changeTeam } from '../provisioning/change-team.ts'
import { createTeam } from '../provisioning/create-team.ts'
import { restoreGroup } from '../provisioning/restore-group.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import { maybeTime, type Route, route, type RouteAnswer, shownTime, textOf, time } from './route.ts'

const bucketText = z.string().max(1_024).optional()

const storageBucket = z.strictObject({
  name: textOf(1_024),
  provider: z.string().meta({ description: `One of ${STORAGE_PROVIDERS.join(', ')}` }),
  ...{ path: bucketText, kmsKeyId: bucketText, awsExternalId: bucketText },
  ...{ azureTenantId: bucketText, azureClientId: bucketText },
})

const inviters = z.enum(['admins', 'members']).meta({ description: 'Who may add people of the organisation' })

const isJoinable = z
  .boolean()
  .meta({ description: 'Whether people with an address of a proved domain may join by themselves' })

const team = z.object({
  ...{ id: z.uuid(), name: z.string(), version: z.number(), created: time, updated: time },
  managedBy: z.uuid().nullable().meta({ description: 'The connection whose group manages the team' }),
  memberCount: z.number().meta({ description: 'Direct members, nested groups included' }),
  defaultRole: z.string().meta({ description: 'admin, member, viewer or the id of a custom role' }),
  ...{ hidden: z.boolean(), inviters, joinable: isJoinable, storageBucket: storageBucket.nullable() },
  ...{ archived: time.nullable(), deleted: time.nullable() },
})

const settings = {
  defaultRole: textOf(256).optional().meta({ description: 'member, viewer, or the name or id of a custom role' }),
  ...{
    hidden: z.boolean().optional(),
    inviters: inviters.optional(),
    joinable: isJoinable.optional(),
    storageBucket: storageBucket.nullish(),
  },
}

const newTeam = z
  .strictObject({ name: textOf(256), ...settings })
  .meta({ examples: [{ name: 'research', hidden: true, inviters: 'members' }] })

const teamChange = z.strictObject({ name: textOf(256).optional(), ...settings }).meta({ examples: [{ hidden: true }] })

const teamQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(['active', 'archived', 'deleted']).optional(),
  search: z.string().max(256).optional().meta({ description: 'Part of the name, in any case' }),
})

const restored = z
  .strictObject({ name: textOf(256).optional().meta({ description: 'For a deleted one whose name is taken' }) })
  .meta({ examples: [{}] })

/** Teams and their settings. */
export const teamRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/teams', tag: 'Teams', who: 'anybody' },
    summary: 'List teams: all of them for those who read the organisation, their own for everybody else',
    query: teamQuery,
    answer: { status: 200, schema: pageOf(team) },
    async handle(request) {
      const { ports, orgId, caller, account, query } = request
      const { state, search, limit } = query
      const after = afterOf<number>(request, 'teams')
      const all = mayReadOrg(caller)
      if (!all && (account.user === undefined || state === 'deleted')) return { body: { items: [], next: null } }
      const rows = await ports.reads.teams.page(orgId, {
        ...(state === undefined ? {} : { state }),
        ...(search === undefined ? {} : { search }),
        ...(all || account.user === undefined ? {} : { of: account.user }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      })
      return { body: cutPage(request, 'teams', rows, { keyOf: ({ ord }) => ord, show: shownTeam }) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams', tag: 'Teams', summary: 'Make a team', who: 'anybody' },
    body: newTeam,
    answer: { status: 201, schema: team },
    async handle({ provisioning, caller, body: { storageBucket: bucket, ...rest } }) {
      const storage = bucket === undefined || bucket === null ? {} : { storage: bucketOf(bucket) }
      const made = await createTeam(provisioning, caller, { ...given(rest), name: rest.name, ...storage }).durable
      return { ...answered(made), headers: { Location: `/api/v1/teams/${made.id}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/teams/{team}', tag: 'Teams', summary: 'Show a team', who: 'teamReader' },
    answer: { status: 200, schema: team },
    async handle({ ports, orgId, params }) {
      const found = await ports.reads.teams.find(orgId, params.team as GroupId)
      if (found === undefined) throw new DomainError('not-found', `Team ${params.team} not found`)
      return answered(found)
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/teams/{team}', tag: 'Teams', who: 'teamAdmin' },
    summary: "Change a team's settings; its name and bucket are for organisation admins",
    body: teamChange,
    answer: { status: 200, schema: team },
    async handle({ provisioning, caller, params, body: { storageBucket: bucket, ...rest }, ifMatch }) {
      const storage = bucket === undefined ? {} : { storage: bucket === null ? null : bucketOf(bucket) }
      const change = { plan: { ...given(rest), ...storage }, ...(ifMatch === undefined ? {} : { ifMatch }) }
      return answered((await changeTeam(provisioning, caller, params.team as GroupId, change).durable).value)
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams/{team}/archive', tag: 'Teams', who: 'orgAdmin' },
    summary: 'End all memberships of a team, and the keys of its service accounts, until it is restored',
    body: z.strictObject({}).meta({ examples: [{}] }),
    answer: { status: 200, schema: team },
    async handle({ provisioning, caller, params, ifMatch }) {
      const options = { archived: true, ...(ifMatch === undefined ? {} : { ifMatch }) }
      return answered((await setTeamArchived(provisioning, caller, params.team as GroupId, options).durable).value)
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams/{team}/restore', tag: 'Teams', who: 'orgAdmin' },
    summary: 'Bring back a team that is archived, or whose group was deleted within 30 days',
    body: restored,
    answer: { status: 200, schema: team },
    async handle({ ports, provisioning, orgId, caller, params, body, ifMatch }) {
      const id = params.team as GroupId
      const live = await ports.reads.teams.find(orgId, id)
      if (live === undefined) return answered(await restoreGroup(provisioning, caller, id, body.name).durable)
      const options = { archived: false, ...(ifMatch === undefined ? {} : { ifMatch }) }
      return answered((await setTeamArchived(provisioning, caller, id, options).durable).value)
    },
  }),
]

function answered(found: Team): RouteAnswer<z.input<typeof team>> {
  return { body: shownTeam(found), version: found.version }
}

function shownTeam(found: Team): z.input<typeof team> {
  const { id, name, version, created, updated, owner, memberCount, defaultRole, hidden, joinable, storage } = found
  return {
    ...{ id, name, version, created: shownTime(created), updated: shownTime(updated), managedBy: owner ?? null },
    ...{ memberCount, defaultRole, hidden, inviters: found.inviters, joinable, storageBucket: storage ?? null },
    ...{ archived: maybeTime(found.archivedAt), deleted: maybeTime(found.deletedAt) },
  }
}

/** Only what was given: an absent key changes nothing. */
function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function bucketOf(bucket: z.output<typeof storageBucket>): StorageBucket {
  return readStorageBucket(given(bucket))
}
