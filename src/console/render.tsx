import type { Response } from 'express'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { Facts, type PageFacts } from './page.tsx'

const KEY = 'rollcallPage'

/** Tells what the pages of an answer know. */
export function setPageFacts(res: Response, facts: PageFacts): void {
  res.locals[KEY] = facts
}

/** The same where nothing was told yet. */
export function ensurePageFacts(res: Response, facts: PageFacts): void {
  res.locals[KEY] ??= facts
}

function factsOf(res: Response): PageFacts {
  return res.locals[KEY] as PageFacts
}

/** Answers with a page, `<Page title="…">…</Page>`, made here on the server: there is no script in it. */
export function render(res: Response, status: number, page: VNode): void {
  const html = renderToString(<Facts.Provider value={factsOf(res)}>{page}</Facts.Provider>)
  res.status(status).type('html').send(`<!doctype html>${html}`)
}

/** Sends the browser to another of our pages, with GET. `to` begins with a slash. */
export function redirect(res: Response, to: string): void {
  res.redirect(303, factsOf(res).base + to)
}
