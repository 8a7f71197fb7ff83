import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { issuerKey, type IssuerKey, signed } from './issuer.ts'

/** What an issuer answers; a lie changes one part of it. */
export interface IssuerAnswers {
  /** The discovery document. */
  discovery: Record<string, unknown>
  /** The header and the claims of the next ID token. */
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** What signs it, and what the key set shows. */
  signer: IssuerKey
  keys: readonly unknown[]
  /** The ID token in place of the one made of the above. */
  idToken?: string | undefined
  /** What stands beside the code at the redirect. */
  redirect: Record<string, string>
  userInfo: Record<string, unknown>
  /** Status of the token endpoint. */
  tokenStatus: number
}

/** What a logout token is made of. */
export interface LogoutTokenParts {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  signer: IssuerKey
}

/** An issuer that answers as it is told, right or wrong. */
export interface LyingIssuer {
  readonly issuer: string
  readonly clientId: string
  /** The requests that reached its token endpoint: their forms. */
  readonly exchanges: URLSearchParams[]
  /** How often each path was asked. */
  readonly asked: Map<string, number>
  /** Answers an authorization request: @returns where the browser is sent back to. */
  answer(authorization: string, lie?: (answers: IssuerAnswers) => void): URL
  /** A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) of that content, true until somebody says otherwise. */
  logoutToken(claims: Readonly<Record<string, unknown>>, lie?: (token: LogoutTokenParts) => void): string
  close(): Promise<void>
}

export const LYING_CLIENT = 'rollcall-lab'

/** Starts one whose answers are all true until somebody says otherwise. */
export async function openLyingIssuer(): Promise<LyingIssuer> {
  const asked = new Map<string, number>()
  const exchanges: URLSearchParams[] = []
  const key = await issuerKey('k1')
  let answers: IssuerAnswers | undefined
  const server = createServer((req, res) => {
    const path = new URL(req.url ?? '/', 'http://x').pathname
    asked.set(path, (asked.get(path) ?? 0) + 1)
    void reply(req, path).then(([status, body]) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const discovery = {
    ...{ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` },
    ...{
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/end`,
      response_types_supported: ['code'],
    },
    ...{ id_token_signing_alg_values_supported: ['RS256', 'ES256'], code_challenge_methods_supported: ['S256'] },
    authorization_response_iss_parameter_supported: true,
  }

  async function reply(req: IncomingMessage, path: string): Promise<readonly [number, unknown]> {
    const documents: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': answers?.discovery ?? discovery,
      '/jwks': { keys: answers?.keys ?? [key.jwk] },
      '/userinfo': answers?.userInfo ?? {},
    }
    if (documents[path] !== undefined) return [200, documents[path]]
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    exchanges.push(new URLSearchParams(Buffer.concat(chunks).toString('utf8')))
    const { tokenStatus, idToken, header, claims, signer } = answers!
    if (tokenStatus !== 200) return [tokenStatus, { error: 'invalid_grant' }]
    const token = idToken ?? signed(header, claims, signer)
    return [200, { access_token: 'opaque', token_type: 'Bearer', expires_in: 60, id_token: token }]
  }

  return {
    ...{ issuer, clientId: LYING_CLIENT, exchanges, asked },
    answer(authorization, lie = () => undefined) {
      const { searchParams } = new URL(authorization)
      const now = Math.floor(Date.now() / 1000)
      answers = {
        ...{
          discovery: { ...discovery },
          header: { alg: 'RS256', kid: 'k1', typ: 'JWT' },
          signer: key,
          keys: [key.jwk],
        },
        claims: {
          ...{ iss: issuer, aud: LYING_CLIENT, sub: 's-1', iat: now, exp: now + 300 },
          ...{ nonce: searchParams.get('nonce'), preferred_username: 'ann', email: 'ann@x.example' },
        },
        redirect: { code: 'a-code', state: searchParams.get('state') ?? '', iss: issuer },
        ...{ userInfo: { sub: 's-1' }, tokenStatus: 200 },
      }
      lie(answers)
      const back = new URL(searchParams.get('redirect_uri') ?? '')
      back.search = new URLSearchParams(answers.redirect).toString()
      return back
    },
    logoutToken(more, lie = () => undefined) {
      const now = Math.floor(Date.now() / 1000)
      const parts: LogoutTokenParts = {
        header: { alg: 'RS256', kid: 'k1', typ: 'logout+jwt' },
        claims: {
          ...{ iss: issuer, aud: LYING_CLIENT, iat: now, exp: now + 120, jti: randomUUID() },
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
          ...more,
        },
        signer: key,
      }
      lie(parts)
      return signed(parts.header, parts.claims, parts.signer)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
