import { DomainError } from '../../domain/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts'

/** What is known of an OpenID provider beside its secret. */
export interface OidcConfig {
  /** As its discovery document says it, exactly. */
  readonly issuer: string
  readonly clientId: string
  /** Beside `openid`, `profile` and `email`. */
  readonly scopes: readonly string[]
  /** How the client proves itself at the token endpoint; `none` where it has no secret. */
  readonly clientAuth: 'basic' | 'post' | 'none'
  readonly claims: OidcClaimNames
  /** Whether the groups claim decides memberships. */
  readonly groups: boolean
  /** Whether every address this issuer sends counts as verified: for an issuer that makes them itself. */
  readonly trustEmail: boolean
  /** Whether `preferred_username`, of letters, digits, `_` and `-`, and `name` must be there. */
  readonly identifierClaims: boolean
}

/** Which claim holds what. */
export interface OidcClaimNames {
  readonly userName: string
  readonly email: string
  readonly displayName: string
  /** The one that a paired connection has as externalId: `sub` for Okta, `oid` for Entra ID. */
  readonly externalId: string
  readonly groups: string
}

const CLAIMS: OidcClaimNames = {
  ...{ userName: 'preferred_username', email: 'email', displayName: 'name', externalId: 'sub', groups: 'groups' },
}
const FLAGS = ['groups', 'trustEmail', 'identifierClaims'] as const
const CLIENT_AUTH = ['basic', 'post', 'none'] as const
const KEYS = new Set<string>(['issuer', 'clientId', 'scopes', 'clientAuth', 'claims', ...FLAGS])
const MAX_TEXT = 1_000
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/
const OWN_SCOPES = ['openid', 'profile', 'email']

/**
 * A config as it is stored, in its full form.
 * @throws DomainError `invalid-value` naming the key
 */
export function readOidcConfig(given: JsonObject): OidcConfig {
  for (const key of Object.keys(given)) if (!KEYS.has(key)) throw invalid(key, 'there is no such setting of a provider')
  const { clientAuth = 'basic', scopes = [], claims = {} } = given
  const auth = CLIENT_AUTH.find((each) => each === clientAuth)
  if (auth === undefined) throw invalid('clientAuth', `it is ${CLIENT_AUTH.join(', ')}`)
  const flags = Object.fromEntries(FLAGS.map((name) => [name, flagOf(given[name], name)]))
  return {
    issuer: textOf(given['issuer'], 'issuer'),
    clientId: textOf(given['clientId'], 'clientId'),
    scopes: scopesOf(scopes),
    clientAuth: auth,
    claims: claimsOf(claims),
    ...(flags as Pick<OidcConfig, (typeof FLAGS)[number]>),
  }
}

function claimsOf(given: Json): OidcClaimNames {
  if (!isJsonObject(given)) throw invalid('claims', 'it is {"userName": "preferred_username", …}')
  const names: Record<string, string> = { ...CLAIMS }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(CLAIMS, name)) throw invalid('claims', `its keys are ${Object.keys(CLAIMS).join(', ')}`)
    names[name] = textOf(value, `claims.${name}`)
  }
  return names as unknown as OidcClaimNames
}

function scopesOf(given: Json): readonly string[] {
  const scopes = Array.isArray(given) ? (given as readonly Json[]) : undefined
  if (scopes?.every((scope) => typeof scope === 'string' && SCOPE.test(scope)) !== true || scopes.length > 50) {
    throw invalid('scopes', 'it is a list of scopes, each without spaces')
  }
  return [...new Set(scopes as readonly string[])].filter((scope) => !OWN_SCOPES.includes(scope))
}

function textOf(given: Json | undefined, path: string): string {
  if (typeof given === 'string' && given.trim() !== '' && given.length <= MAX_TEXT && !/\p{Cc}/u.test(given)) {
    return given.trim()
  }
  throw invalid(path, 'it is missing, or no plain text')
}

function flagOf(given: Json | undefined, path: string): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  throw invalid(path, 'it is true or false')
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `${path}: ${sentence}`, { reason: 'provider.invalid', params: { path } })
}
