import type { StoredToken } from '../domain/connection.ts'
import type { CredentialReads } from '../domain/ports.ts'

/** Tokens kept at most; a gateway is rarely shown more in a moment. */
const MAX_KEPT = 1_000

/**
 * The same reads, which ask for a token again only once anything in the store has changed, by whichever connection or
 * process: a revocation holds from the next request on, as if every request had asked.
 * @param dataVersion changes with every commit of another connection
 */
export function keepingTokens(reads: CredentialReads, dataVersion: () => number): CredentialReads {
  const kept = new Map<string, StoredToken>()
  let version: number | undefined

  async function keep(key: string, read: () => Promise<StoredToken | undefined>): Promise<StoredToken | undefined> {
    // Before the token is read: one that changes in between is then kept under the older version.
    const now = dataVersion()
    if (now !== version || kept.size >= MAX_KEPT) kept.clear()
    version = now
    const known = kept.get(key)
    if (known !== undefined) return known
    const token = await read()
    if (token !== undefined) kept.set(key, token)
    return token
  }

  return {
    ...reads,
    tokenById: (id) => keep(id, () => reads.tokenById(id)),
    tokenByHash: (hash) => keep(Buffer.from(hash).toString('latin1'), () => reads.tokenByHash(hash)),
  }
}
