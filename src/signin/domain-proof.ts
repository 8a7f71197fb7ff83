import { Resolver } from 'node:dns/promises'
import { type LookUpProof, proofRecord } from '../domain/domain-claim.ts'

const TIMEOUT_MS = 3_000
const TRIES = 2
/** The zone answered, and has no such record (RFC 2308 §2: NXDOMAIN and NODATA). */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * Asks the DNS whether a claimed domain shows its challenge in a TXT record.
 * @param servers name servers to be asked, `address` or `address:port`; those of the machine if absent
 */
export function createProofLookUp(servers?: readonly string[]): LookUpProof {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers !== undefined) resolver.setServers(servers)
  return async (claim) => {
    const { name, value } = proofRecord(claim)
    try {
      const records = await resolver.resolveTxt(name)
      // A long record comes in pieces (RFC 7208 §3.3), and some consoles keep the quotes that were typed.
      const shown = records.map((pieces) =>
        pieces
          .join('')
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      )
      return shown.includes(value) ? 'shown' : 'absent'
    } catch (error) {
      return ABSENT.has((error as NodeJS.ErrnoException).code) ? 'absent' : 'unknown'
    }
  }
}
