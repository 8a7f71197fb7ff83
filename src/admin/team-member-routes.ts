import { z } from 'zod'
import type { GroupId, UserId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import type { TeamMember } from '../domain/team.ts'
import {
  addTeamMember,
  changeTeamMember,
  removeTeamMember,
  type TeamMemberState,
} from '../provisioning/team-members.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import { type Route, route, textOf } from './route.ts'

const member = z.object({
  ...{ id: z.uuid(), userName: z.string(), displayName: z.string().nullable(), accountType: z.string() },
  status: z.enum(['pending', 'active', 'deactivated']),
  role: z.string().nullable().meta({ description: 'The effective role, a custom one by its name' }),
  baseRole: z.string().nullable().meta({ description: 'The built-in role, or the one a custom role starts from' }),
  source: z.string().nullable().meta({ description: 'What gave the role: explicit, member or rule, and its id' }),
  origins: z.array(z.string()).meta({ description: 'Who stated it: scim, manual, …; empty where a rule alone did' }),
})

const state = z.object({ user: z.uuid(), role: z.string().nullable(), changed: z.boolean() })

const person = textOf(256).meta({ description: 'Id, userName or primary e-mail address' })

const newMember = z
  .strictObject({ person, role: textOf(256).optional() })
  .meta({ examples: [{ person: 'ann@example.com', role: 'member' }] })

const memberChange = z
  .strictObject({
    role: textOf(256).nullable().meta({ description: 'null takes the explicit role away' }),
    successor: person.optional().meta({ description: 'Who becomes admin in place of a last one who steps down' }),
  })
  .meta({ examples: [{ role: 'viewer' }] })

/** Who is in a team. */
export const teamMemberRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/teams/{team}/members', tag: 'Teams', who: 'teamReader' },
    summary: 'List the members of a team, by derivation and by fact',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(member) },
    async handle(request) {
      const { ports, orgId, params, query } = request
      const id = params.team as GroupId
      if ((await ports.reads.teams.find(orgId, id)) === undefined) {
        throw new DomainError('not-found', `Team ${id} not found`)
      }
      const list = `members ${id}`
      const after = afterOf<UserId>(request, list)
      const rows = await ports.reads.teams.members(orgId, id, after, query.limit + 1)
      return { body: cutPage(request, list, rows, { keyOf: (row) => row.id, show: shownMember }) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams/{team}/members', tag: 'Teams', who: 'teamReader' },
    summary: 'Add a person of the organisation to a team',
    body: newMember,
    answer: { status: 200, schema: state },
    async handle({ provisioning, caller, params, body: { person: said, role } }) {
      const plan = { person: said, ...(role === undefined ? {} : { role }) }
      return { body: shownState(await addTeamMember(provisioning, caller, params.team as GroupId, plan).durable) }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/teams/{team}/members/{user}', tag: 'Teams', who: 'teamAdmin' },
    summary: 'Give a member an explicit role, or take it away',
    body: memberChange,
    answer: { status: 200, schema: state },
    async handle({ provisioning, caller, params, body: { role, successor } }) {
      const plan = { person: params.user, role, ...(successor === undefined ? {} : { successor }) }
      return { body: shownState(await changeTeamMember(provisioning, caller, params.team as GroupId, plan).durable) }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/teams/{team}/members/{user}', tag: 'Teams', who: 'teamReader' },
    summary: 'Take a person who was added by hand out of a team; people may leave themselves',
    query: z.strictObject({ successor: person.optional() }),
    answer: { status: 200, schema: state },
    async handle({ provisioning, caller, params, query: { successor } }) {
      const plan = { person: params.user, ...(successor === undefined ? {} : { successor }) }
      return { body: shownState(await removeTeamMember(provisioning, caller, params.team as GroupId, plan).durable) }
    },
  }),
]

function shownState({ user, role, changed }: TeamMemberState): z.input<typeof state> {
  return { user, role: role ?? null, changed }
}

function shownMember(found: TeamMember): z.input<typeof member> {
  const { id, userName, displayName, accountType, status, role, baseRole, source, origins } = found
  return {
    ...{ id, userName, displayName: displayName ?? null, accountType, status, origins: [...origins] },
    ...{ role: role ?? null, baseRole: baseRole ?? null, source: source ?? null },
  }
}
