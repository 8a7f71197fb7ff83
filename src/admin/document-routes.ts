import type { Router } from 'express'
import { documentPage } from './document-page.ts'
import { RECORD_SCHEMA } from '../audit/record-schema.ts'
import { openApiDocument } from './openapi.ts'
import type { AdminPorts } from './ports.ts'
import { ROUTES } from './routes.ts'

/**
 * `GET /openapi.json` and `GET /docs`: what the API is; `GET /log-record.schema.json`: what a record of the log is. They
 * are the same for everybody and name nobody. Each is made when it is first asked for: out of all schemas that takes a
 * tenth of a second, which a start has no time for.
 */
export function documentRoutes(router: Router, { publicUrl }: AdminPorts): void {
  const text = onceMade(() => JSON.stringify(openApiDocument(ROUTES, publicUrl)))
  const page = onceMade(() => documentPage(ROUTES))
  const schema = onceMade(() => JSON.stringify(RECORD_SCHEMA))
  router.get('/openapi.json', (_req, res) => {
    res.type('application/json').send(text())
  })
  router.get('/log-record.schema.json', (_req, res) => {
    res.type('application/schema+json').send(schema())
  })
  router.get('/docs', (_req, res) => {
    const { html, styleHash } = page()
    // The one page with a style of its own, named by its hash: nothing else may be loaded or run.
    res.setHeader(
      'Content-Security-Policy',
      `default-src 'none'; style-src '${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    res.type('html').send(html)
  })
}

function onceMade<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
