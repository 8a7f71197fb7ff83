import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/**
 * Refuses every way in but the identity provider's where the org asks for that one: passwords, invites, resets.
 * @param user whose way it is; a break-glass account is excepted
 * @param isRestored whether the operator opened the local ways (`LOCAL_RESTORE`)
 * @throws DomainError `forbidden`
 */
export async function requireLocalWay(
  stores: WriteStores,
  orgId: OrgId,
  user: UserId | undefined,
  isRestored: boolean,
): Promise<void> {
  if (isRestored || !(await stores.orgs.policy(orgId)).settings.ssoRequired) return
  if (user !== undefined && (await isBreakGlass(stores, orgId, user))) return
  throw ssoRequired()
}

/** The refusal of every way in but the identity provider's. */
export function ssoRequired(): DomainError {
  return new DomainError(
    'forbidden',
    'Your organisation signs in through its identity provider alone. Go back and sign in with it',
    { reason: 'sso.required' },
  )
}

/** Whether an admin keeps the account outside every identity provider, to get in when that one is down. */
export async function isBreakGlass(stores: WriteStores, orgId: OrgId, user: UserId): Promise<boolean> {
  const explicit = await stores.grants.list(orgId, user)
  return explicit.some(({ kind, value }) => kind === 'break_glass' && value === 'true')
}

/**
 * Refuses a connection to touch a break-glass account, which nobody owns. Asked for accounts alone that may be one, so
 * that what identity providers do all day costs no look.
 * @throws DomainError `forbidden`
 */
export async function checkNotBreakGlass(
  stores: WriteStores,
  { orgId, connection }: Caller,
  user: User,
): Promise<void> {
  if (connection === undefined || user.owner !== undefined) return
  if (user.orgRole !== 'admin' && user.status === 'active') return
  if (!(await isBreakGlass(stores, orgId, user.id))) return
  throw new DomainError(
    'forbidden',
    'This is a break-glass account, kept outside every identity provider and script; an administrator changes it here',
    { reason: 'break-glass.untouchable' },
  )
}
