import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPair, exportJWK, type JWK } from 'jose'
import { Provider } from 'oidc-provider'

/** Somebody at the honest issuer: who they are is their id, what is said of them the rest. */
export type IssuerPerson = Readonly<Record<string, unknown>>

/** A real OpenID provider (oidc-provider) on loopback, with people of its own. */
export interface HonestIssuer {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Whom it knows, by subject; changed at will. */
  readonly people: Map<string, IssuerPerson>
  /** Signs somebody in as their browser would, following the provider's own pages. @returns where it sends them back to */
  signIn(authorization: string, subject: string): Promise<URL>
  /** Refuses at the provider's page. @returns where it sends them back to */
  refuse(authorization: string): Promise<URL>
  close(): Promise<void>
}

const CLIENT_ID = 'rollcall'
const CLIENT_SECRET = 'a-secret-of-the-client-that-only-two-know'

/** @param redirectUri where this gateway wants people back; more than one where several gateways use it */
export async function openHonestIssuer(...redirectUris: readonly string[]): Promise<HonestIssuer> {
  const listener = createServer((req, res) => {
    void handle(req, res)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const people = new Map<string, IssuerPerson>()
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const key: JWK = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [...redirectUris] },
        ...{ response_types: ['code'], grant_types: ['authorization_code'] },
        post_logout_redirect_uris: redirectUris.map((uri) => new URL('/signed-out', uri).href),
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['one key for the cookies of a test'] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'groups'],
    },
    pkce: { required: () => true },
    features: { rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ ...people.get(id), sub: id }),
    }),
  })
  const handle = provider.callback()
  return {
    ...{ issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, people },
    signIn: (authorization, subject) => walk(issuer, authorization, { login: subject, password: 'any' }),
    refuse: (authorization) => walk(issuer, authorization, undefined),
    async close() {
      listener.closeAllConnections()
      listener.close()
      await once(listener, 'close')
    },
  }
}

/** Goes from page to page with the provider's cookies until it sends the browser away. */
async function walk(
  issuer: string,
  authorization: string,
  login: Readonly<Record<string, string>> | undefined,
): Promise<URL> {
  const cookies = new Map<string, string>()
  let next = new URL(authorization)
  let form: URLSearchParams | undefined
  for (let step = 0; step < 12; step++) {
    if (next.origin !== issuer) return next
    const answer = await fetch(next, {
      ...{ redirect: 'manual', method: form === undefined ? 'GET' : 'POST' },
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: form }),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    const html = await answer.text()
    const to = answer.headers.get('location')
    form = undefined
    if (to !== null) next = new URL(to, next)
    else if (login === undefined) next = new URL(`${next.href}/abort`)
    else if (html.includes('value="login"')) form = new URLSearchParams({ prompt: 'login', ...login })
    else if (html.includes('value="consent"')) form = new URLSearchParams({ prompt: 'consent' })
    else throw new Error(`the provider answered ${answer.status}: ${html.slice(0, 500)}`)
  }
  throw new Error('the provider sends the browser in circles')
}
