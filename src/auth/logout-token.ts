import { createHash } from 'node:crypto'
import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { IssuerSelection } from '../domain/session.ts'
import type { OnceToken } from '../domain/spent-token.ts'
import { guarded, unauthorized } from './auth-error.ts'
import type { IssuerKeys } from './jwks.ts'
import { checkSignature, keysUnavailable } from './jws-signature.ts'
import { isTimely, SUPPORTED_ALGORITHMS } from './jwt-claims.ts'
import { type JwtHeader, type JwtParts, parseJwt } from './jwt-parts.ts'
import { KeysUnavailable } from './jwks.ts'

/** As which client an org is known to an issuer that its people sign in with. */
export interface LogoutClient {
  readonly orgId: OrgId
  readonly clientId: string
}

export interface LogoutTokensOptions {
  /** Who signs in with an issuer, over all orgs; nobody for one that is no provider of any. */
  readonly clientsOf: (issuer: string) => Promise<readonly LogoutClient[]>
  readonly keys: IssuerKeys
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What an issuer says has ended. */
export interface IssuerLogout {
  /** The orgs it says it to. */
  readonly orgs: readonly OrgId[]
  readonly sessions: IssuerSelection
  readonly token: OnceToken
}

/** Verifies logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6). */
export interface LogoutTokens {
  /** @throws AuthError 401 for anything but a logout token of an issuer of ours, 503 when its keys or the store are out */
  verify(text: string): Promise<IssuerLogout>
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
/** Its own type, or none, as issuers sent it before there was one (§2.4). */
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'jwt', 'logout+jwt'])
const MAX_NAME = 255
/** Printable ASCII, so that no store chokes on it. */
const ISSUER = /^[\x21-\x7e]{1,2048}$/

/** Reads and verifies. Of a token that is none by its form or claims, no issuer is asked anything. */
export function createLogoutTokens({ clientsOf, keys, now }: LogoutTokensOptions): LogoutTokens {
  return {
    async verify(text) {
      const parts = parseJwt(text)
      if (parts === undefined) throw unauthorized('jwt.malformed')
      const said = readClaims(parts.header, parts.claims, now())
      if (said === undefined) throw unauthorized('jwt.claims')
      const clients = (await guarded(() => clientsOf(said.issuer))).filter(({ clientId }) =>
        said.audience.includes(clientId),
      )
      if (clients.length === 0) throw unauthorized('jwt.untrusted')
      await requireSignature(parts, said.issuer, keys)
      const { issuer, sid, subject, token } = said
      return { orgs: [...new Set(clients.map(({ orgId }) => orgId))], sessions: { issuer, sid, subject }, token }
    },
  }
}

async function requireSignature(parts: JwtParts, issuer: string, keys: IssuerKeys): Promise<void> {
  const check = await checkSignature(keys, { issuer, jwksUri: undefined }, parts, SUPPORTED_ALGORITHMS)
  if (check instanceof KeysUnavailable) throw keysUnavailable(check)
  if (check !== 'good') throw unauthorized(check === 'bad' ? 'jwt.signature' : 'jwt.key')
}

interface Said extends IssuerSelection {
  readonly audience: readonly string[]
  readonly token: OnceToken
}

/** What §2.6 asks of header and claims; undefined where something of it is wrong. */
function readClaims(header: JwtHeader, claims: JsonObject, now: number): Said | undefined {
  const { iss: issuer, aud, jti, exp, sub, sid } = claims
  if (!isLogoutToken(header, claims)) return undefined
  if (typeof issuer !== 'string' || !ISSUER.test(issuer) || !isTimely(claims, false, now / 1000)) return undefined
  if (!isName(jti) || !isAbsentOrName(sub) || !isAbsentOrName(sid)) return undefined
  if (sub === undefined && sid === undefined) return undefined
  const audience = Array.isArray(aud) ? (aud as readonly unknown[]).filter((each) => typeof each === 'string') : [aud]
  const hash = createHash('sha256').update(`logout\n${issuer}\n${jti}`).digest()
  return {
    ...{ issuer, sid, subject: sub, audience: audience as readonly string[] },
    // A minute longer than it works, as clocks may differ by one.
    token: { hash, expires: Number(exp) * 1000 + 120_000 },
  }
}

/** By its type, algorithm and event. A nonce is what keeps an ID token from being taken for one of these. */
function isLogoutToken({ typ, alg }: JwtHeader, claims: JsonObject): boolean {
  const { events } = claims
  if (!TYPES.has(typ) || !SUPPORTED_ALGORITHMS.includes(alg) || Object.hasOwn(claims, 'nonce')) return false
  return isJsonObject(events) && isJsonObject(events[EVENT])
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME && !value.includes('\0')
}

function isAbsentOrName(value: unknown): value is string | undefined {
  return value === undefined || isName(value)
}
