import { isIP } from 'node:net'
import { createAddressGuard, mayReach } from './auth/address-guard.ts'
import { guardedFetch, keyAddressProblem } from './auth/key-fetch.ts'
import type { LogoutClient } from './auth/logout-token.ts'
import type { Config } from './config.ts'
import type { Caller } from './domain/caller.ts'
import { DomainError } from './domain/errors.ts'
import type { OrgId } from './domain/ids.ts'
import type { JsonObject } from './domain/json.ts'
import type { ProviderKind } from './domain/sign-in.ts'
import type { SignInProvider, StoredProvider } from './domain/sign-in-provider.ts'
import type { PayloadSealer } from './domain/outbox.ts'
import { FIRST, systemOperation } from './first-start.ts'
import { environmentDirectory } from './ldap-wiring.ts'
import type { OpenedStore } from './opened-store.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { changeProvider, createProvider } from './provisioning/sign-in-providers.ts'
import { type LdapConfig, readLdapConfig } from './signin/ldap/ldap-config.ts'
import { checkDirectory } from './signin/ldap/ldap-person.ts'
import type { LdapSettings } from './signin/ldap/ldap-settings.ts'
import { readOidcConfig } from './signin/oidc/oidc-config.ts'
import { createOidcClients } from './signin/oidc/oidc-client.ts'
import { createOidcSignIn, type OidcSignIn } from './signin/oidc/oidc-sign-in.ts'
import { createOidcSignOut, type OidcSignOut } from './signin/oidc/oidc-sign-out.ts'
import type { Store } from './storage/store.ts'

/** Where providers send browsers back to, after the public address. */
export const CALLBACK = '/oidc/callback'

/** Where they send browsers back to after a sign-out. */
export const SIGNED_OUT = '/signed-out'

const ENVIRONMENT_NAME = 'Single sign-on'
const DIRECTORY_NAME = 'Directory'

/** Binds a secret to its provider: moved to another row it cannot be opened. */
function labelOf(orgId: OrgId, kind: ProviderKind): string {
  return `signin-provider|${orgId}|${kind}`
}

/** The secret of a provider as it is stored. */
export function sealProviderSecret(
  secrets: PayloadSealer,
  { orgId, kind }: Pick<StoredProvider, 'orgId' | 'kind'>,
  secret: string,
): Uint8Array {
  return Buffer.from(secrets.seal(labelOf(orgId, kind), secret), 'utf8')
}

/** The secret of a provider in clear; one from the environment stays there. */
export function openProviderSecret(
  { secrets }: Pick<OpenedStore, 'secrets'>,
  config: Config,
  { orgId, kind, origin, sealedSecret }: StoredProvider,
): string | undefined {
  if (origin === 'environment') return kind === 'oidc' ? config.oidc.clientSecret : config.ldap.bindPassword
  return sealedSecret === undefined
    ? undefined
    : secrets.open(labelOf(orgId, kind), Buffer.from(sealedSecret).toString('utf8'))
}

/** Sign-in and sign-out by OpenID Connect. */
export interface OidcWays {
  readonly oidc: OidcSignIn
  readonly oidcSignOut: OidcSignOut
}

/** Both, behind the guard of the network. */
export function oidcWays(
  config: Config,
  opened: OpenedStore,
  { publicUrl, now }: { readonly publicUrl: string; readonly now: () => number },
): OidcWays {
  const { allowPrivateIssuers } = config.auth
  const clients = createOidcClients({
    fetch: guardedFetch({ allowPrivateIssuers, timeout: 5_000 }),
    secretOf: (provider) => openProviderSecret(opened, config, provider),
    allowHttp: allowPrivateIssuers,
    now,
  })
  const shared = { clients, providers: opened.store.reads.providers, flows: opened.store.signInFlows, now }
  return {
    oidc: createOidcSignIn({ ...shared, redirectUri: publicUrl + CALLBACK }),
    oidcSignOut: createOidcSignOut({ ...shared, redirectUri: publicUrl + SIGNED_OUT }),
  }
}

/** Who signs in with an issuer, over all orgs: for what an issuer says by itself. */
export async function clientsOfIssuer(reads: Store['reads'], issuer: string): Promise<readonly LogoutClient[]> {
  const providers = await reads.providers.enabled('oidc')
  return providers
    .map(({ orgId, config }) => ({ orgId, ...readOidcConfig(config) }))
    .filter((each) => each.issuer === issuer)
}

/**
 * The config of a provider in its full form.
 * @throws DomainError `invalid-value` naming what is wrong
 */
export function checkedProviderConfig(config: Config, kind: ProviderKind, given: JsonObject): JsonObject {
  if (kind === 'ldap') return checkedDirectory(config, given) as unknown as JsonObject
  const read = readOidcConfig(given)
  const problem = keyAddressProblem(read.issuer, config.auth.allowPrivateIssuers)
  if (problem === undefined) return read as unknown as JsonObject
  throw new DomainError('invalid-value', `issuer: ${problem}`, {
    reason: 'provider.invalid',
    params: { path: 'issuer' },
  })
}

function checkedDirectory({ auth, ldap }: Config, given: JsonObject): LdapConfig {
  const read = readLdapConfig(given, ldap.allowPlain)
  // A name is looked at when it is resolved, which is at each sign-in.
  const host = new URL(read.url).hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 0 || mayReach(host, auth.allowPrivateIssuers)) return read
  throw new DomainError('invalid-value', `url: ${host} is not a public address`, {
    ...{ reason: 'provider.invalid', params: { path: 'url' } },
  })
}

/**
 * Asks a provider as each sign-in begins: discovery, or connection, bind and base of a directory.
 * @returns what is wrong, for the operator; undefined where it answers
 */
export async function providerProblem(
  config: Config,
  opened: OpenedStore,
  provider: StoredProvider,
): Promise<string | undefined> {
  const { allowPrivateIssuers: allowHttp } = config.auth
  const secretOf = (one: StoredProvider): string | undefined => openProviderSecret(opened, config, one)
  try {
    if (provider.kind === 'ldap') {
      const settings = { ...readLdapConfig(provider.config, config.ldap.allowPlain), bindPassword: secretOf(provider) }
      const guard = provider.origin === 'environment' ? undefined : createAddressGuard(allowHttp)
      await checkDirectory(settings as LdapSettings, guard)
    } else {
      const fetch = guardedFetch({ allowPrivateIssuers: allowHttp, timeout: 5_000 })
      await createOidcClients({ fetch, secretOf, allowHttp, now: Date.now }).get(provider)
    }
    return undefined
  } catch (error) {
    return causeOf(error)
  }
}

/** The innermost sentence: what is around it is for people who sign in. */
function causeOf(error: unknown): string {
  let found = error
  while (found instanceof Error && found.cause instanceof Error) found = found.cause
  return found instanceof Error ? found.message : String(found)
}

/**
 * Gives the first org the providers that the environment names, or what the environment says of them now; where it names
 * none any more, the one it once named is switched off.
 * @throws DomainError `invalid-value` for an issuer that may not be asked, or settings that no directory could have
 */
export async function ensureEnvironmentProviders(
  provisioning: Provisioning,
  reads: Store['reads'],
  config: Config,
): Promise<void> {
  const org = await reads.orgs.find(FIRST)
  if (org === undefined) return
  const caller = { orgId: org.id, connection: undefined, ...systemOperation() }
  const known = (await reads.providers.list(org.id)).filter(({ origin }) => origin === 'environment')
  const named: readonly NamedProvider[] = [
    { kind: 'oidc', name: ENVIRONMENT_NAME, wanted: environmentConfig(config), enabled: true },
    { kind: 'ldap', name: DIRECTORY_NAME, wanted: environmentDirectory(config), enabled: config.ldap.login },
  ]
  for (const each of named) await ensureProvider(provisioning, caller, known, each)
}

/** What the environment says of a kind of provider; `wanted` is undefined where it names none. */
interface NamedProvider {
  readonly kind: ProviderKind
  readonly name: string
  readonly wanted: JsonObject | undefined
  readonly enabled: boolean
}

async function ensureProvider(
  provisioning: Provisioning,
  caller: Caller,
  known: readonly SignInProvider[],
  { kind, name, wanted, enabled }: NamedProvider,
): Promise<void> {
  const found = known.find((each) => each.kind === kind)
  if (wanted === undefined) {
    if (found?.enabled === true) await changeProvider(provisioning, caller, found.id, { enabled: false }).durable
  } else if (found === undefined) {
    const draft = { kind, name, enabled, config: wanted, origin: 'environment' } as const
    await createProvider(provisioning, caller, draft).durable
  } else await changeProvider(provisioning, caller, found.id, { enabled, config: wanted }).durable
}

function environmentConfig(config: Config): JsonObject | undefined {
  const { issuer, clientId, clientSecret, scopes = '', groups, identifierClaims, externalIdClaim } = config.oidc
  if (issuer === undefined || clientId === undefined) return undefined
  return checkedProviderConfig(config, 'oidc', {
    ...{ issuer, clientId, groups, identifierClaims, claims: { externalId: externalIdClaim } },
    scopes: scopes.split(/[\s,]+/).filter((scope) => scope !== ''),
    clientAuth: clientSecret === undefined ? 'none' : 'basic',
  })
}
