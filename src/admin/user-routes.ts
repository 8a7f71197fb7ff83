import { z } from 'zod'
import { ORG_ROLES } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import { type ConnectionId, type GroupId, type OrgId, type UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import { changeUser } from '../provisioning/change-user.ts'
import { createUser } from '../provisioning/create-user.ts'
import { deleteUser } from '../provisioning/delete-user.ts'
import {
  listPeople,
  PEOPLE_SORTS,
  type PeopleCursor,
  type PeopleSort,
  withStanding,
} from '../provisioning/list-people.ts'
import { peopleCsv } from '../provisioning/people-csv.ts'
import { changedState, newState } from '../provisioning/person-draft.ts'
import { type PersonFlag, setPersonFlag } from '../provisioning/person-flags.ts'
import { getUser } from './known-user.ts'
import { afterOf, nextCursor, pageOf, pageQuery } from './page.ts'
import type { AdminPorts } from './ports.ts'
import { type Route, route, type RouteAnswer } from './route.ts'
import { newUser, userPatch } from './user-body.ts'
import { type ShownUser, shownUser, user } from './user-shape.ts'

const sort = z.enum(PEOPLE_SORTS.flatMap((name) => [name, `-${name}`] as const))

const which = {
  search: z.string().trim().min(1).max(256).optional().meta({ description: 'Within name, userName or e-mail' }),
  status: z.enum(['pending', 'active', 'deactivated']).optional(),
  orgRole: z.enum(ORG_ROLES).optional(),
  team: z.uuid().optional().meta({ description: "Direct members of this team's group" }),
  owner: z
    .union([z.uuid(), z.literal('none')])
    .optional()
    .meta({ description: 'Connection that manages them' }),
}

const usersQuery = z.strictObject({
  ...which,
  sort: sort.optional().meta({ description: 'With a minus, descending' }),
  ...pageQuery,
})

const RIGHTS = new Map<string, PersonFlag>([
  ['billingAdmin', 'billing_admin'],
  ['auditor', 'auditor'],
  ['breakGlass', 'break_glass'],
])

const CSV = 'text/csv; charset=utf-8; header=present'

/** People and service accounts. */
export const userRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/users', tag: 'Users', summary: 'List people, or search them', who: 'reader' },
    query: usersQuery,
    answer: { status: 200, schema: pageOf(user).extend({ total: z.number().int() }) },
    async handle(request) {
      const { ports, orgId, query } = request
      const page = await listPeople(ports.reads, orgId, {
        ...whichOf(query),
        sort: sortOf(query.sort),
        limit: query.limit,
        after: afterOf<PeopleCursor>(request, 'users'),
      })
      const next = nextCursor(request, 'users', page.next)
      return { body: { items: page.people.map(shownUser), next, total: page.total } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/users.csv', tag: 'Users', who: 'reader' },
    summary: 'Export people as CSV: user name, name, e-mail, org role, seats, teams, status, last active',
    query: z.strictObject(which),
    answer: { status: 200, media: CSV },
    handle({ ports, orgId, query }) {
      const headers = { 'Content-Disposition': 'attachment; filename="users.csv"' }
      return Promise.resolve({ headers, pieces: peopleCsv(ports.reads, orgId, whichOf(query)) })
    },
  }),
  route({
    ...{ method: 'POST', path: '/users', tag: 'Users', summary: 'Make a person', who: 'orgAdmin' },
    body: newUser,
    answer: { status: 201, schema: user },
    async handle({ ports, provisioning, caller, orgId, body }) {
      const made = await createUser(provisioning, caller, newState(body)).durable
      const headers = { Location: `${ports.publicUrl}/api/v1/users/${made.id}` }
      return { ...(await answerUser(ports, orgId, made)), headers }
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}', tag: 'Users', summary: 'Show a person', who: 'self' },
    answer: { status: 200, schema: user },
    async handle({ ports, orgId, params }) {
      return answerUser(ports, orgId, await getUser(ports, orgId, params.user))
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/users/{user}', tag: 'Users', who: 'orgAdmin' },
    summary: 'Change a person: profile, org role, seats; deactivate and reactivate with active',
    body: userPatch,
    answer: { status: 200, schema: user },
    async handle({ ports, provisioning, caller, orgId, params, body, ifMatch }) {
      const { value } = await changeUser(provisioning, caller, params.user as UserId, {
        method: 'PATCH',
        change: (current) => changedState(current, body),
        ...(ifMatch === undefined ? {} : { ifMatch }),
      }).durable
      return answerUser(ports, orgId, value)
    },
  }),
  route({
    ...{ method: 'PUT', path: '/users/{user}/rights/{right}', tag: 'Users', who: 'orgAdmin', texts: ['right'] },
    isDangerous: true,
    summary: 'Make a person a billing admin (billingAdmin), an auditor (auditor) or a break-glass account, or end it',
    body: z.strictObject({ on: z.boolean() }).meta({ examples: [{ on: true }] }),
    answer: { status: 204 },
    async handle({ provisioning, caller, params, body }) {
      const flag = RIGHTS.get(params.right)
      if (flag === undefined) throw new DomainError('not-found', 'The rights are billingAdmin, auditor and breakGlass')
      await setPersonFlag(provisioning, caller, params.user as UserId, { flag, on: body.on }).durable
      return {}
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/users/{user}', tag: 'Users', who: 'orgAdmin' },
    summary: 'Delete a person; within 30 days they can be restored',
    answer: { status: 204 },
    async handle({ provisioning, caller, params, ifMatch }) {
      const options = { method: 'DELETE', ...(ifMatch === undefined ? {} : { ifMatch }) } as const
      await deleteUser(provisioning, caller, params.user as UserId, options).durable
      return {}
    },
  }),
]

type Which = z.output<z.ZodObject<typeof which>>

function whichOf({ search, status, orgRole, team, owner }: Which) {
  return {
    ...{
      search,
      status,
      orgRole,
      team: team as GroupId | undefined,
      owner: owner as ConnectionId | 'none' | undefined,
    },
  }
}

function sortOf(text: string | undefined): { by: PeopleSort; descending: boolean } | undefined {
  if (text === undefined) return undefined
  const descending = text.startsWith('-')
  return { by: (descending ? text.slice(1) : text) as PeopleSort, descending }
}

async function answerUser({ reads }: AdminPorts, orgId: OrgId, of: User): Promise<RouteAnswer<ShownUser>> {
  const [listed] = await withStanding(reads, orgId, [of])
  return { body: shownUser(listed!), version: of.version }
}
