import { isId, type ConnectionId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { ACCESS_TOKEN_LIFE, type AccessTokens } from './access-token.ts'
import { AuthError, guardReads, unauthorized } from './auth-error.ts'
import { parseAuthorization } from './credential.ts'
import { limited, type FailureLimiter } from './failure-limiter.ts'
import { busyAnswer, errorAnswer, type FormAnswer, type FormRequest, NO_STORE, singleFields } from './form-endpoint.ts'
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

/** The OAuth 2 client credentials grant (RFC 6749 §4.4): client_id is a connection's id, client_secret a token of it. */
export interface TokenGrants {
  /** Answers a token request; what is wrong with it is in the answer (RFC 6749 §5.2), only bugs are thrown. */
  grant(request: FormRequest): Promise<FormAnswer>
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

const CLIENT_CHALLENGE = 'Basic realm="rollcall"'
const FIELDS = ['grant_type', 'client_id', 'client_secret', 'scope']

/** The token endpoint without its HTTP. */
export function createTokenGrants(options: TokenGrantsOptions): TokenGrants {
  const parts = { ...options, credentials: guardReads(options.credentials) }
  return {
    issueAccessToken: async (client) => issue(parts, await liveClient(parts, [client])),
    async grant(request) {
      const form = singleFields(request.form, FIELDS)
      if (typeof form === 'string') return invalidRequest(form)
      const grantType = form['grant_type']
      if (grantType === undefined) return invalidRequest('The field grant_type is missing.')
      if (grantType !== 'client_credentials') {
        return errorAnswer(400, 'unsupported_grant_type', 'Only the grant type client_credentials is supported.')
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

function refused(error: unknown, byHeader: boolean): FormAnswer {
  if (!(error instanceof AuthError)) throw error
  if (error.status !== 401) return busyAnswer(error)
  const text = 'The client_id is not a connection, or the client_secret is no live token of it.'
  const unknown = errorAnswer(401, 'invalid_client', text)
  const challenge = byHeader ? { 'WWW-Authenticate': CLIENT_CHALLENGE } : {}
  return { ...unknown, headers: { ...unknown.headers, ...challenge }, refusal: error }
}

function invalidRequest(description: string): FormAnswer {
  return errorAnswer(400, 'invalid_request', description)
}
