import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import chromium from '@sparticuz/chromium'
import { type Browser as Chromium, type BrowserContext, chromium as driver, type Page } from 'playwright-core'

/** A real Chromium, one for the whole run. */
let started: Promise<Chromium> | undefined

export function openChromium(): Promise<Chromium> {
  started ??= launch()
  return started
}

async function launch(): Promise<Chromium> {
  const executablePath = await chromium.executablePath()
  return driver.launch({ executablePath, args: chromium.args, headless: true })
}

export async function closeChromium(): Promise<void> {
  const running = started
  started = undefined
  await (await running)?.close()
}

/** A page of a browser of its own, with what it complained about: breaches of the content policy, errors of scripts. */
export interface WatchedPage {
  readonly page: Page
  readonly context: BrowserContext
  readonly complaints: readonly string[]
}

const PHONE = { width: 360, height: 640 }

/** Opens an empty page, narrow as a phone. */
export async function openPage(): Promise<WatchedPage> {
  const context = await (await openChromium()).newContext({ viewport: PHONE })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, context, complaints }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly impact: string; readonly nodes: readonly object[] }[]
}

/** What axe-core finds wrong for people who use no mouse or no screen. Runs beside the page, outside its policy. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger, which no content policy holds back.
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${JSON.stringify(nodes).slice(0, 400)}`)
}
