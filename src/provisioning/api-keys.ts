import type { ApiKey, NewKey } from '../domain/api-key.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { KeyId, OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft, RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller } from './caller-right.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** Live keys an account, or the org itself, may have. */
const MAX_LIVE_KEYS = 50

/**
 * Stores a freshly minted key of the admin API.
 * @throws DomainError `not-found` (no such live person or account), `too-many`
 */
export function createKey(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  key: NewKey,
): Submitted<ApiKey> {
  return provisioning.work.submit(orgId, (stores) => writeKey(stores, operation, orgId, key))
}

/** The row and the record of a new key, within a unit of work. */
export async function writeKey(stores: WriteStores, operation: Operation, orgId: OrgId, key: NewKey): Promise<ApiKey> {
  if (key.user !== undefined && (await stores.users.find(orgId, key.user)) === undefined) {
    throw new DomainError('not-found', `User ${key.user} not found`)
  }
  const live = (await stores.keys.list(orgId)).filter((known) => known.user === key.user && isLive(known, stores.now))
  if (live.length >= MAX_LIVE_KEYS) {
    throw new DomainError('too-many', `There are ${live.length} live keys already; revoke one that is not used`, {
      reason: 'key.too-many',
    })
  }
  await stores.keys.insert(orgId, key, stores.now)
  await stores.journal.append(orgId, keyRecord(operation, 'key.create', key))
  const { secretHash: _hidden, ...shown } = key
  return { ...shown, orgId, created: stores.now, lastUsed: undefined, revoked: undefined }
}

/**
 * Ends a key at once. Revoking a revoked one changes nothing.
 * @throws DomainError `not-found`
 */
export function revokeKey(provisioning: Provisioning, operation: Operation, orgId: OrgId, id: KeyId): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    const found = (await stores.keys.list(orgId)).find((key) => key.id === id)
    if (found === undefined) throw new DomainError('not-found', `Key ${id} not found`)
    await endKey(stores, operation, found)
  })
}

/** Ends every key of an account that is live, within the unit of work that ends the account. */
export async function revokeKeysOf(
  stores: WriteStores,
  operation: Operation,
  orgId: OrgId,
  user: ApiKey['user'],
): Promise<void> {
  for (const key of await stores.keys.list(orgId)) if (key.user === user) await endKey(stores, operation, key)
}

/**
 * A person makes a key for themself; an org admin may make it for them.
 * @throws DomainError `not-found`, `forbidden` for another's, and where the org lets people make none, `too-many`
 */
export function createPersonalKey(
  provisioning: Provisioning,
  caller: Caller,
  key: NewKey & { readonly user: UserId },
): Submitted<ApiKey> {
  const { orgId } = caller
  const intent = { action: 'key.create', subject: key.user, targets: [{ type: 'user', id: key.user }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    if (!isOrgAdminCaller(caller)) {
      checkOwn(caller, key.user)
      if (!(await stores.orgs.policy(orgId)).settings.personalKeys) throw noneAllowed()
    }
    const person = await stores.users.find(orgId, key.user)
    if (person?.accountType !== 'USER') throw new DomainError('not-found', `User ${key.user} not found`)
    return writeKey(stores, caller, orgId, key)
  })
}

/**
 * Ends a key of a person at once; their own, or as an org admin.
 * @throws DomainError `not-found`, `forbidden`
 */
export function revokePersonalKey(
  provisioning: Provisioning,
  caller: Caller,
  { user, id }: { readonly user: UserId; readonly id: KeyId },
): Submitted<void> {
  const intent = { action: 'key.revoke', subject: id, targets: [{ type: 'key', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    if (!isOrgAdminCaller(caller)) checkOwn(caller, user)
    const found = (await stores.keys.list(caller.orgId)).find((key) => key.id === id && key.user === user)
    if (found === undefined) throw new DomainError('not-found', `Key ${id} not found`)
    await endKey(stores, caller, found)
  })
}

function checkOwn({ account }: Caller, user: UserId): void {
  if (account?.user === user) return
  throw new DomainError('forbidden', 'Only the person, or an organisation admin, may do this', { reason: 'right.own' })
}

function noneAllowed(): DomainError {
  return new DomainError('forbidden', 'Your organisation lets people make no keys of their own; ask an administrator', {
    reason: 'key.personal',
  })
}

/**
 * Gives a deployment its first admin key, if none was ever made in this org.
 * @returns whether the key was taken
 */
export function createFirstKey(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  key: NewKey,
): Submitted<boolean> {
  return provisioning.work.submit(orgId, async (stores) => {
    if ((await stores.keys.list(orgId)).some(({ scope }) => scope === 'operator' || scope === 'admin')) return false
    await writeKey(stores, operation, orgId, key)
    return true
  })
}

/** Makes the given secret the org's bootstrap key: another value replaces the bootstrap key before it. */
export function setBootstrapKey(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  key: NewKey,
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    for (const earlier of await stores.keys.list(orgId)) {
      if (earlier.origin === 'bootstrap') await endKey(stores, operation, earlier)
    }
    await writeKey(stores, operation, orgId, key)
  })
}

/** Ends a key within a unit of work; one that is ended stays as it is. */
export async function endKey(stores: WriteStores, operation: Operation, key: ApiKey): Promise<void> {
  if (key.revoked !== undefined) return
  await stores.keys.revoke(key.orgId, key.id, stores.now)
  await stores.journal.append(key.orgId, keyRecord(operation, 'key.revoke', key))
}

/** Whether a key may be used at a time, epoch milliseconds. */
function isLive({ revoked, expires }: ApiKey, now: number): boolean {
  return revoked === undefined && (expires === undefined || expires > now)
}

function keyRecord(operation: Operation, action: string, key: Omit<NewKey, 'secretHash'>): RecordDraft {
  const holder: readonly RecordTarget[] = key.user === undefined ? [] : [{ type: 'user', id: key.user }]
  return {
    action,
    actor: operation.actor,
    request: operation.request,
    outcome: { result: 'success' },
    targets: [{ type: 'key', id: key.id }, ...holder],
    ...(action === 'key.create' ? { changes: [{ path: 'scope', new: key.scope }] } : {}),
  }
}
