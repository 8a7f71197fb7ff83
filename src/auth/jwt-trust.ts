import type { Connection, JwtTrust } from '../domain/connection.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { guardReads, unauthorized, type RefusedCredential } from './auth-error.ts'
import { KeysUnavailable, type IssuerKeys } from './jwks.ts'
import { checkSignature, keysUnavailable } from './jws-signature.ts'
import { algorithmsOf, isAccessTokenLike, satisfies } from './jwt-claims.ts'
import type { JwtParts } from './jwt-parts.ts'
import { hashToken } from './token.ts'
import { VerifiedCache, type VerifiedJwt } from './verified-cache.ts'

export interface JwtTrustsOptions {
  readonly credentials: CredentialReads
  readonly keys: IssuerKeys
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** A connection that an identity provider's JWT named, and who the token says it is. */
export interface TrustedJwt {
  readonly connection: Connection
  readonly issuer: string
  readonly subject: string | undefined
}

/** Verifies identity providers' JWTs against the trusts that connections hold. */
export interface JwtTrusts {
  /**
   * The connection whose trust a token satisfies, by the rules of RFC 8725 and RFC 9068 §4.
   * @throws AuthError 401 when it satisfies none or several, 503 when the issuer's keys or the store cannot be read
   */
  verify(parts: JwtParts): Promise<TrustedJwt>
}

/** An issuer as we would look it up: printable ASCII, so that no store chokes on it. */
const ISSUER = /^[\x21-\x7e]{1,2048}$/

/** Verification with a cache of tokens seen in the last minute; a connection is read on each call all the same. */
export function createJwtTrusts(options: JwtTrustsOptions): JwtTrusts {
  const { keys, now } = options
  const credentials = guardReads(options.credentials)
  const cache = new VerifiedCache()

  const fromCache = async (hash: string): Promise<TrustedJwt | undefined> => {
    const verified = cache.find(hash, now())
    if (verified === undefined) return undefined
    const connection = await credentials.connection(verified.orgId, verified.connectionId)
    if (connection?.status === 'active' && connection.version === verified.connectionVersion) {
      return { connection, issuer: verified.issuer, subject: verified.subject }
    }
    cache.drop(hash)
    return undefined
  }
  return {
    async verify(parts) {
      const hash = hashToken(parts.text).toString('base64')
      const cached = await fromCache(hash)
      if (cached !== undefined) return cached
      const candidates = await candidatesFor(parts, credentials, now())
      const { trust, connection } = await soleVerified(parts, candidates, keys)
      const subject = parts.claims['sub']
      const verified: VerifiedJwt = {
        ...{ orgId: trust.orgId, connectionId: trust.connectionId, connectionVersion: connection.version },
        ...{ issuer: trust.issuer, subject: typeof subject === 'string' ? subject : undefined },
      }
      cache.keep(hash, verified, Number(parts.claims['exp']) * 1000, now())
      return { connection, issuer: verified.issuer, subject: verified.subject }
    },
  }
}

interface Candidate {
  readonly trust: JwtTrust
  readonly connection: Connection
}

/** The trusts that all but the signature satisfies. No key is fetched for a token that could not be accepted anyway. */
async function candidatesFor(parts: JwtParts, credentials: CredentialReads, now: number): Promise<Candidate[]> {
  const { iss } = parts.claims
  if (typeof iss !== 'string' || !ISSUER.test(iss)) throw unauthorized('jwt.untrusted')
  const trusts = await credentials.trustsByIssuer(iss)
  if (trusts.length === 0) throw unauthorized('jwt.untrusted')
  if (!isAccessTokenLike(parts.header, parts.claims)) throw unauthorized('jwt.claims')
  const fitting = trusts.filter((trust) => satisfies(trust, parts.header, parts.claims, now))
  if (fitting.length === 0) throw unauthorized('jwt.claims')
  const found = await Promise.all(fitting.map((trust) => credentials.connection(trust.orgId, trust.connectionId)))
  const candidates = fitting.flatMap((trust, index) => {
    const connection = found[index]
    return connection?.status === 'active' ? [{ trust, connection }] : []
  })
  if (candidates.length === 0) throw unauthorized('connection.revoked', knownBy(fitting[0]!))
  return candidates
}

/** The one candidate whose issuer's key verifies the signature. */
async function soleVerified(parts: JwtParts, candidates: readonly Candidate[], keys: IssuerKeys): Promise<Candidate> {
  const results = await Promise.all(
    candidates.map(({ trust }) => checkSignature(keys, trust, parts, algorithmsOf(trust))),
  )
  const passed = candidates.filter((_, index) => results[index] === 'good')
  if (passed.length > 1) throw unauthorized('jwt.ambiguous', knownBy(passed[0]!.trust))
  const outage = results.find((result) => result instanceof KeysUnavailable)
  if (outage instanceof KeysUnavailable) throw keysUnavailable(outage)
  const sole = passed[0]
  if (sole !== undefined) return sole
  const reason = results.includes('bad') ? 'jwt.signature' : 'jwt.key'
  throw unauthorized(reason, candidates.length === 1 ? knownBy(candidates[0]!.trust) : undefined)
}

function knownBy(trust: JwtTrust): RefusedCredential {
  return { orgId: trust.orgId, connectionId: trust.connectionId }
}
