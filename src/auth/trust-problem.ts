import type { JwtTrust } from '../domain/connection.ts'
import { isPinnedEnough } from './jwt-claims.ts'
import { keyAddressProblem } from './key-fetch.ts'

/**
 * What no token could ever satisfy, or too many could: said when the trust is made, not at the first 401.
 * @returns a sentence; undefined for a sound one
 */
export function trustProblem(
  trust: Pick<JwtTrust, 'issuer' | 'audience' | 'jwksUri' | 'pins'>,
  allowPrivateIssuers: boolean,
): string | undefined {
  if (!/^[\x21-\x7e]{1,2048}$/.test(trust.issuer)) return 'The issuer must be 1 to 2048 printable ASCII characters'
  if (trust.audience.trim() === '') return 'The audience is empty; give it exactly as in the aud of the JWTs'
  if (!isPinnedEnough(trust)) {
    return (
      'This audience is shared by every application of Entra ID: pin the tenant and the application or its ' +
      'service principal (--pin tid=… and --pin appid=… or --pin oid=…)'
    )
  }
  const problem = keyAddressProblem(trust.jwksUri ?? trust.issuer, allowPrivateIssuers)
  if (problem === undefined) return undefined
  return `Keys cannot be fetched from the ${trust.jwksUri === undefined ? 'issuer' : 'JWKS address'}: ${problem}`
}
