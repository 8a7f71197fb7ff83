/** No server behind a link of ours is at an address that is longer. */
const MOST = 2_000

/**
 * Where a browser goes after signing in: an address of ours without host, or `/` for anything else. What a browser would
 * read as another host (`//host`, `/\host`, control characters, which it drops) is anything else, also where it only
 * appears once percent-encoding is undone (CWE-601; RFC 9700 §4.11).
 * @param given what the client said, of any type
 */
export function safeReturnTo(given: unknown): string {
  if (typeof given !== 'string' || given.length > MOST) return '/'
  return /^[\x21-\x7e]+$/.test(given) && isOwnPath(given) && isOwnPath(decoded(given)) ? given : '/'
}

function isOwnPath(text: string): boolean {
  if (!/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(text)) return false
  const url = URL.canParse(text, OURS) ? new URL(text, OURS) : undefined
  return url?.origin === OURS && !url.pathname.startsWith('//')
}

/** Any host will do: the answer must not depend on it. */
const OURS = 'https://rollcall.invalid'

/** Undone as often as anybody behind us might. What cannot be undone, no path of ours. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(text))
  } catch {
    return ''
  }
}
