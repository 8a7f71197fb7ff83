import { createHash, createHmac, randomBytes } from 'node:crypto'
import * as oidc from 'openid-client'
import { DomainError } from '../../domain/errors.ts'
import type { OrgId, ProviderId } from '../../domain/ids.ts'
import { isJsonObject, type JsonObject } from '../../domain/json.ts'
import type { ProvedPerson } from '../../domain/sign-in.ts'
import type { ProviderReads, SignInFlow, SignInFlows, StoredProvider } from '../../domain/sign-in-provider.ts'
import { type OidcClient, type OidcClients, speaking } from './oidc-client.ts'
import { provedPerson } from './oidc-person.ts'

export interface OidcSignInOptions {
  readonly clients: OidcClients
  readonly providers: ProviderReads
  readonly flows: SignInFlows
  /** Where the provider sends browsers back to: registered there, character by character. */
  readonly redirectUri: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What a sign-in is begun with. */
export interface OidcBegin {
  readonly orgId: OrgId
  readonly providerId: ProviderId
  /** The secret that this browser keeps in a cookie: whoever comes back must have it. */
  readonly browser: string
  /** Given back at the end. */
  readonly purpose: JsonObject
  /** Whether the person must prove themself anew although the provider knows them. */
  readonly again: boolean
}

/** Whom the provider proved, and what it named the sign-in. */
export interface OidcProof {
  readonly proved: ProvedPerson
  readonly provider: StoredProvider
  readonly purpose: JsonObject
  /** The provider's own session (OpenID Connect Back-Channel Logout 1.0 §2.1). */
  readonly sid: string | undefined
  readonly idToken: string
}

/** What came back proves nobody. */
export class SignInRejected extends Error {
  /** The check that failed, for the record: `flow`, `browser`, `provider`, or a code of the protocol. */
  readonly check: string
  /** The org and provider it was begun for; undefined where nothing was begun. */
  readonly of: { readonly orgId: OrgId; readonly providerId: ProviderId } | undefined

  constructor(check: string, of: SignInRejected['of'], cause?: unknown) {
    super(`The sign-in was rejected: ${check}`, { cause })
    this.name = 'SignInRejected'
    this.check = check
    this.of = of
  }
}

/** Sign-in by authorization code with PKCE (OpenID Connect Core 1.0 §3.1; RFC 7636; RFC 9207). */
export interface OidcSignIn {
  /**
   * @returns where the browser is to go
   * @throws DomainError `not-found` for no provider of the org, `unavailable`
   */
  begin(request: OidcBegin): Promise<URL>
  /**
   * @param url the address the browser came back to, as it stands
   * @throws SignInRejected, DomainError `unavailable`
   */
  finish(url: URL, browser: string | undefined): Promise<OidcProof>
}

const FLOW_MS = 10 * 60_000
const SCOPES = ['openid', 'profile', 'email']
/** Seconds within which somebody who was asked again must have proved themself. */
const FRESH_SECONDS = 600
const SKEW_SECONDS = 60
const MAX_SUBJECT = 255

/** Makes the two halves of a sign-in; what lies between them is a row, so any instance may do the second. */
export function createOidcSignIn(options: OidcSignInOptions): OidcSignIn {
  const { clients } = options
  return {
    async begin({ orgId, providerId, browser, purpose, again }) {
      const provider = await options.providers.find(orgId, providerId)
      if (provider?.kind !== 'oidc' || !provider.enabled) {
        throw new DomainError('not-found', 'There is no such way to sign in; go back to the sign-in page')
      }
      const { config, client } = await clients.get(provider)
      const state = randomBytes(32).toString('base64url')
      await options.flows.begin({
        ...{ stateHash: sha256(state), browserHash: sha256(browser), orgId, providerId },
        ...{ purpose: { ...purpose, again }, expires: options.now() + FLOW_MS },
      })
      return oidc.buildAuthorizationUrl(client, {
        ...{ redirect_uri: options.redirectUri, response_type: 'code', state },
        scope: [...SCOPES, ...config.scopes].join(' '),
        nonce: derived(browser, 'nonce', state),
        code_challenge: await oidc.calculatePKCECodeChallenge(derived(browser, 'verifier', state)),
        code_challenge_method: 'S256',
        ...(again ? { prompt: 'login', max_age: '0' } : {}),
      })
    },
    finish: (url, browser) => finish(options, url, browser),
  }
}

async function finish(options: OidcSignInOptions, url: URL, browser: string | undefined): Promise<OidcProof> {
  const state = only(url, 'state')
  const flow = state === undefined ? undefined : await options.flows.take(sha256(state), options.now())
  if (flow === undefined || state === undefined || flow.purpose['signOut'] === true)
    throw new SignInRejected('flow', undefined)
  // Somebody else's answer in this browser would sign it in as somebody else (login CSRF, RFC 6749 §10.12).
  if (browser === undefined || !sha256(browser).equals(flow.browserHash)) throw new SignInRejected('browser', flow)
  const provider = await options.providers.find(flow.orgId, flow.providerId)
  if (provider?.enabled !== true) throw new SignInRejected('provider', flow)
  const spoken = await options.clients.get(provider)
  try {
    return await speaking(() => exchange(options, { provider, flow, url, state, browser }, spoken))
  } catch (error) {
    if (error instanceof DomainError || error instanceof SignInRejected) throw error
    throw new SignInRejected(checkOf(error), flow, error)
  }
}

interface Answered {
  readonly provider: StoredProvider
  readonly flow: SignInFlow
  readonly url: URL
  readonly state: string
  readonly browser: string
}

async function exchange(
  { redirectUri, now }: OidcSignInOptions,
  { provider, flow, url, state, browser }: Answered,
  { config, client }: OidcClient,
): Promise<OidcProof> {
  const answered = new URL(redirectUri)
  answered.search = url.search
  const tokens = await oidc.authorizationCodeGrant(client, answered, {
    ...{ expectedState: state, expectedNonce: derived(browser, 'nonce', state), idTokenExpected: true },
    pkceCodeVerifier: derived(browser, 'verifier', state),
  })
  const idToken = tokens.claims() as JsonObject | undefined
  if (idToken === undefined || tokens.id_token === undefined) throw new SignInRejected('id_token', flow)
  checkTimes(idToken, flow, now())
  const { sub, sid } = idToken
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT) throw new SignInRejected('sub', flow)
  const isShort = [config.claims.email, config.claims.userName].some((name) => !Object.hasOwn(idToken, name))
  const asks = isShort && client.serverMetadata().userinfo_endpoint !== undefined
  const said = asks ? ((await oidc.fetchUserInfo(client, tokens.access_token, sub)) as JsonObject) : {}
  const proved = provedPerson(provider, config, { idToken, userInfo: isJsonObject(said) ? said : {} })
  if (proved === undefined) throw new SignInRejected('identifier-claims', flow)
  return {
    ...{ proved, provider, purpose: flow.purpose, idToken: tokens.id_token },
    sid: typeof sid === 'string' ? sid : undefined,
  }
}

/** What the library leaves open: tokens of the future, and a proof that is older than was asked for. */
function checkTimes({ iat, auth_time: proved }: JsonObject, flow: SignInFlow, now: number): void {
  const seconds = Math.floor(now / 1000)
  if (typeof iat !== 'number' || iat > seconds + SKEW_SECONDS) throw new SignInRejected('iat', flow)
  const isOld = typeof proved === 'number' && proved < seconds - FRESH_SECONDS
  if (flow.purpose['again'] === true && isOld) throw new SignInRejected('auth_time', flow)
}

/** A code that says what was wrong and holds nothing that was sent. */
function checkOf(error: unknown): string {
  if (error instanceof oidc.AuthorizationResponseError) {
    return error.error === 'access_denied' ? 'access_denied' : 'authorization-error'
  }
  if (error instanceof oidc.ResponseBodyError) return error.error === 'invalid_grant' ? 'invalid_grant' : 'token-error'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Z_]{1,60}$/.test(code) ? code : 'protocol'
}

/** The one value of a parameter: one that is there twice is none (RFC 6749 §3.1). */
function only(url: URL, name: string): string | undefined {
  const values = url.searchParams.getAll(name)
  return values.length === 1 ? values[0] : undefined
}

/** Verifier and nonce follow from what the browser alone keeps: the row by itself finishes nothing. */
function derived(browser: string, what: 'nonce' | 'verifier', state: string): string {
  return createHmac('sha256', browser).update(`${what}\n${state}`).digest('base64url')
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
