import type { Company, CompanyRule, Person, Team } from './plan.ts'

/** What a person should have: org role, team roles by name of the team, seats as wanted. */
export interface Expected {
  readonly orgRole: string | undefined
  readonly teamRoles: ReadonlyMap<string, string>
  readonly seats: ReadonlyMap<string, string>
}

const RANK: Readonly<Record<string, number>> = { none: 0, viewer: 1, member: 2, full: 2, admin: 3 }

interface Given {
  readonly kind: 'org' | 'seat' | 'team'
  readonly target: string
  readonly value: string
  readonly through: Team | undefined
}

/**
 * What the rules and groups come to for everybody, worked out anew and apart from the gateway's own code: nothing is
 * explicit here, so the highest of what groups and rules give counts, and a viewer of the organization is one everywhere.
 */
export function expectedOf(company: Company): ReadonlyMap<Person, Expected> {
  const expected = new Map<Person, Expected>()
  for (const person of company.people) {
    const teams = company.teams.filter(({ members }) => members.has(person))
    expected.set(person, person.active ? ofActive(company, teams) : NOTHING)
  }
  return expected
}

const NOTHING: Expected = { orgRole: undefined, teamRoles: new Map(), seats: new Map() }

function ofActive(company: Company, teams: readonly Team[]): Expected {
  const given = company.rules.filter(({ enabled }) => enabled).flatMap((rule) => givenBy(rule, teams))
  const orgRole = highest(given.filter(({ kind }) => kind === 'org')) ?? 'member'
  const isViewer = orgRole === 'viewer'
  const teamRoles = new Map<string, string>()
  const byId = new Map(company.teams.map((team) => [team.id, team]))
  const ids = new Set([
    ...teams.map(({ id }) => id),
    ...given.filter(({ kind }) => kind === 'team').map(({ target }) => target),
  ])
  for (const id of ids) {
    const ruled = given.filter(({ kind, target }) => kind === 'team' && target === id)
    const own = teams.some((team) => team.id === id) && !ruled.some(({ through }) => through?.id === id)
    const best = highest([...ruled, ...(own ? [{ value: 'member' }] : [])])!
    teamRoles.set(byId.get(id)!.displayName, isViewer ? 'viewer' : best)
  }
  const seats = new Map<string, string>()
  for (const product of ['models', 'weave']) {
    const best = highest(given.filter(({ kind, target }) => kind === 'seat' && target === product)) ?? 'full'
    seats.set(product, isViewer && best === 'full' ? 'viewer' : best)
  }
  return { orgRole, teamRoles, seats }
}

function givenBy(rule: CompanyRule, teams: readonly Team[]): readonly Given[] {
  const through = matches(rule, teams)
  return through.flatMap((team) =>
    rule.draft.grants.map((grant): Given => {
      if ('orgRole' in grant) return { kind: 'org', target: '', value: grant.orgRole, through: team }
      if ('seat' in grant) return { kind: 'seat', target: grant.seat, value: grant.type, through: team }
      return { kind: 'team', target: grant.team, value: grant.role, through: team }
    }),
  )
}

/** The groups of a person that a rule is for; nothing of a group for a rule that is for everyone. */
function matches({ draft: { match } }: CompanyRule, teams: readonly Team[]): readonly (Team | undefined)[] {
  const { kind, value = '', connection } = match
  if (kind === 'everyone') return [undefined]
  return teams.filter((team) => {
    if (connection !== undefined && connection !== team.idp) return false
    if (kind === 'externalId') return team.externalId === value
    if (kind === 'name') return team.displayName.toLowerCase() === value.toLowerCase()
    const [begin = '', end = ''] = value.split('*')
    return team.displayName.startsWith(begin) && team.displayName.endsWith(end)
  })
}

function highest(given: readonly { readonly value: string }[]): string | undefined {
  return given
    .map(({ value }) => value)
    .reduce<string | undefined>(
      (best, value) => (best === undefined || RANK[value]! > RANK[best]! ? value : best),
      undefined,
    )
}
