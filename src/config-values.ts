import { isIP } from 'node:net'
import * as z from 'zod'
import { isMailAddress } from './domain/email.ts'

/*
 * The kinds of value a setting can have. Each reads both the text of an environment variable and the native value of a
 * JSON file, so that `"PORT=8080"` and `{"port": 8080}` mean the same.
 */

const FLAG_WORDS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
])

/** A strict boolean: `true/false/1/0/yes/no` in any case, or a JSON boolean. Anything else is refused, never guessed. */
export const flag = () =>
  z.preprocess(
    (given) => (typeof given === 'string' ? (FLAG_WORDS.get(given.toLowerCase()) ?? given) : given),
    z.boolean(),
  )

/** A whole number between `min` and `max`, both included. Signs, fractions and exponents are refused. */
export const whole = (min: number, max: number) =>
  z.preprocess(
    (given) => (typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given),
    z.number().int().min(min).max(max),
  )

/** One of the given words, in any case; the result is lower case. */
export const word = <const W extends readonly [string, ...string[]]>(words: W) =>
  z.preprocess((given) => (typeof given === 'string' ? given.toLowerCase() : given), z.enum(words))

/** Any text that is not empty. */
export const text = () => z.string().min(1)

/** A host name or an IP address, IPv6 without brackets. */
export const host = () =>
  z.string().refine((name) => isIP(name) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name))

/** True when only this machine can reach the host: `localhost`, 127.0.0.0/8 and `::1`, brackets tolerated. */
export function isLoopback(name: string): boolean {
  const bare = name.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === '::1' || bare === 'localhost' || bare.endsWith('.localhost')
}

/** An absolute http(s) address without credentials, query or fragment; the result has no trailing slash. */
export const webAddress = () =>
  z.string().transform((given, context) => {
    const url = URL.canParse(given) ? new URL(given) : undefined
    const plain = url !== undefined && url.username === '' && url.password === '' && !/[?#]/.test(given)
    if (!plain || !/^https?:$/.test(url.protocol)) {
      context.addIssue({ code: 'custom', message: 'not a plain web address' })
      return z.NEVER
    }
    return (url.origin + url.pathname).replace(/\/+$/, '')
  })

/** A PostgreSQL connection address. An `@` beyond the host means that a password was not percent-encoded, and is refused. */
export const postgresAddress = () =>
  z.string().refine((given) => /^postgres(ql)?:\/\/(?=.)[^/?#]*([/?][^@#]*)?$/.test(given) && URL.canParse(given))

/** A mail server: `smtps://` for TLS at once, `smtp://` for STARTTLS; no path, query or fragment. */
export const smtpAddress = () =>
  z.string().refine((given) => /^smtps?:\/\/(?=[^/?#]+\/?$)[^/?#]*\/?$/.test(given) && hasHost(given))

function hasHost(given: string): boolean {
  return URL.canParse(given) && new URL(given).hostname !== ''
}

/** A plain e-mail address that mail can be sent from. */
export const mailAddress = () => z.string().refine(isMailAddress)

const HEX_KEY = /^[0-9a-f]{64}$/i
const BASE64URL_KEY = /^[A-Za-z0-9_-]{43}=?$/

/** A key of exactly 32 bytes, written as 43 base64url characters or 64 hexadecimal ones; the result is the bytes. */
export const key32 = () =>
  z.string().transform((given, context): Uint8Array => {
    if (HEX_KEY.test(given)) return Buffer.from(given, 'hex')
    if (BASE64URL_KEY.test(given)) return Buffer.from(given, 'base64url')
    context.addIssue({ code: 'custom', message: 'not a key of 32 bytes' })
    return z.NEVER
  })

/** A credential that an operator chose: at least 32 characters that an HTTP header can carry (RFC 9110 §5.5). */
export const longSecret = () => z.string().regex(/^[\x21-\x7e][\x20-\x7e]{30,}[\x21-\x7e]$/)

const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal'])

function isAddressRange(given: string): boolean {
  const [address = '', prefix, ...rest] = given.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return NAMED_RANGES.has(given)
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}

const NAME_SERVER = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/

function isNameServer(given: string): boolean {
  const [, six, other, port] = NAME_SERVER.exec(given) ?? []
  const isAddress = isIP(given) !== 0 || isIP(six ?? '') === 6 || isIP(other ?? '') === 4
  return isAddress && (port === undefined || isIP(given) === 6 || (Number(port) > 0 && Number(port) <= 65_535))
}

/** Name servers by address, IPv6 with a port in brackets; a list in text is separated by commas. */
export const nameServers = () =>
  z.preprocess(
    (given) => (typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given),
    z.array(z.string().refine(isNameServer)).min(1).max(10),
  )

/** Which proxies to believe: a number of hops, or addresses and CIDR ranges; a list in text is separated by commas. */
export const trustedProxies = () =>
  z.preprocess(
    (given) => {
      if (typeof given !== 'string') return given
      return /^\d{1,2}$/.test(given) ? Number(given) : given.split(',').map((part) => part.trim())
    },
    z.union([z.number().int().min(0).max(32), z.array(z.string().refine(isAddressRange)).min(1)]),
  )
