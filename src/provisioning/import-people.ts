import type { Access, AccessWish } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { equalJson } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { ReadStores } from '../domain/ports.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import type { Team } from '../domain/team.ts'
import { emailsOf, primaryEmail, type User, type UserAttributes, type UserState } from '../domain/user.ts'
import { changeUser } from './change-user.ts'
import { createUser } from './create-user.ts'
import { findUserNamed } from './find-person.ts'
import type { ImportRow, LineProblem } from './import-rows.ts'
import type { Provisioning } from './provisioning.ts'
import { shownName } from './shown-person.ts'

/** What a row comes to. */
export interface PlannedRow {
  readonly row: ImportRow
  /** The person who has the userName; undefined where one is to be made. */
  readonly user: UserId | undefined
  readonly act: 'create' | 'change' | 'same'
  /** What a new person has without anything being said. */
  readonly byDefault: Access
}

export interface ImportPlan {
  readonly planned: readonly PlannedRow[]
  readonly problems: readonly LineProblem[]
}

type PlanReads = Pick<ReadStores, 'users' | 'teams' | 'roles' | 'orgs'>

/** People looked up at a time. */
const BATCH = 100

/**
 * What rows would do to an org, without writing: who is made, who is changed, who is so already, and which lines name a
 * team, role or product that is not there. People who are not in the file are left alone, and nobody leaves a team.
 */
export async function planImport(reads: PlanReads, orgId: OrgId, rows: readonly ImportRow[]): Promise<ImportPlan> {
  const planner = await Planner.of(reads, orgId)
  for (let start = 0; start < rows.length; start += BATCH) await planner.plan(rows.slice(start, start + BATCH))
  return planner
}

class Planner implements ImportPlan {
  readonly #reads: PlanReads
  readonly #orgId: OrgId
  readonly #policy: OrgPolicy
  readonly #roles: ReadonlySet<string>
  readonly #byDefault: Access
  readonly #teams = new Map<string, Promise<Team | undefined>>()
  readonly planned: PlannedRow[] = []
  readonly problems: LineProblem[] = []

  private constructor(reads: PlanReads, orgId: OrgId, known: { policy: OrgPolicy; roles: ReadonlySet<string> }) {
    this.#reads = reads
    this.#orgId = orgId
    this.#policy = known.policy
    this.#roles = known.roles
    this.#byDefault = {
      accountType: 'USER',
      organizationRole: known.policy.defaultOrgRole,
      seats: known.policy.defaultSeats,
      teamRoles: [],
      registryRoles: [],
    }
  }

  static async of(reads: PlanReads, orgId: OrgId): Promise<Planner> {
    const viewer = { connectionId: undefined, kind: 'script' } as const
    const all = { filter: undefined, sort: undefined, startIndex: 1, count: 1_000, viewer }
    const roles = (await reads.roles.page(orgId, all)).rows.map(({ name }) => name)
    return new Planner(reads, orgId, { policy: await reads.orgs.policy(orgId), roles: new Set(roles) })
  }

  async plan(rows: readonly ImportRow[]): Promise<void> {
    const found: (User | undefined)[] = []
    for (const { userName } of rows) found.push(await findUserNamed(this.#reads, this.#orgId, userName))
    const users = found.filter((user) => user !== undefined)
    const standing = await this.#reads.users.standingOf(this.#orgId, users)
    for (const [index, row] of rows.entries()) {
      const user = found[index]
      await this.#planRow(row, user, user && standing.get(user.id)?.access)
    }
  }

  async #planRow(row: ImportRow, user: User | undefined, access: Access | undefined): Promise<void> {
    const before = this.problems.length
    if (user !== undefined && user.accountType !== 'USER') this.#refuse(row, 'is a service account, and no person')
    for (const product of row.seats.keys()) {
      if (!this.#policy.defaultSeats.has(product)) this.#refuse(row, `there is no product ${shown(product)}`)
    }
    const mine = new Set(access?.teamRoles.map(({ teamName }) => fold(teamName)))
    for (const [name, role] of row.teams) await this.#checkTeam(row, { name, role, isIn: mine.has(fold(name)) })
    if (this.problems.length > before) return
    const act = user === undefined ? 'create' : this.#changes(row, user, access) ? 'change' : 'same'
    this.planned.push({ row, user: user?.id, act, byDefault: this.#byDefault })
  }

  async #checkTeam(
    row: ImportRow,
    { name, role, isIn }: { readonly name: string; readonly role: string | undefined; readonly isIn: boolean },
  ): Promise<void> {
    const key = fold(name)
    const asked = this.#teams.get(key) ?? this.#reads.teams.named(this.#orgId, name)
    this.#teams.set(key, asked)
    const team = await asked
    if (team === undefined) this.#refuse(row, `there is no team ${shown(name)}`)
    else if (team.archivedAt !== undefined) this.#refuse(row, `the team ${shown(name)} is archived`)
    else if (team.owner !== undefined && !isIn && !this.#policy.settings.scriptMayAddToIdpTeams) {
      this.#refuse(row, `the team ${shown(name)} is managed by a group of an identity provider`)
    }
    if (role === undefined || isBuiltInRole(fold(role)) || this.#roles.has(role)) return
    this.#refuse(row, `there is no role ${shown(role)}; case counts in custom ones`)
  }

  #changes(row: ImportRow, user: User, access: Access | undefined): boolean {
    const state: UserState = {
      attributes: user.attributes,
      active: user.status !== 'deactivated',
      externalId: user.externalId,
      ...(access === undefined ? {} : { access }),
    }
    const wanted = wantedState(state, row)
    const isSame = state.active === wanted.active && equalJson(state.attributes, wanted.attributes)
    return !isSame || (wanted.wishes ?? []).length > 0
  }

  #refuse({ line }: ImportRow, problem: string): void {
    this.problems.push({ line, problem })
  }
}

/**
 * Does what a row says; a row that is so already changes nothing, so a run that was cut off is simply run again.
 * @returns what it came to
 */
export async function importRow(
  provisioning: Provisioning,
  caller: Caller,
  { row, user, byDefault }: PlannedRow,
): Promise<PlannedRow['act']> {
  if (user === undefined) {
    const made = { attributes: { userName: row.userName }, active: true, externalId: undefined, access: byDefault }
    const { access: _assumed, ...draft } = wantedState(made, row)
    await createUser(provisioning, caller, draft).durable
    return 'create'
  }
  const change = (current: UserState): UserState => wantedState(current, row)
  const { changed } = await changeUser(provisioning, caller, user, { method: 'PATCH', readsAccess: true, change })
    .durable
  return changed ? 'change' : 'same'
}

/** A state as a row wants it: what the person has already, by whatever gives it, is not stated again. */
function wantedState(current: UserState, row: ImportRow): UserState {
  const attributes = attributesOf(current.attributes, row)
  return { ...current, active: row.active ?? current.active, attributes, wishes: wishesOf(row, current.access) }
}

function wishesOf({ orgRole, seats, teams }: ImportRow, access: Access | undefined): readonly AccessWish[] {
  const wishes: AccessWish[] = []
  if (orgRole !== undefined && orgRole !== access?.organizationRole) wishes.push({ kind: 'org_role', value: orgRole })
  for (const [product, value] of seats) {
    if (access?.seats.get(product) !== value) wishes.push({ kind: 'seat', product, value })
  }
  return [...wishes, ...teamWishes(teams, access?.teamRoles ?? [])]
}

function teamWishes(teams: ImportRow['teams'], has: Access['teamRoles']): readonly AccessWish[] {
  const held = new Map(has.map(({ teamName, roleName }) => [fold(teamName), roleName]))
  return [...teams].flatMap(([teamName, role]): AccessWish[] => {
    const now = held.get(fold(teamName))
    if (role !== undefined && role !== now && fold(role) !== now) return [{ kind: 'team_role', teamName, value: role }]
    return now === undefined ? [{ kind: 'join', teamName }] : []
  })
}

function attributesOf(attributes: UserAttributes, { name, email }: ImportRow): UserAttributes {
  const isNamed = name === undefined || shownName({ attributes } as User) === name
  const isReached = email === undefined || primaryEmail(attributes) === email
  return {
    ...attributes,
    ...(isNamed ? {} : { displayName: name }),
    ...(isReached ? {} : { emails: emailsWith(attributes, email) }),
  }
}

/** The addresses with another primary one; the others stay. */
function emailsWith(attributes: UserAttributes, email: string) {
  const others = emailsOf(attributes).filter(({ primary, value }) => primary !== true && value !== email)
  return [{ value: email, type: 'work', primary: true }, ...others]
}

function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

/** Why a row could not be done, as a sentence; a failure that is nobody's input is thrown on. */
export function importProblem({ line }: ImportRow, error: unknown): LineProblem {
  if (error instanceof DomainError && error.code !== 'unavailable') return { line, problem: error.message }
  throw error
}
