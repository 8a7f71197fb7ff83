import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts'
import type { ProvedPerson } from '../../domain/sign-in.ts'
import type { SignInProvider } from '../../domain/sign-in-provider.ts'
import type { OidcConfig } from './oidc-config.ts'

/** What an issuer said of a person: the claims of the ID token, and those that only UserInfo had. */
export interface OidcClaims {
  readonly idToken: JsonObject
  readonly userInfo: JsonObject
}

const IDENTIFIER = /^[A-Za-z0-9_-]+$/
/** Only there is `xms_edov` what its documentation says. */
const ENTRA = /^https:\/\/login\.microsoftonline\.(com|us)\//

/**
 * The person whom checked claims describe; undefined where the provider asks for identifier claims and they are missing
 * or have other characters.
 */
export function provedPerson(
  { orgId, id: providerId }: SignInProvider,
  config: OidcConfig,
  { idToken, userInfo }: OidcClaims,
): ProvedPerson | undefined {
  const claims: JsonObject = { ...userInfo, ...idToken }
  const text = (name: string): string | undefined => textOf(own(claims, name))
  const userName = text(config.claims.userName)
  const displayName = text(config.claims.displayName)
  if (config.identifierClaims && (displayName === undefined || !IDENTIFIER.test(userName ?? ''))) return undefined
  const groups = config.groups ? namesOf(own(claims, config.claims.groups)) : undefined
  return {
    ...{ orgId, providerId, kind: 'oidc', claims },
    issuer: idToken['iss'] as string,
    subject: idToken['sub'] as string,
    ...mailOf(config, own(idToken, config.claims.email) === undefined ? userInfo : idToken),
    ...present({
      ...{ userName, displayName, externalId: text(config.claims.externalId) },
      ...{ givenName: text('given_name'), familyName: text('family_name') },
    }),
    ...(groups === undefined ? {} : { groups }),
  }
}

type Names = Pick<ProvedPerson, 'userName' | 'displayName' | 'externalId' | 'givenName' | 'familyName'>

/** Those that are there. */
function present(texts: Readonly<Record<keyof Names, string | undefined>>): Names {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined))
}

/**
 * The address and whether it is vouched for, both from one document: a yes in one vouches for no address in the other.
 * Nothing but `true` is a yes (OpenID Connect Core 1.0 §5.1 has a boolean); Entra ID says it by `xms_edov`.
 */
function mailOf(config: OidcConfig, said: JsonObject): Pick<ProvedPerson, 'emailVerified'> & { email?: string } {
  const email = textOf(own(said, config.claims.email))
  if (email === undefined) return { emailVerified: false }
  const edov = own(said, 'xms_edov')
  const owned = ENTRA.test(config.issuer) && (edov === true || edov === 1 || edov === '1')
  return { email, emailVerified: own(said, 'email_verified') === true || owned || config.trustEmail }
}

function own(claims: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** Undefined where there is no such claim, or a reference in its place, as Entra ID sends for very many groups. */
function namesOf(value: Json | undefined): readonly string[] | undefined {
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || isJsonObject(value)) return undefined
  return (value as readonly Json[]).filter((each): each is string => typeof each === 'string')
}
