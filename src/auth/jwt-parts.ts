import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { hasDuplicateMembers } from './json-members.ts'

/** A JWT taken apart, nothing of it verified yet. */
export interface JwtParts {
  /** The compact form as it came. */
  readonly text: string
  readonly header: JwtHeader
  readonly claims: JsonObject
}

/** The members of a JOSE header that we read. All others, `jku`, `x5u`, `jwk` and `x5c` too, are never looked at. */
export interface JwtHeader {
  readonly alg: string
  /** At most 256 characters; only ever a key to look up by. */
  readonly kid: string | undefined
  /** Lower case, without `application/`. */
  readonly typ: string | undefined
}

const MAX_LENGTH = 16 * 1024
const MAX_KID = 256
const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Whether a text has three dot-separated base64url parts, so that it is worth reading as a JWT. */
export function looksLikeJwt(text: string): boolean {
  return text.length <= MAX_LENGTH && FORM.test(text)
}

/**
 * Takes a signed JWT (RFC 7519, JWS compact form) apart and checks its form: canonical base64url, UTF-8, JSON objects
 * that name no member twice, no critical extension (`crit`, `b64`), not encrypted or compressed, at most 16 KiB.
 * @returns undefined when the form is not that
 */
export function parseJwt(text: string): JwtParts | undefined {
  if (!looksLikeJwt(text)) return undefined
  const [first = '', second = ''] = text.split('.')
  const header = jsonPart(first)
  const claims = jsonPart(second)
  if (header === undefined || claims === undefined) return undefined
  const read = readHeader(header)
  return read === undefined ? undefined : { text, header: read, claims }
}

function readHeader(header: JsonObject): JwtHeader | undefined {
  const { alg, kid, typ } = header
  if (typeof alg !== 'string') return undefined
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID)) return undefined
  if (typ !== undefined && typeof typ !== 'string') return undefined
  if (['crit', 'b64', 'enc', 'zip'].some((name) => header[name] !== undefined)) return undefined
  return { alg, kid, typ: typ?.toLowerCase().replace(/^application\//, '') }
}

function jsonPart(part: string): JsonObject | undefined {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) && !hasDuplicateMembers(text) ? value : undefined
  } catch {
    return undefined
  }
}
