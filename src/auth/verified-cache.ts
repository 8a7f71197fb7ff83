import type { ConnectionId, OrgId } from '../domain/ids.ts'

/** What verifying a JWT found: whose connection it belongs to, in which version of it. */
export interface VerifiedJwt {
  readonly orgId: OrgId
  readonly connectionId: ConnectionId
  readonly connectionVersion: number
  readonly issuer: string
  readonly subject: string | undefined
}

interface Entry {
  readonly verified: VerifiedJwt
  readonly from: number
  readonly until: number
}

const MAX_ENTRIES = 1_000
const MAX_AGE = 60_000

/** The verified JWTs of the last minute by the hash of their text, the least recently used going first. */
export class VerifiedCache {
  readonly #entries = new Map<string, Entry>()

  /** @param now epoch milliseconds */
  find(hash: string, now: number): VerifiedJwt | undefined {
    const entry = this.#entries.get(hash)
    if (entry === undefined) return undefined
    this.#entries.delete(hash)
    // A clock that was set back must not lengthen a token's life.
    if (now >= entry.until || now < entry.from) return undefined
    this.#entries.set(hash, entry)
    return entry.verified
  }

  /**
   * Keeps a token for a minute, or until it expires if that is sooner.
   * @param expires epoch milliseconds
   */
  keep(hash: string, verified: VerifiedJwt, expires: number, now: number): void {
    const until = Math.min(now + MAX_AGE, expires)
    if (until <= now) return
    if (this.#entries.size >= MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(hash, { verified, from: now, until })
  }

  drop(hash: string): void {
    this.#entries.delete(hash)
  }
}
