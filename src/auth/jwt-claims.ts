import { isDeepStrictEqual } from 'node:util'
import type { JwtTrust } from '../domain/connection.ts'
import type { JsonObject } from '../domain/json.ts'
import type { JwtHeader } from './jwt-parts.ts'

/** Asymmetric algorithms (RFC 7518 §3.1, RFC 8037) a trust may name. What is not here never verifies. */
export const SUPPORTED_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** What a trust that names no algorithms accepts. */
export const DEFAULT_ALGORITHMS: readonly string[] = ['RS256', 'PS256', 'ES256', 'EdDSA']

/** The audience that Entra ID puts in the provisioning tokens of every custom application of every tenant. */
export const ENTRA_SHARED_AUDIENCE = '8adf8e6e-67b2-4cf2-a259-e3dc5476c621'

const MAX_LIFE_SECONDS = 24 * 60 * 60
const SKEW_SECONDS = 60
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'jwt', 'at+jwt'])

/** Only ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11) and logout tokens or other events (RFC 8417) have these. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']

/** The algorithms a trust accepts. */
export function algorithmsOf(trust: Pick<JwtTrust, 'algorithms'>): readonly string[] {
  const named = trust.algorithms.length === 0 ? DEFAULT_ALGORITHMS : trust.algorithms
  return named.filter((algorithm) => SUPPORTED_ALGORITHMS.includes(algorithm))
}

/** Whether header and claims are of an access token at all, and not of an ID token or logout token (RFC 8725 §3.12). */
export function isAccessTokenLike(header: JwtHeader, claims: JsonObject): boolean {
  return TYPES.has(header.typ) && !FOREIGN_CLAIMS.some((name) => Object.hasOwn(claims, name))
}

/** What a trust asks of header and claims. */
export type ClaimedTrust = Pick<JwtTrust, 'issuer' | 'audience' | 'pins' | 'algorithms' | 'longLived'>

/**
 * Whether a token's header and claims are what a trust asks for; the signature is checked apart.
 * @param now epoch milliseconds
 */
export function satisfies(trust: ClaimedTrust, header: JwtHeader, claims: JsonObject, now: number): boolean {
  return (
    algorithmsOf(trust).includes(header.alg) &&
    claims['iss'] === trust.issuer &&
    isAudience(claims['aud'], trust.audience) &&
    (claims['sub'] === undefined || typeof claims['sub'] === 'string') &&
    isTimely(claims, trust.longLived, now / 1000) &&
    isPinnedEnough(trust) &&
    Object.entries(trust.pins).every(([name, value]) => isDeepStrictEqual(own(claims, name), value))
  )
}

function isAudience(aud: unknown, wanted: string): boolean {
  return aud === wanted || (Array.isArray(aud) && aud.length === 1 && aud[0] === wanted)
}

/**
 * Whether a token says when it was made and until when it works, and works now; a minute is given to clocks.
 * @param longLived whether it may work for more than a day
 * @param now epoch seconds
 */
export function isTimely(claims: JsonObject, longLived: boolean, now: number): boolean {
  const { exp, iat, nbf } = claims
  if (!isTime(exp) || !isTime(iat) || exp <= iat) return false
  if (nbf !== undefined && (!isTime(nbf) || nbf > now + SKEW_SECONDS)) return false
  if (!longLived && exp - iat > MAX_LIFE_SECONDS) return false
  return iat <= now + SKEW_SECONDS && exp > now - SKEW_SECONDS
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** A shared audience proves no more than the tenant's issuer: unpinned, any application of Entra's could come in. */
export function isPinnedEnough({ audience, pins }: Pick<JwtTrust, 'audience' | 'pins'>): boolean {
  if (audience !== ENTRA_SHARED_AUDIENCE) return true
  return pins['tid'] !== undefined && (pins['appid'] !== undefined || pins['oid'] !== undefined)
}

function own(claims: JsonObject, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}
