import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { InviteId, MailId, UserId } from '../domain/ids.ts'
import type { MailEntry } from '../domain/mail.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { writeResent } from './change-invite.ts'
import type { InviteSecret } from './invite-mail.ts'
import { mailLinkAgain, type ResetLink } from './password-links.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** Makes the links that stand in mails: those of before are kept nowhere. */
export interface MailLinks {
  readonly invite: (id: InviteId) => InviteSecret
  readonly reset: (user: UserId) => ResetLink
}

/**
 * Sends a mail again. One that waits is tried at once; in place of one that is over a new one goes out, with another link,
 * where it was an invitation that is open or the link for a password. The words of all others are erased by then.
 * @throws DomainError `not-found`, `forbidden`, `conflict` where nothing can be sent, `too-soon` within a minute
 */
export function resendMail(provisioning: Provisioning, caller: Caller, id: MailId, links: MailLinks): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'mail.resend', subject: id, targets: [{ type: 'org', id: orgId }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const mail = await stores.outbox.find(orgId, id)
    if (mail === undefined) throw new DomainError('not-found', `Mail ${id} not found`)
    if (!stores.outbox.sends) {
      throw refused('no-server', 'No mail server is set up, so nothing is sent: set SMTP_URL and MAIL_FROM')
    }
    if (mail.state === 'waiting') await hurry(stores, caller, mail)
    else await sendAnother(stores, caller, mail, links)
  })
}

async function hurry(stores: WriteStores, { orgId, actor, request }: Caller, mail: MailEntry): Promise<void> {
  const { id, kind, person } = mail
  await stores.outbox.hurry(orgId, id)
  const target: RecordTarget = person === undefined ? { type: 'org', id: orgId } : { type: 'user', id: person }
  await stores.journal.append(orgId, {
    ...{ action: 'mail.resend', actor, request, targets: [target] },
    outcome: { result: 'success', params: { mail: id, kind } },
  })
}

async function sendAnother(stores: WriteStores, caller: Caller, mail: MailEntry, links: MailLinks): Promise<void> {
  const { kind, person } = mail
  if (person !== undefined && kind === 'password-reset') return mailLinkAgain(stores, caller, links.reset(person))
  const invite =
    person !== undefined && kind === 'invite' ? await stores.invites.openOf(caller.orgId, person) : undefined
  if (invite === undefined) {
    throw refused(
      'over',
      'This mail is over and its words are erased. Only invitations and links for passwords can be sent again',
    )
  }
  await writeResent(stores, caller, invite.id, links.invite(invite.id))
}

function refused(why: string, sentence: string): DomainError {
  return new DomainError('conflict', sentence, { reason: `mail.${why}` })
}
