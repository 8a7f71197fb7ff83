import { hashToken, mintToken } from './auth/token.ts'
import type { NewKey, StoredKey } from './domain/api-key.ts'
import { type KeyId, newId } from './domain/ids.ts'
import { FIRST, systemOperation } from './first-start.ts'
import { createFirstKey, setBootstrapKey } from './provisioning/api-keys.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import type { Store } from './storage/store.ts'

const VARIABLE = 'ROLLCALL_BOOTSTRAP_ADMIN_KEY'

/** What a start made or found out about the first key of the admin API. */
export interface FirstKey {
  /** The minted key of an organisation that never had one, to be shown this once. */
  readonly key: string | undefined
  /** Why the bootstrap key that was given is not in use. */
  readonly notice: string | undefined
}

/**
 * Gives the org `default` its first admin key, which may also make orgs.
 * @param bootstrapKey set in place of a minted key; a changed value replaces the one before, the same changes nothing
 */
export async function ensureFirstKey(
  provisioning: Provisioning,
  reads: Store['reads'],
  bootstrapKey: string | undefined,
): Promise<FirstKey> {
  const operation = systemOperation()
  const org = await reads.orgs.find(FIRST)
  const id = newId<KeyId>(operation.request.receivedAt)
  const draft = { id, scope: 'operator', user: undefined, name: 'first', expires: undefined } as const
  if (bootstrapKey === undefined) {
    if (org === undefined) return { key: undefined, notice: undefined }
    const { text, secretHash } = mintToken(id)
    const key: NewKey = { ...draft, secretHash, origin: 'minted' }
    const made = await createFirstKey(provisioning, operation, org.id, key).durable
    return { key: made ? text : undefined, notice: undefined }
  }
  const secretHash = hashToken(bootstrapKey)
  const known = await reads.keys.byHash(secretHash)
  if (known !== undefined) return { key: undefined, notice: whyNotInUse(known) }
  if (org === undefined) return { key: undefined, notice: NO_ORG }
  await setBootstrapKey(provisioning, operation, org.id, { ...draft, secretHash, origin: 'bootstrap' }).durable
  return { key: undefined, notice: undefined }
}

const NO_ORG =
  `${VARIABLE} is not in use: there is no organisation "${FIRST}". Unset it, and make keys with: ` +
  'rollcall token create --admin --org ORG'

/** A value that was revoked is not brought back by a restart: whoever revoked it meant it. */
function whyNotInUse({ revoked }: StoredKey): string | undefined {
  if (revoked === undefined) return undefined
  const at = new Date(revoked).toISOString()
  return `${VARIABLE} is not in use: this value was revoked or replaced at ${at}. Give a new one, or unset it`
}
