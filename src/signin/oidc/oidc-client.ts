import * as oidc from 'openid-client'
import { DomainError } from '../../domain/errors.ts'
import type { StoredProvider } from '../../domain/sign-in-provider.ts'
import { type OidcConfig, readOidcConfig } from './oidc-config.ts'

/** `fetch`, behind whatever guards the network of this machine. */
export type IssuerFetch = (
  address: string,
  init: {
    readonly method?: string | undefined
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly body?: string | URLSearchParams | null | undefined
  },
) => Promise<Response>

export interface OidcClientsOptions {
  readonly fetch: IssuerFetch
  /** The secret of a provider in clear; undefined where it has none. */
  readonly secretOf: (provider: StoredProvider) => string | undefined
  /** Permits `http:` as far as `fetch` does: for laboratories. */
  readonly allowHttp: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What speaks with providers. */
export interface OidcClients {
  /** @throws DomainError `unavailable` where the provider cannot be reached, or its discovery document not be believed */
  get(provider: StoredProvider): Promise<OidcClient>
}

/** A provider ready to be spoken with. */
export interface OidcClient {
  readonly config: OidcConfig
  readonly client: oidc.Configuration
}

/** An issuer that cannot be reached, or that fails. */
export class IssuerUnreachable extends Error {
  constructor(cause: unknown) {
    super('The issuer cannot be reached', { cause })
    this.name = 'IssuerUnreachable'
  }
}

/** Milliseconds that a discovery document is used without asking again. */
const FRESH = 10 * 60_000
const MAX_KNOWN = 1_000
const TIMEOUT_SECONDS = 5
/** Seconds that two clocks may differ. */
const SKEW = 60

/**
 * Clients of OpenID providers. Discovery is kept for ten minutes; keys are fetched for each sign-in, so that an issuer
 * may change them at any moment.
 */
export function createOidcClients(options: OidcClientsOptions): OidcClients {
  const known = new Map<string, { readonly metadata: oidc.ServerMetadata; readonly at: number }>()
  const guarded = guardedFetch(options.fetch)

  async function metadataOf({ issuer, clientId }: OidcConfig): Promise<oidc.ServerMetadata> {
    const kept = known.get(issuer)
    if (kept !== undefined && options.now() - kept.at < FRESH) return kept.metadata
    const found = await oidc.discovery(new URL(issuer), clientId, undefined, undefined, {
      [oidc.customFetch]: guarded,
      timeout: TIMEOUT_SECONDS,
      ...(options.allowHttp ? { execute: [oidc.allowInsecureRequests] } : {}),
    })
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(issuer, { metadata: found.serverMetadata(), at: options.now() })
    return found.serverMetadata()
  }

  /** A document that cannot be had or believed is an outage to whoever wants to sign in. */
  async function discovered(config: OidcConfig): Promise<oidc.ServerMetadata> {
    try {
      return await speaking(() => metadataOf(config))
    } catch (error) {
      if (error instanceof DomainError) throw error
      throw new DomainError('unavailable', 'This way to sign in is not set up right; tell your administrator', {
        ...{ reason: 'sign-in.provider-misconfigured', retryAfter: 60, cause: error },
      })
    }
  }

  return {
    async get(provider) {
      const config = readOidcConfig(provider.config)
      // A copy, since the library keeps an issuer's keys by the identity of this very object.
      const metadata = { ...(await discovered(config)) }
      const secret = options.secretOf(provider)
      const client = new oidc.Configuration(
        metadata,
        config.clientId,
        { [oidc.clockTolerance]: SKEW },
        clientAuth(config, secret),
      )
      client[oidc.customFetch] = guarded
      client.timeout = TIMEOUT_SECONDS
      if (options.allowHttp) oidc.allowInsecureRequests(client)
      // TLS alone says who sent an ID token; its signature says who made it.
      oidc.enableNonRepudiationChecks(client)
      return { config, client }
    },
  }
}

function clientAuth({ clientAuth: way }: OidcConfig, secret: string | undefined): oidc.ClientAuth {
  if (way === 'none' || secret === undefined) return oidc.None()
  return way === 'basic' ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret)
}

/** Tells an issuer that is down from one that says no. */
function guardedFetch(fetch: IssuerFetch): oidc.CustomFetch {
  return async (address, { method, headers, body }) => {
    let answer: Response
    try {
      answer = await fetch(address, { method, headers, body: body as string | URLSearchParams | null | undefined })
    } catch (error) {
      throw new IssuerUnreachable(error)
    }
    if (answer.status >= 500) throw new IssuerUnreachable(new Error(`${address} answered ${answer.status}`))
    return answer
  }
}

/**
 * Speaks with an issuer.
 * @throws DomainError `unavailable` where it cannot be reached; else what went wrong
 */
export async function speaking<T>(say: () => Promise<T>): Promise<T> {
  try {
    return await say()
  } catch (error) {
    if (!isOutage(error)) throw error
    throw new DomainError(
      'unavailable',
      'Your identity provider cannot be reached right now. Your account is not the cause; try again in a moment',
      { reason: 'sign-in.provider-down', retryAfter: 10, cause: error },
    )
  }
}

function isOutage(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof IssuerUnreachable || each.name === 'TimeoutError') return true
  }
  return false
}
