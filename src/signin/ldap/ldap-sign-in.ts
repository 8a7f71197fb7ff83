import { DomainError } from '../../domain/errors.ts'
import { fold } from '../../domain/fold.ts'
import type { OrgId, ProviderId } from '../../domain/ids.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { ProvedPerson } from '../../domain/sign-in.ts'
import type { ProviderReads, StoredProvider } from '../../domain/sign-in-provider.ts'
import type { AttemptLimiter } from '../attempt-limiter.ts'
import type { AddressGuard } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import { readLdapConfig } from './ldap-config.ts'
import { type LdapOutcome, type LdapPerson, provePerson } from './ldap-person.ts'
import type { LdapSettings } from './ldap-settings.ts'

export interface LdapSignInOptions {
  readonly providers: Pick<ProviderReads, 'find'>
  /** The password of the searching account, in clear. */
  readonly secretOf: (provider: StoredProvider) => string | undefined
  /** Which addresses a provider's directory may have. */
  readonly guardOf: (provider: StoredProvider) => AddressGuard | undefined
  readonly attempts: AttemptLimiter
  /** Told why a directory could not be asked: for the operator. */
  readonly onFault: (error: DirectoryError, provider: StoredProvider) => void
}

/** What a person typed, for one provider of their org. */
export interface LdapAttempt {
  readonly orgId: OrgId
  readonly providerId: ProviderId
  readonly userName: string
  readonly password: string
  /** Where the request comes from; sources that count as one are written the same. */
  readonly source: string
}

/**
 * What came of it. `refused` must look the same to the person whatever the `check` was, which is for the record;
 * `not-allowed` is said to whoever gave the right password.
 */
export type LdapProof =
  | { readonly is: 'proved'; readonly proved: ProvedPerson }
  | { readonly is: 'refused'; readonly check: string }
  | { readonly is: 'not-allowed' }
  | { readonly is: 'limited'; readonly retryAfter: number }

/** Sign-in with the password of a directory. */
export interface LdapSignIn {
  /** @throws DomainError `not-found` for no such provider, `unavailable` when the directory cannot be asked */
  prove(attempt: LdapAttempt): Promise<LdapProof>
}

/** Sign-ins under way at once; a directory that hangs must not gather more. */
const MOST_AT_ONCE = 50
const RETRY_AFTER = 10

/** Makes the way in by directories. */
export function createLdapSignIn(options: LdapSignInOptions): LdapSignIn {
  let underWay = 0
  return {
    async prove(attempt) {
      const provider = await enabledProvider(options, attempt)
      if (underWay >= MOST_AT_ONCE) throw unavailable()
      const account = `${provider.id} ${fold(attempt.userName.trim())}`
      const counted = await options.attempts.begin(account, attempt.source)
      if (typeof counted === 'number') return { is: 'limited', retryAfter: counted }
      underWay += 1
      try {
        const settings = settingsOf(options, provider)
        const outcome = await provePerson(settings, attempt, options.guardOf(provider))
        if (outcome.is !== 'refused') await counted.passed()
        return proofOf(provider, settings, outcome)
      } catch (error) {
        await counted.void()
        if (!(error instanceof DirectoryError)) throw error
        options.onFault(error, provider)
        throw unavailable(error)
      } finally {
        underWay -= 1
      }
    },
  }
}

/** What a directory is asked with: the stored config and its secret. */
export function settingsOf({ secretOf }: Pick<LdapSignInOptions, 'secretOf'>, provider: StoredProvider): LdapSettings {
  const secret = secretOf(provider)
  // Checked when it was saved: what was allowed then is not judged anew.
  const config = readLdapConfig(provider.config, true)
  return secret === undefined ? config : { ...config, bindPassword: secret }
}

async function enabledProvider({ providers }: LdapSignInOptions, attempt: LdapAttempt): Promise<StoredProvider> {
  const found = await providers.find(attempt.orgId, attempt.providerId)
  if (found?.kind === 'ldap' && found.enabled) return found
  throw new DomainError('not-found', 'There is no such way to sign in; go back to the sign-in page')
}

function proofOf(provider: StoredProvider, settings: LdapSettings, outcome: LdapOutcome): LdapProof {
  if (outcome.is === 'refused') return { is: 'refused', check: `ldap.${outcome.reason}` }
  if (outcome.is === 'not-allowed') return { is: 'not-allowed' }
  return { is: 'proved', proved: provedPerson(provider, settings, outcome.person) }
}

function provedPerson(
  { orgId, id: providerId }: StoredProvider,
  settings: LdapSettings,
  person: LdapPerson,
): ProvedPerson {
  const { id, userName, email, displayName } = person
  const groups = [...new Set(person.groups.map(({ name }) => name))]
  return {
    ...{ orgId, providerId, kind: 'ldap', issuer: `ldap:${providerId}`, subject: id, externalId: id, userName },
    ...(email === undefined ? {} : { email }),
    emailVerified: email !== undefined && settings.emailVerified,
    ...(displayName === undefined ? {} : { displayName }),
    ...(settings.groupSync ? { groups } : {}),
    claims: claimsOf(settings, person, groups),
  }
}

/** What a required claim is looked up in: what was read, by the names of the directory's attributes, and the groups. */
function claimsOf({ attributes }: LdapSettings, person: LdapPerson, groups: readonly string[]): JsonObject {
  const { dn, userName, email, displayName } = person
  return {
    ...{ dn, groups, [attributes.userName]: userName },
    ...(email === undefined ? {} : { [attributes.email]: email }),
    ...(displayName === undefined ? {} : { [attributes.displayName]: displayName }),
  }
}

function unavailable(cause?: unknown): DomainError {
  return new DomainError('unavailable', 'The directory cannot be asked at the moment; the password was not looked at', {
    retryAfter: RETRY_AFTER,
    ...(cause === undefined ? {} : { cause }),
  })
}
