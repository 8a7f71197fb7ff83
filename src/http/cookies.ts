import type { CookieOptions, Request, Response } from 'express'

/** A cookie's name and how browsers are to keep it. */
export interface HostCookie {
  readonly name: string
  readonly options: CookieOptions
}

/**
 * A cookie for this very host alone (RFC 6265bis §4.1.3.2): `__Host-` keeps a neighbouring host from setting it. A
 * browser refuses such a name over plain http, which is served on loopback or where somebody asked for it; there the
 * name is bare.
 * @param publicUrl the address clients use
 */
export function hostCookie(publicUrl: string, name: string): HostCookie {
  const secure = publicUrl.startsWith('https:')
  const options: CookieOptions = { path: '/', httpOnly: true, sameSite: 'lax', secure }
  return { name: secure ? `__Host-${name}` : name, options }
}

/** @param maxAge milliseconds; absent for one that ends with the browser */
export function setCookie(res: Response, { name, options }: HostCookie, value: string, maxAge?: number): void {
  res.cookie(name, value, maxAge === undefined ? options : { ...options, maxAge })
}

export function clearCookie(res: Response, { name, options }: HostCookie): void {
  res.clearCookie(name, options)
}

/** The value of a cookie as it was sent; the first, where a client sends several of the name. */
export function cookieOf(req: Request, name: string): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}
