import { z } from 'zod'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { Membership, MembershipQuery } from '../domain/ports.ts'
import { getUser } from './known-user.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import { type Route, route, type RouteRequest } from './route.ts'

const membership = z.object({
  user: z.object({ id: z.uuid(), userName: z.string() }),
  team: z.object({ id: z.uuid(), name: z.string() }),
  role: z.string(),
  customRole: z.uuid().nullable(),
})

const filters = { team: z.uuid().optional(), user: z.uuid().optional() }

/** Who is in which team with which role: derived, so it is only read here. */
export const membershipRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/memberships', tag: 'Memberships', who: 'reader' },
    summary: 'List memberships, of all, of a team or of a person',
    query: z.strictObject({ ...filters, ...pageQuery }),
    answer: { status: 200, schema: pageOf(membership) },
    async handle(request) {
      const { team, user } = request.query
      const which = { ...(team === undefined ? {} : { team: team as GroupId }) }
      return { body: await pageMemberships(request, user === undefined ? which : { ...which, user: user as UserId }) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}/memberships', tag: 'Memberships', who: 'self' },
    summary: 'List the teams of a person',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(membership) },
    async handle(request) {
      const { id } = await getUser(request.ports, request.orgId, request.params.user)
      return { body: await pageMemberships(request, { user: id }) }
    },
  }),
]

type ListRequest = Pick<
  RouteRequest<string, { readonly cursor?: string | undefined; readonly limit: number }>,
  'ports' | 'orgId' | 'query'
>

async function pageMemberships(request: ListRequest, which: Omit<MembershipQuery, 'limit' | 'after'>) {
  const { ports, orgId, query } = request
  const list = `memberships ${which.user ?? ''} ${which.team ?? ''}`
  const after = afterOf<NonNullable<MembershipQuery['after']>>(request, list)
  const rows = await ports.reads.memberships.page(orgId, {
    ...which,
    limit: query.limit + 1,
    ...(after === undefined ? {} : { after }),
  })
  return cutPage(request, list, rows, { keyOf: ({ user, team }) => ({ user, team }), show: shownMembership })
}

function shownMembership(one: Membership): z.input<typeof membership> {
  return {
    user: { id: one.user, userName: one.userName },
    team: { id: one.team, name: one.teamName },
    ...{ role: one.roleName, customRole: one.customRole ?? null },
  }
}
