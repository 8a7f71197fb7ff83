import { mintSetupLink } from './auth/one-time-link.ts'
import { FIRST, systemOperation } from './first-start.ts'
import { putSetupLink } from './provisioning/password-links.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import type { Store } from './storage/store.ts'

/**
 * Gives the org `default` a way to its first administrator: who reads what a start prints runs the gateway, where "the
 * first who signs up" is whoever finds it first.
 * @param isRestored whether the operator asks for a way back in: then a link is made in any case
 * @returns the address, to be shown this once; undefined where there is an admin, or a link that nobody used yet
 */
export async function ensureSetupUrl(
  provisioning: Provisioning,
  reads: Store['reads'],
  publicUrl: string,
  isRestored: boolean,
): Promise<string | undefined> {
  const org = await reads.orgs.find(FIRST)
  if (org === undefined) return undefined
  const operation = systemOperation()
  const { text, link } = mintSetupLink(operation.request.receivedAt)
  const unless = isRestored ? 'never' : 'needless'
  const made = await putSetupLink(provisioning, operation, org.id, { link, unless }).durable
  return made ? setupUrl(publicUrl, text) : undefined
}

/** Where a set-up link leads. */
export function setupUrl(publicUrl: string, text: string): string {
  return `${publicUrl}/setup/${text}`
}
