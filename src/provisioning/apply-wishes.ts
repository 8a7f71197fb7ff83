import { ORG_ROLES, type AccessWish, type OrgRole } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { JsonObject } from '../domain/json.ts'
import type { GroupId } from '../domain/ids.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { SeatType } from '../domain/seat.ts'
import type { User } from '../domain/user.ts'
import type { GrantKey, NamedTeam, WriteStores } from '../domain/write-ports.ts'
import { adminNotGrantable, adminUntouchable, isOrgAdmin, mayGrantAdmin } from './admin-guard.ts'
import { currentAccess } from './current-access.ts'
import type { GrantOutcome, Subject } from './grant-outcome.ts'
import { joinAsNew, joinTeam } from './join-team.ts'
import { mailAdmins } from './mail-admins.ts'
import { type RoleDemand, roleDemand, saysRoles } from './recognised-roles.ts'
import { accountTypeFixed, checkService } from './service-account.ts'
import { roleNames, teamRoleNamed } from './team-roles.ts'

const SEATS = ['full', 'viewer', 'none']
/** @throws DomainError `invalid-value` for a seat that people of the role may not have */
function checkSeatType(wish: AccessWish, role: OrgRole, allowed: readonly SeatType[]): void {
  const type = wish.kind === 'seat' && wish.value !== undefined ? fold(wish.value) : 'none'
  if (allowed.some((each) => each === type)) return
  const named =
    role === 'viewer'
      ? 'A viewer of the organization'
      : `${role === 'admin' ? 'An admin' : 'A member'} of this organization`
  throw new DomainError('invalid-value', `${named} can have no ${type} seat; ask for ${allowed.join(' or ')}.`)
}

/** Whether people of some role may not have the seat, so that their role has to be known. */
function isLimited(wish: AccessWish, allowed: Readonly<Record<OrgRole, readonly SeatType[]>>): boolean {
  const type = wish.kind === 'seat' && wish.value !== undefined ? fold(wish.value) : 'none'
  return ORG_ROLES.some((role) => !allowed[role].some((each) => each === type))
}

/** Both are part of an index's key. */
const MAX_REGISTRY_NAME = 256
const MAX_REGISTRY_ROLE = 128

/**
 * Sets and clears explicit values on a person: those a client wishes, and the org role that changed `roles` and
 * `entitlements` name. The caller reconciles afterwards. Service accounts have what they were made with: of them only that
 * can be said.
 * @throws DomainError `invalid-value` (unknown role, seat or team), `forbidden` (admin), `mutability` (accountType)
 */
export async function applyWishes(
  stores: WriteStores,
  caller: Caller,
  subject: Subject,
  wishes: readonly AccessWish[],
): Promise<GrantOutcome> {
  if (subject.after.accountType !== 'USER') return checkService(stores, caller, subject, wishes)
  const run = new Granting(stores, caller, subject)
  await run.rolesOf()
  for (const wish of wishes) await run.grant(wish)
  await run.check(wishes)
  return run
}

class Granting implements GrantOutcome {
  readonly #stores: WriteStores
  readonly #caller: Caller
  readonly #subject: Subject
  readonly changes: RecordChange[] = []
  readonly targets: RecordTarget[] = []
  readonly steps: JsonObject[] = []
  /** Explicit values by kind and target; read when first asked for. */
  #held: Map<string, string> | undefined
  readonly #joined = new Set<GroupId>()
  #roleChanged = false

  constructor(stores: WriteStores, caller: Caller, subject: Subject) {
    this.#stores = stores
    this.#caller = caller
    this.#subject = subject
    // Nothing was ever stated of somebody who is just made.
    if (subject.before === undefined) this.#held = new Map()
  }

  async rolesOf(): Promise<void> {
    const demand = await this.#roleDemand()
    if (demand === undefined) return
    const { set, end = [], withheld, gone } = demand
    if (withheld !== undefined) await this.#withhold(withheld)
    else if (gone) await this.#stores.grants.release(this.#caller.orgId, this.#subject.after.id)
    if (set !== undefined) return this.#orgRole(set)
    const now = end.length === 0 ? undefined : await this.#explicit({ kind: 'org_role', target: '' })
    if (end.some((role) => role === now)) await this.#orgRole(undefined)
  }

  async #roleDemand(): Promise<RoleDemand | undefined> {
    const { before, after, namesRoles = false } = this.#subject
    // Most people have none of it, and what it would mean is then not asked.
    if (!saysRoles(before?.attributes) && !saysRoles(after.attributes)) return undefined
    const { settings } = await this.#stores.orgs.policy(this.#caller.orgId)
    const mayGrant = mayGrantAdmin(this.#caller)
    // An unchanged value is no change to an admin, whoever names it.
    const isShielded = async (user: User) => !mayGrant && (await isOrgAdmin(this.#stores, this.#caller.orgId, user))
    const restated = namesRoles && before !== undefined && !(await isShielded(before))
    const statement = { before: before?.attributes, after: after.attributes, restated, names: settings.recognisedRoles }
    return roleDemand(statement, mayGrant)
  }

  async #withhold(attribute: string): Promise<void> {
    const { orgId, connection } = this.#caller
    this.steps.push({ name: 'withheld', attribute, value: 'admin', reason: 'admin.not-grantable' })
    if (connection === undefined) return
    const { grants, now } = this.#stores
    const { id, attributes } = this.#subject.after
    if (!(await grants.withhold(orgId, id, { attribute, connection: connection.id, at: now }))) return
    const { userName } = attributes
    await mailAdmins(this.#stores, orgId, connection.id, { kind: 'admin-withheld', userName })
  }

  async grant(wish: AccessWish): Promise<void> {
    switch (wish.kind) {
      case 'org_role':
        return this.#orgRole(wish.value === undefined ? undefined : oneOf(ORG_ROLES, wish.value, 'organizationRole'))
      case 'seat': {
        const { product, value } = wish
        const seat = value === undefined ? undefined : oneOf(SEATS, value, `The seat of ${product}`)
        return this.#put({ kind: 'seat', target: product }, seat, (each) => ({ path: `seats.${product}`, value: each }))
      }
      case 'team_role':
        return this.#teamRole(wish.teamName, wish.value)
      case 'registry_role':
        return this.#registryRole(wish.registryName, wish.value)
      case 'join':
        return this.#join(wish.teamName)
      case 'account_type':
        return this.#accountType(wish.value)
      case 'default_team':
        throw new DomainError('invalid-value', 'Only service accounts have a defaultTeam; name the teams in teams.', {
          params: { path: 'defaultTeam' },
        })
    }
  }

  /** What can only be seen when all is set. */
  async check(wishes: readonly AccessWish[]): Promise<void> {
    const seats = wishes.filter(
      (wish) => wish.kind === 'seat' && wish.value !== undefined && fold(wish.value) !== 'none',
    )
    const guarded = this.#roleChanged && !mayGrantAdmin(this.#caller)
    const { orgId } = this.#caller
    const policy = seats.length === 0 ? undefined : await this.#stores.orgs.policy(orgId)
    const limited = policy === undefined ? [] : seats.filter((seat) => isLimited(seat, policy.settings.seatTypes))
    if (limited.length === 0 && !guarded) return
    // As if inactive, so that it is computed from the facts: the derived rows are not written yet.
    const { organizationRole } = await currentAccess(this.#stores, orgId, {
      ...this.#subject.after,
      status: 'deactivated',
    })
    if (policy !== undefined && organizationRole !== undefined) {
      for (const seat of limited) checkSeatType(seat, organizationRole, policy.settings.seatTypes[organizationRole])
    }
    if (guarded && organizationRole === 'admin') throw adminNotGrantable()
  }

  async #orgRole(value: string | undefined): Promise<void> {
    const key: GrantKey = { kind: 'org_role', target: '' }
    const { orgId } = this.#caller
    const { before, after } = this.#subject
    if ((await this.#explicit(key)) === value) return
    if (!mayGrantAdmin(this.#caller)) {
      const isAdmin = before !== undefined && (await isOrgAdmin(this.#stores, orgId, before))
      // Said again of an admin, it is an unchanged value.
      if (value === 'admin' && isAdmin) return
      if (value === 'admin') throw adminNotGrantable()
      if (isAdmin) throw adminUntouchable('organizationRole')
    }
    this.#roleChanged = true
    if (value === 'admin') await this.#stores.grants.release(orgId, after.id)
    await this.#put(key, value, (each) => ({ path: 'organizationRole', value: each }))
  }

  async #teamRole(teamName: string, value: string | undefined): Promise<void> {
    const team = await this.#stores.grants.teamNamed(this.#caller.orgId, teamName)
    if (team === undefined || team.archived) {
      if (value === undefined) return
      throw unknownTeam(teamName)
    }
    const { orgId } = this.#caller
    const key: GrantKey = { kind: 'team_role', target: team.id }
    const role = value === undefined ? undefined : await teamRoleNamed(this.#stores, orgId, value)
    if (value !== undefined) await this.#join(teamName)
    const former = await this.#explicit(key)
    const nameOf = await roleNames(
      this.#stores,
      orgId,
      [role, former].filter((each) => each !== undefined),
    )
    await this.#put(key, role, (each) => {
      const custom = isBuiltInRole(each) ? {} : { role: each }
      return { path: 'teamRoles', value: { teamName: team.name, roleName: nameOf(each), ...custom } }
    })
  }

  async #join(teamName: string): Promise<void> {
    const team = await this.#stores.grants.teamNamed(this.#caller.orgId, teamName)
    if (team === undefined || team.archived) throw unknownTeam(teamName)
    if (!(await this.#enter(team))) return
    this.targets.push({ type: 'group', id: team.id, display: team.name })
    this.changes.push({ path: 'members', added: [this.#subject.after.id] })
  }

  /** Whoever is just made is only in the teams they joined just now. */
  async #enter(team: NamedTeam): Promise<boolean> {
    const { before, after } = this.#subject
    if (before !== undefined) return joinTeam(this.#stores, this.#caller, after, team)
    if (this.#joined.has(team.id) || !(await joinAsNew(this.#stores, this.#caller, after, team))) return false
    this.#joined.add(team.id)
    return true
  }

  async #registryRole(registryName: string, value: string | undefined): Promise<void> {
    if (registryName.length > MAX_REGISTRY_NAME || (value ?? '').length > MAX_REGISTRY_ROLE) {
      const limits = `${MAX_REGISTRY_NAME} characters, that of a role ${MAX_REGISTRY_ROLE}`
      throw new DomainError('invalid-value', `registryRoles: the name of a registry may have ${limits}.`)
    }
    const named = (roleName: string) => ({ path: 'registryRoles', value: { registryName, roleName } })
    await this.#put({ kind: 'registry_role', target: registryName }, value, named)
  }

  #accountType(value: string): void {
    if (fold(value) === fold(this.#subject.after.accountType)) return
    throw accountTypeFixed()
  }

  async #explicit({ kind, target }: GrantKey): Promise<string | undefined> {
    return (await this.#explicitValues()).get(`${kind} ${target}`)
  }

  async #explicitValues(): Promise<Map<string, string>> {
    if (this.#held === undefined) {
      const grants = await this.#stores.grants.list(this.#caller.orgId, this.#subject.after.id)
      this.#held = new Map(grants.map(({ kind, target, value }) => [`${kind} ${target}`, value]))
    }
    return this.#held
  }

  async #put(
    key: GrantKey,
    value: string | undefined,
    inRecord: (value: string) => { readonly path: string; readonly value: string | JsonObject },
  ): Promise<void> {
    const { orgId, connection } = this.#caller
    const { id } = this.#subject.after
    const { grants, now } = this.#stores
    const former = await this.#explicit(key)
    if (former === value) return
    const values = await this.#explicitValues()
    if (value === undefined) {
      await grants.clear(orgId, id, key)
      values.delete(`${key.kind} ${key.target}`)
    } else {
      await grants.put(orgId, id, { ...key, value, setBy: connection?.id, at: now })
      values.set(`${key.kind} ${key.target}`, value)
    }
    const { path } = inRecord(value ?? former ?? '')
    this.changes.push({
      path,
      ...(former === undefined ? {} : { old: inRecord(former).value }),
      ...(value === undefined ? {} : { new: inRecord(value).value }),
    })
  }
}

/** The canonical spelling of a value in any case. @throws DomainError `invalid-value` */
function oneOf(values: readonly string[], value: string, path: string): string {
  const folded = fold(value)
  const found = values.find((each) => each === folded)
  if (found !== undefined) return found
  throw new DomainError('invalid-value', `${path} must be one of ${values.join(', ')}.`, { params: { path } })
}

function unknownTeam(teamName: string): DomainError {
  const shown = teamName.length > 80 ? `${teamName.slice(0, 80)}…` : teamName
  return new DomainError('invalid-value', `There is no team "${shown}" in this organization.`, {
    params: { path: 'teamRoles.teamName' },
  })
}
