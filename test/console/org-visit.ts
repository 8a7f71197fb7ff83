import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import type { Dialect } from '../../db/dialect.ts'
import { type Browser, hiddenFields, type PageAnswer, signedIn } from './browser.ts'

/** A gateway, and browsers of people who look at the pages of its organisation. */
export interface OrgVisit {
  readonly gateway: AdminGateway
  /** Of an org admin. */
  readonly admin: Browser
  /** Of an auditor. */
  readonly auditor: Browser
  /** Of a person with no right of either. */
  readonly plain: Browser
  /** Makes all sign-ins an hour old, or of now. */
  readonly age: (to: 'stale' | 'fresh') => Promise<void>
}

export async function openOrgVisit(dialect: Dialect, env: Readonly<Record<string, string>> = {}): Promise<OrgVisit> {
  const gateway = await openAdminGateway(dialect, undefined, env)
  const api = gateway.client(await gateway.key('admin'))
  const person = async (name: string, orgRole = 'member'): Promise<UserId> => {
    const email = `${name}@people.example`
    return String((await api.post('/users', { userName: email, email, orgRole })).json['id']) as UserId
  }
  const reader = await person('reader')
  await api.put(`/users/${reader}/rights/auditor`, { on: true })
  return {
    gateway,
    admin: await signedIn(gateway, await person('chief', 'admin')),
    auditor: await signedIn(gateway, reader),
    plain: await signedIn(gateway, await person('plain')),
    async age(to) {
      const at = Date.now() - (to === 'stale' ? 3_600_000 : 0)
      await gateway.test.connections.writer.updateTable('session').set({ authenticated_at: at }).execute()
    },
  }
}

/** What a page says was done, or what is wrong; the whole page where it says neither. */
export function saidOn({ html }: PageAnswer): string {
  return /role="(?:alert|status)">(.*?)<\/p>/s.exec(html)?.[1]?.replaceAll('&quot;', '"') ?? html
}

/**
 * Presses the button of that name, of which a page must have one.
 * @param typed what is filled in before
 */
export async function press(
  who: Browser,
  path: string,
  label: string,
  typed: Readonly<Record<string, string>> = {},
): Promise<PageAnswer> {
  const { html } = await who.get(path)
  const forms = [...html.matchAll(/<form action="([^"]*)" method="post">(.*?)<\/form>/gs)]
  const found = forms.filter(
    ([, , inner]) => inner!.includes(`aria-label="${label}"`) || inner!.includes(`>${label}</button>`),
  )
  expect(found, `${label} in ${html}`).to.have.length(1)
  const [whole, action] = found[0]!
  const answer = await who.post(action!, { ...hiddenFields(whole, action!), ...typed })
  const to = answer.headers.get('location')
  return to?.startsWith('/org') === true ? who.get(to) : answer
}
