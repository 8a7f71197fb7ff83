import type { RuleDraft } from '../../../src/provisioning/rule-draft.ts'

/** How much of a company is played. */
export interface CompanySize {
  /** People at the start, half of each identity provider. */
  readonly people: number
  readonly groups: number
  readonly rules: number
  readonly days: number
  /** People who join, move, leave and come back on a day, each. */
  readonly turnover: number
  readonly seed: number
}

/** A month of a company of 5,000 for the long run, a week of a small one otherwise. */
export const SIZE: CompanySize =
  process.env['ROLLCALL_COMPANY'] === 'long'
    ? { people: 5_000, groups: 120, rules: 40, days: 30, turnover: 25, seed: 20 }
    : { people: 60, groups: 12, rules: 10, days: 6, turnover: 3, seed: 20 }

export type Idp = 'okta' | 'entra'

export interface Person {
  readonly idp: Idp
  readonly userName: string
  readonly externalId: string
  active: boolean
  /** The gateway's, once pushed. */
  id: string
}

export interface Team {
  readonly idp: Idp
  displayName: string
  readonly externalId: string
  readonly members: Set<Person>
  id: string
}

/** A rule of the company. Once it is made it names its teams by id, so that it outlives their renaming. */
export interface CompanyRule {
  draft: RuleDraft
  enabled: boolean
  id: string
}

/** What the identity providers and the admins want: the gateway is compared with it at the end. */
export interface Company {
  readonly people: Set<Person>
  readonly teams: Team[]
  readonly rules: CompanyRule[]
  /** Never leaves, and stays in the group of the leads: an org with admins keeps one. */
  readonly founder: Person
}

/** A number in [0, 1) after the other, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!
}

let made = 0

/** Somebody who joins. Okta's ids are 20 characters, Entra's are GUIDs. */
export function newPerson(idp: Idp): Person {
  made += 1
  const number = String(made)
  const externalId =
    idp === 'okta' ? `00uc${number.padStart(16, '0')}` : `00000000-0000-4000-8000-${number.padStart(12, '0')}`
  return { idp, userName: `person-${number}@${idp}.example.com`, externalId, active: true, id: '' }
}

/** The name of a group; the first of Entra's holds the leads. */
export function teamName(idp: Idp, number: number): string {
  return idp === 'entra' && number === 0 ? 'entra-leads' : `${idp}-team-${String(number).padStart(3, '0')}`
}

/** A company before its first day. */
export function foundCompany(size: CompanySize, random: () => number): Company {
  const teams: Team[] = []
  for (let number = 0; number < size.groups; number++) {
    const idp: Idp = number % 2 === 0 ? 'entra' : 'okta'
    const externalId =
      idp === 'okta'
        ? `00gc${String(number).padStart(16, '0')}`
        : `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`
    teams.push({ idp, displayName: teamName(idp, number), externalId, members: new Set(), id: '' })
  }
  const people = new Set<Person>()
  for (let n = 0; n < size.people; n++) people.add(newPerson(n % 2 === 0 ? 'entra' : 'okta'))
  const [founder] = people
  for (const person of people) joinTeams(teams, person, random)
  teams[0]!.members.clear()
  teams[0]!.members.add(founder!)
  return { people, teams, rules: rulesOf(size, teams), founder: founder! }
}

/** Everybody is in one group of their own identity provider's, every third person in another one too. */
export function joinTeams(teams: readonly Team[], person: Person, random: () => number): void {
  const own = teams.filter(({ idp, displayName }) => idp === person.idp && displayName !== 'entra-leads')
  pick(own, random).members.add(person)
  if (random() < 1 / 3) pick(own, random).members.add(person)
}

/** Rules of every kind: the leads are admins, everybody has a seat, and groups give roles in teams of other groups. */
function rulesOf(size: CompanySize, teams: readonly Team[]): CompanyRule[] {
  const fixed: readonly RuleDraft[] = [
    { match: { kind: 'name', value: 'entra-leads', connection: 'entra' }, grants: [{ orgRole: 'admin' }] },
    { match: { kind: 'everyone' }, grants: [{ seat: 'weave', type: 'viewer' }] },
    {
      match: { kind: 'glob', value: 'okta-team-*1' },
      grants: [
        { seat: 'weave', type: 'full' },
        { seat: 'models', type: 'viewer' },
      ],
    },
    { match: { kind: 'glob', value: 'okta-team-*3' }, grants: [{ orgRole: 'viewer' }] },
  ]
  const drafts = [...fixed]
  for (let n = fixed.length; n < size.rules; n++) {
    // Not the leads: everybody else's group gives a role in a team of another one, or lowers it in its own.
    const from = teams[1 + ((n * 7) % (teams.length - 1))]!
    const to = n % 5 === 0 ? from : teams[1 + ((n * 11) % (teams.length - 1))]!
    const role = (['admin', 'viewer', 'member'] as const)[n % 3]!
    const match =
      n % 4 === 1
        ? ({ kind: 'externalId', value: from.externalId, connection: from.idp } as const)
        : ({ kind: 'name', value: from.displayName } as const)
    if (drafts.some((draft) => JSON.stringify(draft.match) === JSON.stringify(match))) continue
    drafts.push({ match, grants: [{ team: to.displayName, role }] })
  }
  return drafts.map((draft, n) => ({ draft: { ...draft, name: `rule ${n}` }, enabled: true, id: '' }))
}
