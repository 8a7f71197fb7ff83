import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { sourceNet } from './auth/address.ts'
import { createAddressGuard } from './auth/address-guard.ts'
import { type Config, EXIT_CONFIG } from './config.ts'
import { attributePairs, groupList } from './config-ldap.ts'
import type { JsonObject } from './domain/json.ts'
import type { StoredProvider } from './domain/sign-in-provider.ts'
import type { OpenedStore } from './opened-store.ts'
import { createAttemptLimiter } from './signin/attempt-limiter.ts'
import { readLdapConfig } from './signin/ldap/ldap-config.ts'
import { createLdapSignIn, type LdapSignIn } from './signin/ldap/ldap-sign-in.ts'
import { StartError } from './start-error.ts'

/** Wrong passwords for one account before it must wait; directories commonly lock accounts after more. */
const PER_ACCOUNT = 10
const ACCOUNT_SECONDS = 900

/**
 * Sign-in by directories, behind the guard of the network where an org's admin named the directory.
 * @param secretOf the password of a provider's searching account, in clear
 */
export function ldapSignIn(
  config: Config,
  opened: OpenedStore,
  {
    logger,
    secretOf,
  }: { readonly logger: Logger; readonly secretOf: (provider: StoredProvider) => string | undefined },
): LdapSignIn {
  const guard = createAddressGuard(config.auth.allowPrivateIssuers)
  const limits = { perAccount: PER_ACCOUNT, accountSeconds: ACCOUNT_SECONDS, perSource: config.auth.failuresPerMinute }
  const signIn = createLdapSignIn({
    providers: opened.store.reads.providers,
    secretOf,
    // The operator's own directory is where the operator says.
    guardOf: ({ origin }) => (origin === 'environment' ? undefined : guard),
    attempts: createAttemptLimiter(limits),
    onFault: (error, { id, orgId }) => {
      logger.error({ err: error, fault: error.fault, orgId, provider: id }, 'a directory could not be asked')
    },
  })
  return { prove: (attempt) => signIn.prove({ ...attempt, source: sourceNet(attempt.source) }) }
}

/**
 * The directory that the environment names, as a provider's config; undefined where it names none.
 * @throws StartError, DomainError `invalid-value` for settings that no directory could have
 */
export function environmentDirectory({ ldap }: Config): JsonObject | undefined {
  const { url, baseDn, bindDn, caFile, filter, groupBaseDn, groupFilter } = ldap
  if (url === undefined || baseDn === undefined) return undefined
  const config = readLdapConfig(
    {
      ...{ url, baseDn, startTls: ldap.startTls && !url.toLowerCase().startsWith('ldaps:') },
      ...{ groupSync: ldap.groupSync, emailVerified: ldap.emailVerified },
      ...{
        attributes: attributePairs(ldap.attributes ?? '') ?? {},
        allowedGroups: groupList(ldap.allowedGroups ?? ''),
      },
      ...(bindDn === undefined ? {} : { bindDn }),
      ...(filter === undefined ? {} : { filter }),
      ...(caFile === undefined ? {} : { ca: readCertificates(caFile) }),
      ...(groupBaseDn === undefined ? {} : { groupSearch: { baseDn: groupBaseDn, filter: groupFilter, name: 'cn' } }),
    },
    ldap.allowPlain,
  )
  return config as unknown as JsonObject
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartError(EXIT_CONFIG, `LDAP_CA_FILE: ${file} cannot be read`, error)
  }
}
