import type { createLocalJWKSet, CryptoKey, JSONWebKeySet, JWSHeaderParameters } from 'jose'
import { isJsonObject } from '../domain/json.ts'
import type { JwtHeader } from './jwt-parts.ts'
import { fetchKeyDocument, type KeyFetchOptions } from './key-fetch.ts'

/** Where an issuer's keys are: at `jwksUri`, or where the issuer's discovery document says. */
export interface KeySource {
  readonly issuer: string
  readonly jwksUri: string | undefined
}

export interface IssuerKeysOptions extends KeyFetchOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Told of every failed fetch, also where older keys still serve. */
  readonly onFetchFailed: (source: KeySource, error: unknown) => void
}

/** The public keys of issuers, fetched when needed. */
export interface IssuerKeys {
  /**
   * The key that a header asks for.
   * @returns undefined when the issuer has no such key, several, or one that does not fit the algorithm
   * @throws KeysUnavailable when there are no keys, or only ones older than 24 hours, and none can be fetched
   */
  keyFor(source: KeySource, header: JwtHeader): Promise<CryptoKey | undefined>
}

/** An issuer's keys cannot be had. `retryAfter` is in seconds. */
export class KeysUnavailable extends Error {
  readonly retryAfter: number

  constructor(retryAfter: number, cause: unknown) {
    super('The keys of the issuer cannot be fetched', { cause })
    this.name = 'KeysUnavailable'
    this.retryAfter = retryAfter
  }
}

/** Milliseconds keys are used without asking again. */
const FRESH = 10 * 60_000
/** Milliseconds keys go on serving while their endpoint is down. */
const STALE = 24 * 60 * 60_000
/** Milliseconds between two fetches of one source, whatever tokens ask for. */
const COOLDOWN = 30_000
const MAX_SOURCES = 1_000

type KeySet = ReturnType<typeof createLocalJWKSet>

interface Entry {
  keys: KeySet | undefined
  fetched: number
  attempted: number | undefined
  failure: unknown
  pending: Promise<void> | undefined
}

/** A cache of issuers' keys: 10 minutes fresh, 24 hours while the endpoint is down, a fetch each 30 seconds at most. */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const entries = new Map<string, Entry>()
  const { now } = options

  const refresh = async (source: KeySource, entry: Entry): Promise<void> => {
    entry.attempted = now()
    const { createLocalJWKSet } = await import('jose')
    try {
      entry.keys = createLocalJWKSet(await fetchKeySet(source, options))
      entry.fetched = now()
      entry.failure = undefined
    } catch (error) {
      entry.failure = error
      options.onFetchFailed(source, error)
    }
  }
  const refreshOnce = (source: KeySource, entry: Entry): Promise<void> => {
    if (entry.pending !== undefined) return entry.pending
    if (entry.attempted !== undefined && within(COOLDOWN, entry.attempted, now())) return Promise.resolve()
    entry.pending = refresh(source, entry).finally(() => (entry.pending = undefined))
    return entry.pending
  }
  return {
    async keyFor(source, header) {
      const entry = entryOf(entries, source)
      if (!within(FRESH, entry.fetched, now()) || entry.keys === undefined) await refreshOnce(source, entry)
      if (entry.keys === undefined || !within(STALE, entry.fetched, now())) {
        throw new KeysUnavailable(secondsLeft(entry, now()), entry.failure)
      }
      const found = await pick(entry.keys, header)
      if (found !== 'unknown') return found
      await refreshOnce(source, entry)
      const again = await pick(entry.keys, header)
      return again === 'unknown' ? undefined : again
    },
  }
}

/** Whether `then` is at most `span` before `now`; a clock that was set back makes it untrue, so keys are asked for anew. */
function within(span: number, then: number, now: number): boolean {
  return now >= then && now - then < span
}

function secondsLeft(entry: Entry, now: number): number {
  return Math.max(1, Math.ceil(((entry.attempted ?? now) + COOLDOWN - now) / 1000))
}

function entryOf(entries: Map<string, Entry>, source: KeySource): Entry {
  const name = source.jwksUri === undefined ? `issuer ${source.issuer}` : `jwks ${source.jwksUri}`
  const known = entries.get(name)
  if (known !== undefined) return known
  if (entries.size >= MAX_SOURCES) entries.delete(entries.keys().next().value!)
  const entry: Entry = { keys: undefined, fetched: 0, attempted: undefined, failure: undefined, pending: undefined }
  entries.set(name, entry)
  return entry
}

async function pick(keys: KeySet, { alg, kid }: JwtHeader): Promise<CryptoKey | 'unknown' | undefined> {
  const header: JWSHeaderParameters = kid === undefined ? { alg } : { alg, kid }
  try {
    return await keys(header)
  } catch (error) {
    const { errors } = await import('jose')
    // Several keys under one kid, or a key that cannot be used: asking the issuer again would change nothing.
    return error instanceof errors.JWKSNoMatchingKey ? 'unknown' : undefined
  }
}

async function fetchKeySet(source: KeySource, options: KeyFetchOptions): Promise<JSONWebKeySet> {
  const address = source.jwksUri ?? (await discover(source.issuer, options))
  const document = await fetchKeyDocument(address, options)
  if (!isKeySet(document)) throw new Error(`${address} did not answer with a JSON Web Key Set (RFC 7517 §5)`)
  return document
}

/** `jwks_uri` from the issuer's metadata (OpenID Connect Discovery §4), which must name the very issuer asked for. */
async function discover(issuer: string, options: KeyFetchOptions): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchKeyDocument(address, options)
  if (!isJsonObject(document) || document['issuer'] !== issuer) {
    throw new Error(`${address} does not describe the issuer ${issuer}`)
  }
  const { jwks_uri: uri } = document
  if (typeof uri !== 'string') throw new Error(`${address} has no jwks_uri`)
  return uri
}

function isKeySet(document: unknown): document is JSONWebKeySet {
  return isJsonObject(document) && Array.isArray(document['keys']) && document['keys'].every(isJsonObject)
}
