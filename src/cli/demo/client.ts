/** A SCIM resource or message as it came. */
export type Resource = Readonly<Record<string, unknown>>

/** A demo that cannot go on: a bad argument or an answer no identity provider would accept. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}

/** One request: `query` values are encoded here, null gives a bare key. */
export interface DemoRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | null>>
  readonly body?: Resource
  /** Any other status ends the demo. */
  readonly expect: readonly number[]
}

const TIME_LIMIT_MS = 60_000
const MOST_ATTEMPTS = 5
const LONGEST_WAIT_S = 30

/** Sends the demo's requests over fetch, whose connections stay open between requests. */
export class DemoClient {
  readonly #base: string
  readonly #token: string
  readonly #signal: AbortSignal
  #requests = 0

  /**
   * @param url the SCIM base; a query, as in Entra's `…/scim?aadOptscim062020`, is left out.
   * @throws DemoError when it is no http(s) URL.
   */
  constructor(url: string, token: string, signal: AbortSignal) {
    const base = URL.canParse(url) ? new URL(url) : undefined
    if (base === undefined || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
      throw new DemoError(`"${url}" is no http(s) URL; give the SCIM base, e.g. http://127.0.0.1:8080/scim/v2`)
    }
    this.#base = `${base.origin}${base.pathname.replace(/\/+$/u, '')}`
    this.#token = token
    this.#signal = signal
  }

  /** Requests sent so far, repeated ones included. */
  get requests(): number {
    return this.#requests
  }

  /**
   * Sends a request; on 429 and 503 with Retry-After it waits and tries again, as identity providers do.
   * @returns the body, empty where none came.
   * @throws DemoError naming request and answer for any status but the expected; the signal's reason when stopped.
   */
  async send(request: DemoRequest): Promise<Resource> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#fetch(request)
      const text = await response.text()
      const wait = retryAfter(response)
      if (wait !== undefined && attempt < MOST_ATTEMPTS) {
        await pause(wait, this.#signal)
        continue
      }
      if (!request.expect.includes(response.status)) {
        const got = `answered ${response.status}, expected ${request.expect.join(' or ')}`
        throw new DemoError(`${nameOf(request)} ${got}: ${text.slice(0, 500)}${sentOf(request)}`)
      }
      return text === '' ? {} : parse(text, request)
    }
  }

  async #fetch(request: DemoRequest): Promise<Response> {
    this.#signal.throwIfAborted()
    this.#requests += 1
    const init: RequestInit = {
      method: request.method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/scim+json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/scim+json; charset=utf-8' }),
      },
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TIME_LIMIT_MS)]),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    }
    try {
      return await fetch(this.#base + pathOf(request), init)
    } catch (cause) {
      this.#signal.throwIfAborted()
      const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
      const reason = inner instanceof Error ? inner.message || inner.name : String(inner)
      throw new DemoError(`${nameOf(request)} at ${this.#base} got no answer: ${reason}`, { cause })
    }
  }
}

/** The text of a property that must be there. @throws DemoError naming what came instead. */
export function textOf(resource: Resource, name: string): string {
  const value = resource[name]
  if (typeof value !== 'string') {
    throw new DemoError(`an answer has no "${name}": ${JSON.stringify(resource).slice(0, 300)}`)
  }
  return value
}

/** The resources of a ListResponse (RFC 7644 §3.4.2); empty where the list is left out. */
export function resourcesOf(list: Resource): readonly Resource[] {
  const resources = list['Resources']
  return Array.isArray(resources) ? (resources as Resource[]) : []
}

function pathOf({ path, query = {} }: DemoRequest): string {
  const pairs = Object.entries(query).map(([key, value]) =>
    value === null ? key : `${key}=${encodeURIComponent(String(value))}`,
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

function nameOf(request: DemoRequest): string {
  const pairs = Object.entries(request.query ?? {}).map(([key, value]) => (value === null ? key : `${key}=${value}`))
  return `${request.method} ${request.path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
}

function sentOf({ body }: DemoRequest): string {
  return body === undefined ? '' : ` (sent ${JSON.stringify(body).slice(0, 500)})`
}

function parse(text: string, request: DemoRequest): Resource {
  try {
    return JSON.parse(text) as Resource
  } catch (cause) {
    throw new DemoError(`${nameOf(request)} answered no JSON: ${text.slice(0, 300)}`, { cause })
  }
}

/** Seconds to wait before another attempt; undefined when the answer asks for none. */
function retryAfter(response: Response): number | undefined {
  if (response.status !== 429 && response.status !== 503) return undefined
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_WAIT_S) : undefined
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    signal.addEventListener('abort', stop, { once: true })
  })
}
