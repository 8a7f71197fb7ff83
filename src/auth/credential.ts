/** What an `Authorization` header carried, before anything is known about it. */
export type Credential =
  | { readonly scheme: 'bearer'; readonly text: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }

const BEARER = /^bearer +(\S(?:.*\S)?) *$/i
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i

/**
 * Reads an `Authorization` header: `Bearer` (RFC 6750 §2.1) or `Basic` (RFC 7617 §2: UTF-8, split at the first colon,
 * so a password may hold colons and a user name may be empty).
 * @param header the value as Node gives it, one character a byte
 * @returns undefined when it is neither, or not well formed
 */
export function parseAuthorization(header: string): Credential | undefined {
  const bearer = BEARER.exec(header)
  if (bearer !== null) {
    const text = utf8(Buffer.from(bearer[1]!, 'latin1'))
    return text === undefined ? undefined : { scheme: 'bearer', text }
  }
  const basic = BASIC.exec(header)
  const pair = basic === null ? undefined : utf8(Buffer.from(basic[1]!, 'base64'))
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon === -1) return undefined
  return { scheme: 'basic', user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** Making one costs more than what it does for a header. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}
