import type { Caller } from '../domain/caller.ts'
import type { DomainError } from '../domain/errors.ts'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import type { MailContent } from '../domain/mail.ts'
import { primaryEmail } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** Admins that are told; an org with more has somebody who reads it. */
const MOST = 20

type Notice = Extract<MailContent, { readonly kind: 'last-admin' | 'breaker' | 'admin-withheld' }>
type DomainNotice = Extract<MailContent, { readonly kind: 'domain-failing' | 'domain-lapsed' }>
type WithoutNames<T> = T extends unknown ? Omit<T, 'org' | 'connection'> : never

/**
 * Tells the active admins of an org what a connection did that they should know, with the change or refusal it is of.
 * Nothing is asked of the store where no mail is sent.
 */
export async function mailAdmins(
  stores: WriteStores,
  orgId: OrgId,
  connection: ConnectionId,
  notice: WithoutNames<Notice>,
): Promise<void> {
  if (!stores.outbox.sends) return
  const by = (await stores.orgs.connection(orgId, connection))?.name ?? connection
  await toAdmins(stores, orgId, (org) => ({ ...notice, org, connection: by }))
}

/** Tells them what became of one of the org's domains. */
export async function tellAdmins(stores: WriteStores, orgId: OrgId, notice: WithoutNames<DomainNotice>): Promise<void> {
  if (stores.outbox.sends) await toAdmins(stores, orgId, (org) => ({ ...notice, org }))
}

async function toAdmins(stores: WriteStores, orgId: OrgId, contentOf: (org: string) => MailContent): Promise<void> {
  const content = contentOf(await stores.orgs.name(orgId))
  for (const id of (await stores.access.admins(orgId)).slice(0, MOST)) {
    const admin = await stores.users.find(orgId, id)
    const to = admin && primaryEmail(admin.attributes)
    if (to === undefined) continue
    await stores.outbox.add(orgId, { to, person: id, content })
  }
}

/** Tells them that the last of them would have been taken away. */
export async function mailLastAdmin(stores: WriteStores, caller: Caller, { reason }: DomainError): Promise<void> {
  if (reason !== 'admin.last' || caller.connection === undefined) return
  await mailAdmins(stores, caller.orgId, caller.connection.id, { kind: 'last-admin' })
}
