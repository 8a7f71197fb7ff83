import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { equalJson } from '../domain/json.ts'
import type { User } from '../domain/user.ts'
import type { AccessChange, WriteStores } from '../domain/write-ports.ts'
import { currentAccess } from './current-access.ts'

/** Whether a caller may make, and change, org admins: an operator, or a connection that was trusted with it. */
export function mayGrantAdmin(caller: Caller): boolean {
  return caller.connection === undefined || caller.connection.mayGrantAdmin
}

/**
 * Whether a person is an org admin, or would be one again as soon as they are active; a billing admin counts as one
 * where the right to grant admin is at stake.
 */
export async function isOrgAdmin(stores: WriteStores, orgId: OrgId, user: User): Promise<boolean> {
  if (user.orgRole === 'admin') return true
  const explicit = await stores.grants.list(orgId, user.id)
  if (explicit.some(({ kind, value }) => kind === 'billing_admin' && value === 'true')) return true
  return user.status !== 'active' && (await currentAccess(stores, orgId, user)).organizationRole === 'admin'
}

/** What says who an admin is, or what they may do: whoever could change it could take the admin's place. */
const GUARDED = ['userName', 'emails', 'roles', 'entitlements'] as const

/**
 * Refuses a connection without the right to grant admin to change what an org admin is known by. Unchanged values, plain
 * profile fields and deactivation pass.
 * @param links whether this write takes ownership, which gives the person the connection's externalId
 * @throws DomainError `forbidden`
 */
export async function checkAdminUntouched(
  stores: WriteStores,
  caller: Caller,
  { before, after, links }: { readonly before: User; readonly after: User; readonly links: boolean },
): Promise<void> {
  if (mayGrantAdmin(caller)) return
  const paths: string[] = GUARDED.filter((name) => !equalJson(before.attributes[name], after.attributes[name]))
  if (!links && before.externalId !== after.externalId) paths.push('externalId')
  const [path] = paths
  if (path !== undefined && (await isOrgAdmin(stores, caller.orgId, before))) throw adminUntouchable(path)
}

/**
 * Refuses a connection without the right to grant admin to delete an org admin, unless it owns the person.
 * @throws DomainError `forbidden`
 */
export async function checkAdminStays(stores: WriteStores, caller: Caller, user: User): Promise<void> {
  const owns = user.owner !== undefined && user.owner === caller.connection?.id
  if (owns || mayGrantAdmin(caller) || !(await isOrgAdmin(stores, caller.orgId, user))) return
  throw new DomainError(
    'forbidden',
    'This person is an admin of the organization, and this connection may not delete an admin; deactivate them, or ask ' +
      'an administrator to delete them, or to let this connection grant admin',
    { reason: 'admin.untouchable' },
  )
}

/** The refusal to change an attribute of an org admin. */
export function adminUntouchable(path: string): DomainError {
  return new DomainError(
    'forbidden',
    `This person is an admin of the organization, and this connection may not change ${path} of an admin; ` +
      'ask an administrator to change it, or to let this connection grant admin',
    { reason: 'admin.untouchable', params: { path } },
  )
}

/** The refusal to make somebody an org admin. */
export function adminNotGrantable(): DomainError {
  return new DomainError(
    'forbidden',
    'This connection may not make anybody an admin of the organization; ask an administrator to do so, or to let this ' +
      'connection grant admin',
    { reason: 'admin.not-grantable', params: { path: 'organizationRole' } },
  )
}

/**
 * Refuses the change after which an org that had an active admin would have none.
 * @throws DomainError `last-admin` naming the person
 */
export async function checkLastAdmin(
  stores: WriteStores,
  orgId: OrgId,
  changes: readonly AccessChange[],
): Promise<void> {
  const roles = changes.filter(({ kind }) => kind === 'org_role')
  const lost = roles.filter(({ old }) => old === 'admin')
  const gained = roles.filter((change) => change.new === 'admin')
  const [first] = lost
  if (first === undefined || gained.length >= lost.length) return
  if ((await stores.access.activeAdmins(orgId)) > lost.length - gained.length) return
  throw new DomainError(
    'last-admin',
    `${await nameOf(stores, orgId, first.user)} is the last active admin of the organization; make somebody else an ` +
      'admin first',
    { reason: 'admin.last', params: { user: first.user } },
  )
}

async function nameOf(stores: WriteStores, orgId: OrgId, id: UserId): Promise<string> {
  return (await stores.users.find(orgId, id))?.attributes.userName ?? `User ${id}`
}
