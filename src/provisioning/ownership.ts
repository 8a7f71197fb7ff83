import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** The owner of what a caller makes: an idp connection owns, a script owns nothing. */
export function ownerFor(caller: Caller): ConnectionId | undefined {
  return caller.connection?.kind === 'idp' ? caller.connection.id : undefined
}

/**
 * Refuses a write to what another connection owns; an admin hands ownership over.
 * @throws DomainError `forbidden` with the owner's name
 */
export async function checkOwner(
  stores: WriteStores,
  orgId: OrgId,
  caller: Caller,
  owner: ConnectionId | undefined,
): Promise<void> {
  const connection = caller.connection
  if (owner === undefined || connection?.kind !== 'idp' || owner === connection.id) return
  const name = (await stores.orgs.connection(orgId, owner))?.name ?? owner
  throw new DomainError(
    'forbidden',
    `This resource is managed by the connection "${name}"; ask an administrator to hand it over before changing it here`,
    { reason: 'owner.other-connection', params: { owner } },
  )
}

/** Whether this caller's first update would take ownership of an unowned resource. */
export function takesOwnership(caller: Caller, owner: ConnectionId | undefined): boolean {
  return owner === undefined && caller.connection?.kind === 'idp'
}

/**
 * Refuses to make an owner of a connection that was revoked after its request came in: what it then owned would be
 * nobody's to change.
 * @throws DomainError `forbidden`
 */
export async function checkMayOwn(stores: WriteStores, caller: Caller): Promise<void> {
  const owner = ownerFor(caller)
  if (owner === undefined) return
  const connection = await stores.orgs.connection(caller.orgId, owner)
  if (connection?.status === 'active') return
  throw new DomainError('forbidden', 'The connection was revoked while this request was on its way', {
    reason: 'connection.revoked',
  })
}

/**
 * Refuses to delete what nobody owns: only its owner, or an administrator, can.
 * @throws DomainError `forbidden`
 */
export async function checkMayDelete(
  stores: WriteStores,
  orgId: OrgId,
  caller: Caller,
  owner: ConnectionId | undefined,
): Promise<void> {
  await checkOwner(stores, orgId, caller, owner)
  if (!takesOwnership(caller, owner)) return
  throw new DomainError(
    'forbidden',
    'This resource was not made by your identity provider and cannot be deleted by it; ask an administrator',
    { reason: 'owner.none' },
  )
}
