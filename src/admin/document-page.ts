import { createHash } from 'node:crypto'
import { CALLERS, openApiDocument, operationIdOf, statusTitles } from './openapi.ts'
import type { Route } from './route.ts'

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f4f4f4;padding:.75rem;overflow:auto}
h2{margin-top:2.5rem;border-bottom:1px solid #767676}summary{cursor:pointer;padding:.35rem 0}a{color:#0b57d0}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#262626}a{color:#8ab4f8}}`

/** The API as one page without anything to load: every route with its parameters, body and answer as JSON Schema. */
export function documentPage(routes: readonly Route[]): { readonly html: string; readonly styleHash: string } {
  const { paths } = openApiDocument(routes, '') as { readonly paths: Record<string, Record<string, unknown>> }
  const tags = [...new Set(routes.map(({ tag }) => tag))]
  const sections = tags.map((tag) => {
    const lines = routes.filter((one) => one.tag === tag).map((one) => routePart(one, paths))
    return `<h2 id="${escaped(tag)}">${escaped(tag)}</h2>${lines.join('')}`
  })
  const html =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Rollcall admin API</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>` +
    `<h1>Rollcall admin API</h1>${INTRODUCTION}<nav><p>${tags.map(tagLink).join(' · ')}</p></nav>` +
    `${sections.join('')}${problemPart()}</body></html>`
  return { html, styleHash: `sha256-${createHash('sha256').update(STYLE).digest('base64')}` }
}

const INTRODUCTION =
  '<p>Send a key as <code>Authorization: Bearer …</code>; it decides the organisation. The first is ' +
  '<code>ROLLCALL_BOOTSTRAP_ADMIN_KEY</code> or printed once at the first start; more: ' +
  '<code>rollcall token create --admin</code> or <code>--user USER</code>. Lists go on with <code>cursor</code>. ' +
  'Send <code>If-Match</code> with what you read to be refused (412) rather than overwrite, and ' +
  '<code>Idempotency-Key</code> with a POST to send it again safely. For programs: ' +
  '<a href="/api/v1/openapi.json">OpenAPI 3.1</a>.</p>'

function routePart(one: Route, paths: Readonly<Record<string, Record<string, unknown>>>): string {
  const details = JSON.stringify(paths[one.path]?.[one.method.toLowerCase()], undefined, 2)
  return (
    `<details id="${operationIdOf(one)}"><summary><code>${one.method} /api/v1${escaped(one.path)}</code> ` +
    `${escaped(one.summary)} <small>(${CALLERS[one.who]})</small></summary><pre>${escaped(details)}</pre></details>`
  )
}

function tagLink(tag: string): string {
  return `<a href="#${escaped(tag)}">${escaped(tag)}</a>`
}

function problemPart(): string {
  const rows = statusTitles().map(([status, title]) => `<li>${status} ${title}</li>`)
  return (
    '<h2 id="problems">Problems</h2><p>Every refusal is <code>application/problem+json</code> (RFC 9457): ' +
    '<code>detail</code> says what to fix, <code>code</code> is for programs, <code>errors</code> names fields.</p>' +
    `<ul>${rows.join('')}</ul>`
  )
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
