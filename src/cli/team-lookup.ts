import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { type GroupId, isId, type OrgId } from '../domain/ids.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { TeamQuery } from '../domain/team-ports.ts'
import type { Team } from '../domain/team.ts'
import type { Operator } from './ports.ts'

const PAGE = 500

/** The local operator acting in an org. */
export function operatorIn(operator: Operator, orgId: OrgId): Caller {
  return { orgId, connection: undefined, ...operator.operation() }
}

/**
 * The live team of an org that a command names by id, or by name in any case.
 * @throws DomainError `not-found`
 */
export async function getTeam({ reads }: Operator, org: OrgSummary, name: string): Promise<Team> {
  const found = isId(name) ? await reads.teams.find(org.id, name as GroupId) : await reads.teams.named(org.id, name)
  if (found !== undefined) return found
  throw new DomainError(
    'not-found',
    `The organisation "${org.name}" has no team "${name}"; see: rollcall team list --org ${org.id}`,
  )
}

/** A deleted team by id, or the one of that name that was deleted last. @throws DomainError `not-found` */
export async function getDeletedTeam(operator: Operator, org: OrgSummary, name: string): Promise<Team> {
  const key = fold(name)
  let found: Team | undefined
  for (const team of await listTeams(operator, org.id, { state: 'deleted' })) {
    if (team.id !== name && fold(team.name) !== key) continue
    if (found === undefined || (team.deletedAt ?? 0) > (found.deletedAt ?? 0)) found = team
  }
  if (found !== undefined) return found
  throw new DomainError(
    'not-found',
    `The organisation "${org.name}" has no archived or deleted team "${name}"; see: rollcall team list --deleted --org ${org.id}`,
  )
}

/** Every team of a query. */
export async function listTeams(
  { reads }: Operator,
  orgId: OrgId,
  query: Omit<TeamQuery, 'after' | 'limit'>,
): Promise<readonly Team[]> {
  const teams: Team[] = []
  for (let after: number | undefined; ;) {
    const page = await reads.teams.page(orgId, { ...query, ...(after === undefined ? {} : { after }), limit: PAGE })
    teams.push(...page)
    if (page.length < PAGE) return teams
    after = page.at(-1)?.ord
  }
}
