import { createHash, randomBytes } from 'node:crypto'
import * as oidc from 'openid-client'
import type { OrgId, UserId } from '../../domain/ids.ts'
import type { ProviderReads, SignInFlow, SignInFlows, SignInProvider } from '../../domain/sign-in-provider.ts'
import { type OidcClient, type OidcClients, speaking } from './oidc-client.ts'

export interface OidcSignOutOptions {
  readonly clients: OidcClients
  readonly providers: ProviderReads
  readonly flows: SignInFlows
  /** Where the provider sends browsers back to: registered there as a post-logout redirect URI. */
  readonly redirectUri: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** A session that has ended here and goes on at its issuer. */
export interface LeftSession {
  readonly orgId: OrgId
  readonly user: UserId
  readonly issuer: string
  readonly idToken: string | undefined
  /** The secret that this browser keeps in a cookie: it alone may go on. */
  readonly browser: string
}

/** Sign-out at the issuer too (OpenID Connect RP-Initiated Logout 1.0). */
export interface OidcSignOut {
  /**
   * Keeps what the issuer will be asked to end, for ten minutes.
   * @returns the secret to go on with; undefined where the issuer offers nothing, or cannot be reached now
   */
  begin(session: LeftSession): Promise<string | undefined>
  /**
   * @returns where the browser is to go; undefined where it is too late, was done before, or was begun elsewhere
   * @throws DomainError `unavailable`
   */
  finish(secret: string, browser: string | undefined): Promise<URL | undefined>
}

const FLOW_MS = 10 * 60_000
/** UTF-16 units: with more of it the address would be one that servers refuse. Without it the issuer asks the person. */
const LONGEST_HINT = 4_000
const STATE = /^[\w-]{43}$/

/** Sign-out over the providers of the orgs; what lies between its halves is a row, so any instance may do the second. */
export function createOidcSignOut(options: OidcSignOutOptions): OidcSignOut {
  const { clients, flows, now } = options
  return {
    async begin({ orgId, user, issuer, idToken, browser }) {
      const provider = await providerOf(options.providers, orgId, issuer)
      if (provider === undefined || !(await canEnd(clients, provider))) return undefined
      const secret = randomBytes(32).toString('base64url')
      const hint = idToken !== undefined && idToken.length <= LONGEST_HINT ? { idToken } : {}
      await flows.begin({
        ...{ stateHash: sha256(secret), browserHash: sha256(browser), orgId, providerId: provider.id },
        ...{ purpose: { signOut: true, user, ...hint }, expires: now() + FLOW_MS },
      })
      return secret
    },
    async finish(secret, browser) {
      if (!STATE.test(secret) || browser === undefined) return undefined
      const flow = await flows.take(sha256(secret), now())
      if (flow?.purpose['signOut'] !== true || !sha256(browser).equals(flow.browserHash)) return undefined
      const provider = await options.providers.find(flow.orgId, flow.providerId)
      if (provider?.enabled !== true) return undefined
      return endAddress(await clients.get(provider), flow, options.redirectUri)
    },
  }
}

async function providerOf(reads: ProviderReads, orgId: OrgId, issuer: string): Promise<SignInProvider | undefined> {
  const all = await reads.list(orgId)
  return all.find(({ kind, enabled, config }) => kind === 'oidc' && enabled && config['issuer'] === issuer)
}

/** Whoever signs out is signed out here already: an issuer that does not answer changes nothing of that. */
async function canEnd(clients: OidcClients, provider: SignInProvider): Promise<boolean> {
  try {
    const { client } = await speaking(() => clients.get({ ...provider, sealedSecret: undefined }))
    return client.serverMetadata().end_session_endpoint !== undefined
  } catch {
    return false
  }
}

function endAddress({ client }: OidcClient, { purpose }: SignInFlow, redirectUri: string): URL | undefined {
  if (client.serverMetadata().end_session_endpoint === undefined) return undefined
  const { idToken } = purpose
  return oidc.buildEndSessionUrl(client, {
    post_logout_redirect_uri: redirectUri,
    ...(typeof idToken === 'string' ? { id_token_hint: idToken } : {}),
  })
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
