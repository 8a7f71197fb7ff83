import { guardedFetch, keyAddressProblem } from './auth/key-fetch.ts'
import type { Config } from './config.ts'
import { DomainError } from './domain/errors.ts'
import type { OrgId } from './domain/ids.ts'
import type { JsonObject } from './domain/json.ts'
import type { ProviderKind } from './domain/sign-in.ts'
import type { SignInProvider, StoredProvider } from './domain/sign-in-provider.ts'
import type { PayloadSealer } from './domain/outbox.ts'
import { FIRST, systemOperation } from './first-start.ts'
import type { OpenedStore } from './opened-store.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { changeProvider, createProvider } from './provisioning/sign-in-providers.ts'
import { readOidcConfig } from './signin/oidc/oidc-config.ts'
import { createOidcSignIn, type OidcSignIn } from './signin/oidc/oidc-sign-in.ts'
import type { Store } from './storage/store.ts'

/** Where providers send browsers back to, after the public address. */
export const CALLBACK = '/oidc/callback'

const ENVIRONMENT_NAME = 'Single sign-on'

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
  if (origin === 'environment' && kind === 'oidc') return config.oidc.clientSecret
  return sealedSecret === undefined
    ? undefined
    : secrets.open(labelOf(orgId, kind), Buffer.from(sealedSecret).toString('utf8'))
}

/** Sign-in by OpenID Connect, behind the guard of the network. */
export function oidcSignIn(
  config: Config,
  opened: OpenedStore,
  { publicUrl, now }: { readonly publicUrl: string; readonly now: () => number },
): OidcSignIn {
  const { allowPrivateIssuers } = config.auth
  return createOidcSignIn({
    fetch: guardedFetch({ allowPrivateIssuers, timeout: 5_000 }),
    secretOf: (provider) => openProviderSecret(opened, config, provider),
    allowHttp: allowPrivateIssuers,
    now,
    providers: opened.store.reads.providers,
    flows: opened.store.signInFlows,
    redirectUri: publicUrl + CALLBACK,
  })
}

/**
 * The config of a provider in its full form.
 * @throws DomainError `invalid-value` naming what is wrong
 */
export function checkedProviderConfig(config: Config, kind: ProviderKind, given: JsonObject): JsonObject {
  if (kind !== 'oidc') return given
  const read = readOidcConfig(given)
  const problem = keyAddressProblem(read.issuer, config.auth.allowPrivateIssuers)
  if (problem === undefined) return read as unknown as JsonObject
  throw new DomainError('invalid-value', `issuer: ${problem}`, {
    reason: 'provider.invalid',
    params: { path: 'issuer' },
  })
}

/**
 * Gives the first org the provider that the environment names, or what the environment says of it now; where it names
 * none any more, the one it once named is switched off.
 * @throws DomainError `invalid-value` for an issuer that may not be asked
 */
export async function ensureEnvironmentProvider(
  provisioning: Provisioning,
  reads: Store['reads'],
  config: Config,
): Promise<void> {
  const org = await reads.orgs.find(FIRST)
  if (org === undefined) return
  const caller = { orgId: org.id, connection: undefined, ...systemOperation() }
  const known = (await reads.providers.list(org.id)).find(isOfEnvironment)
  const wanted = environmentConfig(config)
  if (wanted === undefined) {
    if (known?.enabled === true) await changeProvider(provisioning, caller, known.id, { enabled: false }).durable
    return
  }
  if (known === undefined) {
    const draft = { kind: 'oidc', name: ENVIRONMENT_NAME, config: wanted, origin: 'environment' } as const
    await createProvider(provisioning, caller, draft).durable
  } else await changeProvider(provisioning, caller, known.id, { enabled: true, config: wanted }).durable
}

function isOfEnvironment({ kind, origin }: SignInProvider): boolean {
  return kind === 'oidc' && origin === 'environment'
}

function environmentConfig(config: Config): JsonObject | undefined {
  const { issuer, clientId, clientSecret, scopes, groups, identifierClaims, externalIdClaim } = config.oidc
  if (issuer === undefined || clientId === undefined) return undefined
  return checkedProviderConfig(config, 'oidc', {
    ...{ issuer, clientId, groups, identifierClaims, claims: { externalId: externalIdClaim } },
    scopes: scopes.split(/[\s,]+/).filter((scope) => scope !== ''),
    clientAuth: clientSecret === undefined ? 'none' : 'basic',
  })
}
