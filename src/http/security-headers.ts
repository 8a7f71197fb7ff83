import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Express, RequestHandler } from 'express'
import helmet from 'helmet'

export interface HardeningOptions {
  /** The address clients use; with https, browsers are told to stay on it (HSTS, RFC 6797). */
  readonly publicUrl: string
  /**
   * Express's `trust proxy` value: number of hops, or addresses and subnets. Absent: `X-Forwarded-For` is never
   * believed, so a client cannot choose the address that logs and limits see.
   */
  readonly trustProxy?: boolean | number | string | readonly string[] | undefined
}

/**
 * Switches off what Express gives away or guesses: its own ETag (a body hash that would pass for a version), its name,
 * and any trust in forwarding headers that was not asked for.
 */
export function hardenApp(app: Express, options: HardeningOptions): void {
  app.disable('etag')
  app.disable('x-powered-by')
  app.set('trust proxy', options.trustProxy ?? false)
}

/** Security headers for every answer: what machines are answered needs neither scripts, frames nor referrers. */
export function securityHeaders(options: Pick<HardeningOptions, 'publicUrl'>): RequestHandler {
  return setting(
    headersSetBy(
      helmet({
        contentSecurityPolicy: {
          useDefaults: false,
          directives: {
            defaultSrc: ["'none'"],
            frameAncestors: ["'none'"],
            baseUri: ["'none'"],
            formAction: ["'none'"],
          },
        },
        referrerPolicy: { policy: 'no-referrer' },
        strictTransportSecurity: options.publicUrl.startsWith('https:')
          ? { maxAge: 31_536_000, includeSubDomains: false }
          : false,
        xFrameOptions: { action: 'deny' },
      }),
    ),
  )
}

/**
 * What pages need beyond {@link securityHeaders}: a style sheet and forms, both from their own origin. A browser that may
 * send no referrer at all also hides the origin of a form, which is checked: so within the origin it may.
 */
export function pageHeaders(): RequestHandler {
  const directives = {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  }
  const set = headersSetBy(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives },
      referrerPolicy: { policy: 'same-origin' },
    }),
  )
  const own = new Set(['content-security-policy', 'referrer-policy'])
  return setting(set.filter(([name]) => own.has(name)))
}

function setting(headers: readonly (readonly [string, string])[]): RequestHandler {
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value)
    next()
  }
}

/** Our headers are the same for every answer: asked for once, helmet need not walk its dozen layers at each request. */
function headersSetBy(middleware: ReturnType<typeof helmet>): readonly (readonly [string, string])[] {
  const request = new IncomingMessage(new Socket())
  const answer = new ServerResponse(request)
  middleware(request, answer, (error) => {
    if (error !== undefined) throw new Error('The security headers cannot be set', { cause: error })
  })
  return answer.getHeaderNames().map((name) => [name, String(answer.getHeader(name))])
}

/** Answers hold people and credentials: no cache may keep them (RFC 9111 §5.2.2.5). */
export function noStore(): RequestHandler {
  return (_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store')
    next()
  }
}
