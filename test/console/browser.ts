import { expect } from 'chai'
import { createSessions, type SignedIn } from '../../src/auth/session.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { hostCookie } from '../../src/http/cookies.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import type { TestStore } from '../support/databases.ts'
import { operation, type Tenant } from '../support/tenant.ts'

/** One answer to a {@link Browser}. */
export interface PageAnswer {
  readonly status: number
  readonly headers: Headers
  readonly html: string
}

/** Keeps cookies and fills in forms as a browser does, and looks at every answer; it runs no scripts, as no page has any. */
export class Browser {
  readonly #origin: string
  readonly #publicOrigin: string
  readonly #cookies = new Map<string, string>()

  /**
   * @param origin where the gateway listens
   * @param publicUrl what it takes for its own address
   */
  constructor(origin: string, publicUrl = origin) {
    this.#origin = origin
    this.#publicOrigin = new URL(publicUrl).origin
  }

  /** The cookies it would send. */
  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(name, value)
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<PageAnswer> {
    return this.#send('GET', path, { headers })
  }

  /** Sends fields as they are, from a page of our own. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<PageAnswer> {
    return this.#send('POST', path, {
      body: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: this.#publicOrigin,
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    })
  }

  /** Sends JSON as a page of our own would. */
  json(
    method: string,
    path: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<PageAnswer> {
    return this.#send(method, path, {
      body: JSON.stringify(body),
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json' },
        ...{ origin: this.#publicOrigin, 'sec-fetch-site': 'same-origin' },
        ...headers,
      },
    })
  }

  /** Opens a page, fills in its form of that action and sends it. */
  async submit(page: string, action: string, fields: Readonly<Record<string, string>> = {}): Promise<PageAnswer> {
    const { html } = await this.get(page)
    return this.post(action, { ...hiddenFields(html, action), ...fields })
  }

  async #send(
    method: string,
    path: string,
    { body, headers }: { readonly body?: string; readonly headers: Readonly<Record<string, string>> },
  ): Promise<PageAnswer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(this.#origin + path, {
      ...{ method, redirect: 'manual' },
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...headers },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    return { status: answer.status, headers: answer.headers, html: await answer.text() }
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    expect(attributes, line).to.include.members(['Path=/', 'HttpOnly', 'SameSite=Lax'])
    if (this.#publicOrigin.startsWith('https:')) {
      expect(name).to.match(/^__Host-/)
      expect(attributes, line).to.include('Secure')
    }
    if (value === '' || attributes.includes('Expires=Thu, 01 Jan 1970 00:00:00 GMT')) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

/** What the form of an action has filled in by itself, its token among it. */
export function hiddenFields(html: string, action: string): Record<string, string> {
  const form = [...html.matchAll(/<form action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find(([, to]) => to === action)
  expect(form, `a form for ${action} in ${html}`).not.to.equal(undefined)
  const inputs = [...form![2]!.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value.replaceAll('&amp;', '&')]))
}

/** A browser in which a person is signed in, by a session that was begun as any sign-in begins one. */
export async function signedIn(
  { origin, publicUrl, test, tenant }: SignInPlace,
  user: UserId,
  more: Partial<SignedIn> = {},
): Promise<Browser> {
  const hours = 3_600_000
  const sessions = createSessions({
    ...{ sessions: test.store.reads.sessions, publicUrl, now: Date.now, onUsed: () => undefined },
    ...{ idle: 72 * hours, longest: 720 * hours },
  })
  const orgId = more.orgId ?? tenant.orgId
  const { session, cookie } = sessions.mint({ orgId, userId: user, method: 'oidc', ...more })
  await startSession(tenant.provisioning, operation(), orgId, session).durable
  const browser = new Browser(origin, publicUrl)
  browser.setCookie(hostCookie(publicUrl, 'rollcall').name, cookie)
  return browser
}

interface SignInPlace {
  readonly origin: string
  readonly publicUrl: string
  readonly test: TestStore
  readonly tenant: Tenant
}
