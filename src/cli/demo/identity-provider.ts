import type { PlannedGroup, PlannedPerson } from './plan.ts'

/** How one kind of identity provider does each step of provisioning. Ids are the gateway's. */
export interface IdentityProvider {
  /** What its "Test connection" button sends. */
  readonly test: () => Promise<void>
  /** Matches the person, creates or updates; answers the id. */
  readonly pushPerson: (person: PlannedPerson) => Promise<string>
  /** A change of the profile after the creation; `idOf` gives the id of a person of the same half. */
  readonly updatePerson: (person: PlannedPerson, id: string, idOf: (userName: string) => string) => Promise<void>
  readonly setActive: (person: PlannedPerson, id: string, active: boolean) => Promise<void>
  /** Matches the group, creates it or not, and brings its members to the plan. */
  readonly pushGroup: (group: PlannedGroup, idOf: (userName: string) => string) => Promise<void>
}
