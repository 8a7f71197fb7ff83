import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { axeFindings } from '../support/chromium.ts'

/** Expects of a page that nobody is kept out of it by using no mouse, no screen, or a small one. */
export async function expectSound(page: Page, what: string): Promise<void> {
  expect(await axeFindings(page), what).to.deep.equal([])
  const [width, inner] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]')
  expect(width, `${what} fits a phone`).to.be.at.most(inner!)
}

/** Somebody at a page who has nothing but keys. */
export interface Keyboard {
  /** Goes on by Tab until the element of that selector has the focus. */
  tabTo(selector: string): Promise<void>
  /** Fills in a field. */
  type(selector: string, text: string): Promise<void>
  /** Presses a button or follows a link. */
  press(selector: string): Promise<void>
}

export function keyboardOf(page: Page): Keyboard {
  const keyboard: Keyboard = {
    async tabTo(selector) {
      for (let presses = 0; presses < 40; presses++) {
        if ((await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)})`)) === true) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`${selector} is not reached by Tab`)
    },
    async type(selector, text) {
      await keyboard.tabTo(selector)
      await page.keyboard.type(text)
    },
    async press(selector) {
      await keyboard.tabTo(selector)
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    },
  }
  return keyboard
}
