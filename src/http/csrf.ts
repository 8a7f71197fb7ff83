import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request, Response } from 'express'
import { cookieOf, hostCookie, setCookie } from './cookies.ts'
import { HttpProblem } from './http-problem.ts'

/** The field of a form that holds the token. */
export const CSRF_FIELD = 'csrf'
/** The header that holds it where no form is sent. */
export const CSRF_HEADER = 'rollcall-csrf'

/** Guards what a browser sends with its cookies against other sites that make it send. */
export interface Csrf {
  /** The token for forms of an answer: good in this browser and, once somebody is signed in, in this session alone. */
  token(req: Request, res: Response, sessionId: string | undefined): string
  /**
   * @param given the token that was sent
   * @throws HttpProblem 403 for a request of another site, or without the token of this browser and session
   */
  check(req: Request, given: unknown, sessionId: string | undefined): void
}

const NONCE = /^[\w-]{43}$/

/**
 * Tokens are an HMAC over a random cookie and the session (a signed double submit), so nothing is stored and every
 * instance knows every token.
 * @param key 32 bytes that all instances share
 */
export function createCsrf(key: Uint8Array, publicUrl: string): Csrf {
  const cookie = hostCookie(publicUrl, 'rollcall-form')
  const { origin } = new URL(publicUrl)
  const macOf = (nonce: string, sessionId = ''): Buffer =>
    createHmac('sha256', key).update(`csrf\0${nonce}\0${sessionId}`).digest()
  const nonceOf = (req: Request): string | undefined => {
    const nonce = cookieOf(req, cookie.name)
    return nonce !== undefined && NONCE.test(nonce) ? nonce : undefined
  }
  return {
    token(req, res, sessionId) {
      let nonce = nonceOf(req)
      if (nonce === undefined) {
        nonce = randomBytes(32).toString('base64url')
        setCookie(res, cookie, nonce)
      }
      return macOf(nonce, sessionId).toString('base64url')
    },
    check(req, given, sessionId) {
      checkOrigin(req, origin)
      const nonce = nonceOf(req)
      const sent = typeof given === 'string' ? Buffer.from(given, 'base64url') : Buffer.alloc(0)
      const wanted = nonce === undefined ? undefined : macOf(nonce, sessionId)
      if (wanted?.length === sent.length && timingSafeEqual(wanted, sent)) return
      throw new HttpProblem(
        403,
        'This form is out of date, or cookies are switched off. Go back, reload the page and try again',
      )
    },
  }
}

/** Browsers say where a request comes from (Fetch Metadata; RFC 6454 §7); what is no browser says nothing. */
function checkOrigin(req: Request, own: string): void {
  const site = req.get('sec-fetch-site')
  const origin = req.get('origin')
  const isForeign = (site !== undefined && site !== 'same-origin' && site !== 'none') || (origin ?? own) !== own
  if (isForeign) throw new HttpProblem(403, 'This request came from another site. Open the page here and try again')
}
