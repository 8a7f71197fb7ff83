import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPair, exportJWK, type JWK } from 'jose'
import { Provider } from 'oidc-provider'

/** Somebody at the honest issuer: who they are is their id, what is said of them the rest. */
export type IssuerPerson = Readonly<Record<string, unknown>>

/** What a browser keeps of the provider. */
export type IssuerCookies = Map<string, string>

/** A real OpenID provider (oidc-provider) on loopback, with people of its own. */
export interface HonestIssuer {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Whom it knows, by subject; changed at will. */
  readonly people: Map<string, IssuerPerson>
  /** Signs somebody in as their browser would, following the provider's own pages. @returns where it sends them back to */
  signIn(authorization: string, subject: string, cookies?: IssuerCookies): Promise<URL>
  /** Agrees to be signed out there, as the browser that has the cookies. @returns where it sends them back to */
  signOut(endSession: string, cookies: IssuerCookies): Promise<URL>
  /** Where its own calls go: to a gateway that listens elsewhere than at its public address. */
  deliverTo: string | undefined
  /** What came of its calls: of logouts that it told the gateway. */
  readonly told: number[]
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
        backchannel_logout_uri: new URL('/oidc/backchannel-logout', redirectUris[0]).href,
        backchannel_logout_session_required: true,
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
    features: {
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
    },
    async fetch(url, { method = 'GET', headers, body = null } = {}) {
      const { pathname } = new URL(url instanceof Request ? url.url : url)
      // Without its guard, which lets it call nothing on this machine.
      const asked = { method, headers: new Headers(headers), body }
      const answer = await fetch(self.deliverTo === undefined ? url : self.deliverTo + pathname, asked)
      told.push(answer.status)
      return answer
    },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ ...people.get(id), sub: id }),
    }),
  })
  const handle = provider.callback()
  const told: number[] = []
  const self: HonestIssuer = {
    ...{ issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, people, told, deliverTo: undefined },
    signIn: (authorization, subject, cookies) =>
      walk(issuer, authorization, { login: subject, password: 'any' }, cookies),
    signOut: (endSession, cookies) => walk(issuer, endSession, {}, cookies),
    refuse: (authorization) => walk(issuer, authorization, undefined),
    async close() {
      listener.closeAllConnections()
      listener.close()
      await once(listener, 'close')
    },
  }
  return self
}

/** Goes from page to page with the provider's cookies until it sends the browser away. */
async function walk(
  issuer: string,
  authorization: string,
  login: Readonly<Record<string, string>> | undefined,
  cookies: IssuerCookies = new Map(),
): Promise<URL> {
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
    else [next, form] = filledIn(html, next, login)
  }
  throw new Error('the provider sends the browser in circles')
}

/** Fills in the form of a page of the provider. @returns where it is sent, and what */
function filledIn(html: string, page: URL, login: Readonly<Record<string, string>>): readonly [URL, URLSearchParams] {
  if (html.includes('value="login"')) return [page, new URLSearchParams({ prompt: 'login', ...login })]
  if (html.includes('value="consent"')) return [page, new URLSearchParams({ prompt: 'consent' })]
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1]
  if (xsrf === undefined) throw new Error(`the provider's page has no form that is known: ${html.slice(0, 500)}`)
  return [new URL(/action="([^"]+)"/.exec(html)![1]!, page), new URLSearchParams({ xsrf, logout: 'yes' })]
}
