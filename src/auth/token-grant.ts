import { isId, type ConnectionId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { ACCESS_TOKEN_LIFE, type AccessTokens } from './access-token.ts'
import { AuthError, guardReads, unauthorized } from './auth-error.ts'
import { parseAuthorization } from './credential.ts'
import { limited, type FailureLimiter } from './failure-limiter.ts'
import type { TokenUse } from './last-used.ts'
import { findToken, requireLive, type LiveToken } from './opaque-token.ts'

export interface TokenGrantsOptions {
  readonly credentials: CredentialReads
  readonly accessTokens: AccessTokens
  readonly limiter: FailureLimiter
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Told of every use of a token: `LastUsed.note`. */
  readonly onUsed: (use: TokenUse) => void
}

/** A request to the token endpoint. `form` holds the body's fields; one sent twice has an array. */
export interface TokenRequest {
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, unknown>> | undefined
  /** The client's IP address. */
  readonly source: string
}

/** An answer of the token endpoint, to be sent as JSON. `headers` include `Cache-Control: no-store`. */
export interface TokenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, string | number>>
  /** What was refused, where it was a credential or an outage: for logs and records. */
  readonly refusal?: AuthError
}

/** The OAuth 2 client credentials grant (RFC 6749 §4.4): client_id is a connection's id, client_secret a token of it. */
export interface TokenGrants {
  /** Answers a token request; what is wrong with it is in the answer (RFC 6749 §5.2), only bugs are thrown. */
  grant(request: TokenRequest): Promise<TokenAnswer>
  /**
   * An access token for a connection's id and a live token of it.
   * @throws AuthError 401 when they do not belong together or are not live, 503 for a store outage
   */
  issueAccessToken(client: ClientCredentials): Promise<IssuedAccessToken>
}

export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface IssuedAccessToken {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  /** Space-separated. */
  readonly scope: string
}

const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }
const CLIENT_CHALLENGE = 'Basic realm="rollcall"'

/** The token endpoint without its HTTP. */
export function createTokenGrants(options: TokenGrantsOptions): TokenGrants {
  const parts = { ...options, credentials: guardReads(options.credentials) }
  return {
    issueAccessToken: async (client) => issue(parts, await liveClient(parts, [client])),
    async grant(request) {
      const form = singleFields(request.form)
      if (typeof form === 'string') return invalidRequest(form)
      const grantType = form['grant_type']
      if (grantType === undefined) return invalidRequest('The field grant_type is missing.')
      if (grantType !== 'client_credentials') {
        return answer(400, 'unsupported_grant_type', 'Only the grant type client_credentials is supported.')
      }
      const clients = readClient(request.authorization, form)
      if (typeof clients === 'string') return invalidRequest(clients)
      try {
        const issued = await issue(parts, await liveClient(parts, clients))
        return { status: 200, headers: NO_STORE, body: { ...issued } }
      } catch (error) {
        return refused(await limited(options.limiter, error, request.source), request.authorization !== undefined)
      }
    },
  }
}

async function issue(options: TokenGrantsOptions, live: LiveToken): Promise<IssuedAccessToken> {
  const { token, connection } = live
  options.onUsed({ orgId: token.orgId, connectionId: token.connectionId, tokenId: token.id, at: options.now() })
  return {
    ...{ access_token: await options.accessTokens.sign(live), token_type: 'Bearer', expires_in: ACCESS_TOKEN_LIFE },
    scope: connection.scopes.join(' '),
  }
}

/** The first reading of the credentials that names a live token of the very connection. */
async function liveClient(options: TokenGrantsOptions, clients: readonly ClientCredentials[]): Promise<LiveToken> {
  for (const { clientId, clientSecret } of clients) {
    if (!isId(clientId)) continue
    const token = await findToken(options.credentials, clientSecret)
    if (token?.connectionId !== (clientId as ConnectionId)) continue
    return requireLive(token, options.now())
  }
  throw unauthorized(clients.length === 0 ? 'credential.missing' : 'token.unknown')
}

/** RFC 6749 §3.2: a parameter sent twice is refused, one without a value counts as omitted. */
function singleFields(form: TokenRequest['form']): Record<string, string | undefined> | string {
  if (form === undefined) return 'Send the fields as application/x-www-form-urlencoded.'
  const fields: Record<string, string | undefined> = {}
  for (const name of ['grant_type', 'client_id', 'client_secret', 'scope']) {
    const value = Object.hasOwn(form, name) ? form[name] : undefined
    if (value === undefined || value === '') continue
    if (typeof value !== 'string') return `The field ${name} is sent more than once.`
    fields[name] = value
  }
  return fields
}

/** The client's credentials as they may be read, from `Basic` or from the body; a sentence when they come both ways. */
function readClient(
  authorization: string | undefined,
  form: Readonly<Record<string, string | undefined>>,
): readonly ClientCredentials[] | string {
  const { client_id: clientId, client_secret: clientSecret } = form
  if (authorization === undefined) {
    if (clientId === undefined || clientSecret === undefined) return []
    return [{ clientId, clientSecret }]
  }
  if (clientSecret !== undefined) return 'Send the credentials in one way only: as Basic, or in the body.'
  const credential = parseAuthorization(authorization)
  if (credential?.scheme !== 'basic') return []
  const raw = { clientId: credential.user, clientSecret: credential.password }
  const decoded = { clientId: formDecode(raw.clientId), clientSecret: formDecode(raw.clientSecret) }
  if (clientId !== undefined && clientId !== raw.clientId && clientId !== decoded.clientId) {
    return 'The client_id of the body is not the one of the Authorization header.'
  }
  // RFC 6749 §2.3.1 asks for form encoding inside Basic; many clients send the bare text, where "+" means itself.
  return /[+%]/.test(raw.clientSecret) ? [decoded, raw] : [raw]
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function refused(error: unknown, byHeader: boolean): TokenAnswer {
  if (!(error instanceof AuthError)) throw error
  const wait = error.retryAfter === undefined ? {} : { 'Retry-After': String(error.retryAfter) }
  if (error.status !== 401) {
    const busy = answer(error.status, 'temporarily_unavailable', error.message)
    return { ...busy, headers: { ...busy.headers, ...wait }, refusal: error }
  }
  const text = 'The client_id is not a connection, or the client_secret is no live token of it.'
  const unknown = answer(401, 'invalid_client', text)
  const challenge = byHeader ? { 'WWW-Authenticate': CLIENT_CHALLENGE } : {}
  return { ...unknown, headers: { ...unknown.headers, ...challenge }, refusal: error }
}

function invalidRequest(description: string): TokenAnswer {
  return answer(400, 'invalid_request', description)
}

/** An error answer (RFC 6749 §5.2). The description may hold printable ASCII only. */
function answer(status: number, error: string, description: string): TokenAnswer {
  return { status, headers: NO_STORE, body: { error, error_description: description } }
}
