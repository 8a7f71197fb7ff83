import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import { classifyAddress } from './address.ts'

export interface KeyFetchOptions {
  /** Allows private and loopback addresses, and `http:` to loopback: for laboratories. Link-local stays refused. */
  readonly allowPrivateIssuers: boolean
  /** Milliseconds one answer may take, name resolution and body included; default 3,000. */
  readonly timeout?: number
  /** Name resolution, default `dns.lookup`. */
  readonly lookup?: typeof systemLookup
  /** Keeps connections for a few seconds, for those that are asked again and again. */
  readonly keepAlive?: boolean
}

/** How long a connection is kept that nothing is sent over. */
const KEPT_MS = 4_000

const TIMEOUT = 3_000
const MAX_BYTES = 256 * 1024

/**
 * Fetches a JSON document from an issuer's address that an operator configured (never one that a token names):
 * `https:` only, no redirects, at most 256 kB, within the timeout, and never from an address inside this network. The
 * check is on the resolved address, and that very address is connected to, so a second answer of the DNS changes nothing.
 * @throws Error, with a sentence for the operator, for anything but a 200 with JSON
 */
export async function fetchKeyDocument(address: string, options: KeyFetchOptions): Promise<unknown> {
  const url = checkedUrl(address, options.allowPrivateIssuers)
  const signal = AbortSignal.timeout(options.timeout ?? TIMEOUT)
  const text = await get(url, signal, guardedLookup(url, options)).catch((cause: unknown) => {
    if (signal.aborted) throw new Error(`${url.href} did not answer within ${options.timeout ?? TIMEOUT} ms`, { cause })
    throw cause
  })
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new Error(`${url.href} did not answer with JSON`, { cause })
  }
}

/** What is wrong with an address as a source of keys, before its name is resolved; undefined when nothing is. */
export function keyAddressProblem(address: string, allowPrivateIssuers: boolean): string | undefined {
  if (!URL.canParse(address)) return `${address} is not a URL`
  const url = new URL(address)
  if (url.username !== '' || url.password !== '') return `${url.host}: credentials in the address are refused`
  const http = url.protocol === 'http:' && allowPrivateIssuers
  if (url.protocol !== 'https:' && !http) return `${address} must begin with https://`
  const host = bareHost(url)
  return isIP(host) === 0 ? undefined : addressProblem(host, url, allowPrivateIssuers)
}

function checkedUrl(address: string, allowPrivate: boolean): URL {
  const problem = keyAddressProblem(address, allowPrivate)
  if (problem !== undefined) throw new Error(problem)
  return new URL(address)
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function addressProblem(address: string, url: URL, allowPrivate: boolean): string | undefined {
  const kind = classifyAddress(address)
  if (url.protocol === 'http:' && kind !== 'loopback') return `${url.href}: http is only allowed to this machine itself`
  if (kind === 'public' || (allowPrivate && kind !== 'never')) return undefined
  return `${url.host} is at ${address}, which is not a public address`
}

/** Resolves once, refuses when any of the addresses is refused, and hands the socket only what was checked. */
function guardedLookup(url: URL, options: KeyFetchOptions): https.RequestOptions['lookup'] {
  const resolve = options.lookup ?? systemLookup
  return (host, wanted, done) => {
    resolve(host, { ...wanted, all: true }, (error, found) => {
      if (error !== null) return done(error, [])
      const problem = firstProblem(found, url, options.allowPrivateIssuers)
      if (problem !== undefined) return done(new Error(problem), [])
      const [first] = found
      if (wanted.all === true) return done(null, found)
      done(null, first!.address, first!.family)
    })
  }
}

function firstProblem(found: readonly LookupAddress[], url: URL, allowPrivate: boolean): string | undefined {
  if (found.length === 0) return `${url.host} has no address`
  return found.map(({ address }) => addressProblem(address, url, allowPrivate)).find((problem) => problem !== undefined)
}

/** What is asked; a body makes it a POST unless it says otherwise. */
interface Asked {
  readonly method: string
  readonly headers: http.OutgoingHttpHeaders
  readonly body: string | undefined
  /** Absent: a connection of its own. */
  readonly agent?: http.Agent | undefined
}

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

const BARE = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'rollcall' }

async function get(url: URL, signal: AbortSignal, lookup: https.RequestOptions['lookup']): Promise<string> {
  const { status, text } = await ask(url, { method: 'GET', headers: BARE, body: undefined }, signal, lookup)
  if (status !== 200) throw new Error(`${url.href} answered ${status}; 200 is wanted, redirects are refused`)
  return text
}

/**
 * The same guard for all that is said to an issuer, in the form of `fetch`: no redirects, at most 256 kB, within the
 * timeout, never to an address inside this network.
 * @returns a `fetch` that takes text or form bodies only
 */
export function guardedFetch(options: KeyFetchOptions): (address: string, init: GuardedInit) => Promise<Response> {
  const kept = { keepAlive: true, timeout: KEPT_MS, maxFreeSockets: 1 }
  const agents =
    options.keepAlive === true ? { 'http:': new http.Agent(kept), 'https:': new https.Agent(kept) } : undefined
  return async (address, { method = 'GET', headers = {}, body, signal: given }) => {
    const url = checkedUrl(address, options.allowPrivateIssuers)
    const timeout = AbortSignal.timeout(options.timeout ?? TIMEOUT)
    const signal = given === undefined ? timeout : AbortSignal.any([timeout, given])
    const sent = body === undefined || body === null ? undefined : String(body)
    const asked = {
      method,
      headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'rollcall' },
      body: sent,
      agent: agents?.[url.protocol as keyof typeof agents],
    }
    const answer = await ask(url, asked, signal, guardedLookup(url, options))
    const { 'content-type': type, 'retry-after': retryAfter } = answer.headers
    // A Response of these statuses takes no body, not even an empty one.
    return new Response(answer.status === 204 || answer.status === 205 ? null : answer.text, {
      status: answer.status,
      headers: {
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      },
    })
  }
}

/** What of `fetch`'s options is heeded. */
export interface GuardedInit {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | URLSearchParams | null | undefined
  /** Cuts it off. */
  readonly signal?: AbortSignal | undefined
}

function ask(
  url: URL,
  { method, headers, body, agent }: Asked,
  signal: AbortSignal,
  lookup: https.RequestOptions['lookup'],
): Promise<Answer> {
  const { request } = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: agent ?? false, method, headers, signal, lookup }, (answer) => {
      const refuse = (why: string): void => {
        asked.destroy()
        reject(new Error(`${url.href} ${why}`))
      }
      const status = answer.statusCode ?? 0
      if (status < 200 || (status > 299 && status < 400)) return refuse(`answered ${status}; redirects are refused`)
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_BYTES) return refuse(`answered with more than ${MAX_BYTES} bytes`)
        chunks.push(chunk)
      })
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({ status, headers: answer.headers, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
