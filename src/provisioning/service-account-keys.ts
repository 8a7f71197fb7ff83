import type { ApiKey, NewKey } from '../domain/api-key.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { KeyId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { endKey, writeKey } from './api-keys.ts'
import type { Provisioning } from './provisioning.ts'
import { checkMayRun, getServiceAccount } from './service-account-admin.ts'
import { submitChange } from './submit-change.ts'

/** A key of a service account, its text already minted: only the hash is kept. */
export interface ServiceKeyDraft extends Pick<NewKey, 'id' | 'secretHash' | 'name' | 'expires'> {
  readonly account: UserId
}

/**
 * Stores a freshly minted key of a service account. It may have several.
 * @throws DomainError `not-found`, `forbidden`, `too-many`
 */
export function createServiceKey(
  provisioning: Provisioning,
  caller: Caller,
  { account: id, ...key }: ServiceKeyDraft,
): Submitted<ApiKey> {
  const intent = { action: 'key.create', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const { account } = await getServiceAccount(stores, caller.orgId, id)
    await checkMayRun(stores, caller, account)
    return writeKey(stores, caller, caller.orgId, { ...key, scope: 'user', user: id, origin: 'minted' })
  })
}

/**
 * Ends a key of a service account at once. Ending one that is ended changes nothing.
 * @throws DomainError `not-found`, `forbidden`
 */
export function revokeServiceKey(
  provisioning: Provisioning,
  caller: Caller,
  { account: id, key: keyId }: { readonly account: UserId; readonly key: KeyId },
): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'key.revoke', subject: keyId, targets: [{ type: 'key', id: keyId }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const { account } = await getServiceAccount(stores, orgId, id)
    await checkMayRun(stores, caller, account)
    const key = (await stores.keys.list(orgId)).find((each) => each.id === keyId && each.user === id)
    if (key === undefined) throw new DomainError('not-found', `Key ${keyId} not found`)
    await endKey(stores, caller, key)
  })
}
