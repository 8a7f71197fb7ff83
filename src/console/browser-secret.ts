import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import { cookieOf, hostCookie, setCookie } from '../http/cookies.ts'

const FORM = /^[\w-]{43}$/
const NAME = 'rollcall-signin'

/** What a browser keeps so that nobody else can finish what it began at a provider; undefined where it began nothing. */
export function keptBrowserSecret(req: Request, publicUrl: string): string | undefined {
  const kept = cookieOf(req, hostCookie(publicUrl, NAME).name)
  return kept !== undefined && FORM.test(kept) ? kept : undefined
}

/** The same, made where it has none: one a browser, so that a second tab leaves the first its way back. */
export function browserSecret(req: Request, res: Response, publicUrl: string): string {
  const secret = keptBrowserSecret(req, publicUrl) ?? randomBytes(32).toString('base64url')
  setCookie(res, hostCookie(publicUrl, NAME), secret)
  return secret
}
