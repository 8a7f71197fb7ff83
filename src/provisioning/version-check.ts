import { DomainError } from '../domain/errors.ts'

/**
 * Compares `If-Match` with the stored version, inside the transaction (RFC 7644 §3.14, RFC 9110 §13.1.1).
 * @throws DomainError `version-mismatch` (412)
 */
export function checkVersion(version: number, ifMatch: readonly string[] | undefined): void {
  if (ifMatch === undefined || ifMatch.includes('*') || ifMatch.includes(String(version))) return
  throw new DomainError(
    'version-mismatch',
    `The resource has changed: its version is now W/"${version}". Read it again and repeat the change`,
    { reason: 'version.stale', params: { version } },
  )
}
