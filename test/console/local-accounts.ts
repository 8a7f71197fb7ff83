import { mintResetLink, mintSetupLink } from '../../src/auth/one-time-link.ts'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import { putResetLink, putSetupLink } from '../../src/provisioning/password-links.ts'
import type { AdminGateway } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { operation } from '../support/tenant.ts'
import { Browser } from './browser.ts'

export const PASSWORD = 'ruddy-otter-climbs-9-hills'

/** The text of a fresh set-up link of an org. */
export async function setupLink(gateway: AdminGateway, orgId: OrgId = gateway.tenant.orgId): Promise<string> {
  const { text, link } = mintSetupLink(Date.now())
  await putSetupLink(gateway.tenant.provisioning, operation(), orgId, { link, unless: 'never' }).durable
  return text
}

/** Gives a person a password, as an administrator lets them choose one. */
export async function givePassword(gateway: AdminGateway, user: UserId, password = PASSWORD): Promise<void> {
  const { text, link } = mintResetLink(user, Date.now())
  await putResetLink(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), link).durable
  const browser = new Browser(gateway.origin, gateway.publicUrl)
  const { status, html } = await browser.submit(`/reset/${text}`, '/reset', { password, repeated: password })
  if (status !== 200) throw new Error(html)
}
