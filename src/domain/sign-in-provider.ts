import type { ConnectionId, OrgId, ProviderId } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { ProviderKind } from './sign-in.ts'

/** What people of an org sign in with. Times are epoch milliseconds. */
export interface SignInProvider {
  readonly orgId: OrgId
  readonly id: ProviderId
  readonly kind: ProviderKind
  /** What the button on the sign-in page says; one of a name in an org, in any case. */
  readonly name: string
  readonly enabled: boolean
  /** Where it comes from: an admin, or the environment, which is then where its secret stays too. */
  readonly origin: 'made' | 'environment'
  /** By kind; checked when it was saved, and without any secret. */
  readonly config: JsonObject
  /** Whether a secret is kept with it. */
  readonly hasSecret: boolean
  readonly version: number
  readonly created: number
}

/** A provider with its secret, wrapped by the master key. */
export interface StoredProvider extends SignInProvider {
  readonly sealedSecret: Uint8Array | undefined
}

export interface ProviderReads {
  /** Those of an org by age, disabled ones too. */
  list(orgId: OrgId): Promise<readonly SignInProvider[]>
  find(orgId: OrgId, id: ProviderId): Promise<StoredProvider | undefined>
  /** Every enabled one of a kind over all orgs, for what names its issuer and no org. */
  enabled(kind: ProviderKind): Promise<readonly StoredProvider[]>
}

export interface ProviderWrites {
  list(orgId: OrgId): Promise<readonly SignInProvider[]>
  find(orgId: OrgId, id: ProviderId): Promise<StoredProvider | undefined>
  /** @throws DomainError `uniqueness` when the name is taken */
  insert(orgId: OrgId, provider: StoredProvider): Promise<void>
  /** @throws DomainError `uniqueness` when the name is taken */
  update(orgId: OrgId, provider: StoredProvider, at: number): Promise<void>
  /** Ends it, and the pairings with it; who people are there stays known. */
  /** @returns the connections that were paired with it, and are with none now */
  remove(orgId: OrgId, id: ProviderId): Promise<readonly ConnectionId[]>
  /** Pairs a connection, or ends its pairing. */
  pair(orgId: OrgId, connection: ConnectionId, provider: ProviderId | undefined): Promise<void>
  /** The provider a connection is paired with. */
  pairedWith(orgId: OrgId, connection: ConnectionId): Promise<ProviderId | undefined>
}

/** A sign-in, or a sign-out, on its way to a provider and back. */
export interface SignInFlow {
  /** SHA-256 of the `state` parameter, 32 bytes. */
  readonly stateHash: Uint8Array
  /** SHA-256 of the cookie of the browser that began it, 32 bytes. */
  readonly browserHash: Uint8Array
  readonly orgId: OrgId
  readonly providerId: ProviderId
  readonly purpose: JsonObject
  /** Epoch milliseconds. */
  readonly expires: number
}

/** Flows are rows, so that another instance may finish what one began, and so that each is finished once. */
export interface SignInFlows {
  begin(flow: SignInFlow): Promise<void>
  /** Takes a flow out: a second call, on whatever instance, finds nothing. */
  take(stateHash: Uint8Array, now: number): Promise<SignInFlow | undefined>
}
