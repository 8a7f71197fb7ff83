/** How much a demo pushes. Both halves count: people and groups are split between the two identity providers. */
export interface DemoSize {
  readonly people: number
  readonly groups: number
}

/** What the store must hold when the demo has ended: members as user names, sorted, deactivated people among them. */
export interface ExpectedState {
  readonly users: readonly { readonly userName: string; readonly active: boolean }[]
  readonly groups: readonly { readonly displayName: string; readonly members: readonly string[] }[]
}

export interface PlannedPerson {
  /** Counted from 1 over both halves; everything about the person follows from it. */
  readonly number: number
  readonly userName: string
  readonly externalId: string
  readonly department: string
  /** Gets a new title after the creation, as an update of the profile. */
  readonly updated: boolean
  /** `off` ends deactivated, `offAndOn` is deactivated and taken back. */
  readonly leaving: 'no' | 'off' | 'offAndOn'
  /** User name of the manager, a person of the same half. */
  readonly manager: string | undefined
}

export interface PlannedGroup {
  readonly displayName: string
  readonly externalId: string
  readonly members: readonly string[]
  /** Somebody who is pushed into the group and taken out again. */
  readonly passing: string | undefined
}

/** What one identity provider pushes. */
export interface PlannedShare {
  readonly people: readonly PlannedPerson[]
  readonly groups: readonly PlannedGroup[]
}

export interface DemoPlan {
  readonly okta: PlannedShare
  readonly entra: PlannedShare
}

/** The size when nothing else is asked for. */
export const DEMO_SIZE: DemoSize = { people: 200, groups: 20 }

/** What names a person or group of the demo. */
export const DEMO_USER = /^demo-user-\d{3,}@example\.com$/u
export const DEMO_TEAM = /^demo-team-\d{2,}$/u

/** The same plan for the same size, always. Okta gets the first half, rounded up. */
export function planDemo(size: DemoSize = DEMO_SIZE): DemoPlan {
  const people = Math.ceil(size.people / 2)
  const groups = Math.ceil(size.groups / 2)
  return {
    okta: planShare({ people, groups }, { people: 0, groups: 0 }, oktaId),
    entra: planShare({ people: size.people - people, groups: size.groups - groups }, { people, groups }, entraId),
  }
}

/** What `runDemo` of that size leaves in the store. */
export function expectedState(size: DemoSize = DEMO_SIZE): ExpectedState {
  const plan = planDemo(size)
  const shares = [plan.okta, plan.entra]
  return {
    users: shares.flatMap((share) =>
      share.people.map(({ userName, leaving }) => ({ userName, active: leaving !== 'off' })),
    ),
    groups: shares.flatMap((share) =>
      share.groups.map(({ displayName, members }) => ({ displayName, members: [...members].sort() })),
    ),
  }
}

function planShare(
  size: DemoSize,
  before: DemoSize,
  externalId: (kind: 'user' | 'team', n: number) => string,
): PlannedShare {
  const people = Array.from({ length: size.people }, (_, index): PlannedPerson => {
    const number = before.people + index + 1
    return {
      number,
      userName: userName(number),
      externalId: externalId('user', number),
      department: `Department ${(index % 4) + 1}`,
      updated: index % 5 === 2,
      leaving: index % 10 === 3 ? 'off' : index % 10 === 7 ? 'offAndOn' : 'no',
      manager: index % 5 === 1 ? userName(number - 1) : undefined,
    }
  })
  const groups = Array.from({ length: size.groups }, (_, index): PlannedGroup => {
    const number = before.groups + index + 1
    const isMember = (person: number): boolean => belongs(person, index, size.groups)
    const passing = people.findIndex((_person, position) => !isMember(position))
    return {
      displayName: `demo-team-${String(number).padStart(2, '0')}`,
      externalId: externalId('team', number),
      members: people.filter((_person, position) => isMember(position)).map((person) => person.userName),
      passing: people[passing]?.userName,
    }
  })
  return { people, groups }
}

/** Everybody is in one group, every third person in the one before it too. */
function belongs(person: number, group: number, groups: number): boolean {
  return person % groups === group || (person % 3 === 0 && (person + groups - 1) % groups === group)
}

function userName(number: number): string {
  return `demo-user-${String(number).padStart(3, '0')}@example.com`
}

/** Okta's ids are 20 characters that start with 00u (people) or 00g (groups). */
function oktaId(kind: 'user' | 'team', number: number): string {
  return `${kind === 'user' ? '00u' : '00g'}demo${String(number).padStart(13, '0')}`
}

/** Entra's ids are GUIDs. */
function entraId(kind: 'user' | 'team', number: number): string {
  return `00000000-0000-4000-${kind === 'user' ? '8' : '9'}000-${String(number).padStart(12, '0')}`
}
