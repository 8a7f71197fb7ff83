import { z } from 'zod'
import type { MailId } from '../domain/ids.ts'
import type { MailEntry } from '../domain/mail.ts'
import { INVITE_MS } from '../provisioning/invite-mail.ts'
import { resendMail } from '../provisioning/resend-mail.ts'
import { maybeTime, type Route, route, shownTime, time } from './route.ts'

const mail = z.object({
  ...{ id: z.uuid(), kind: z.string() },
  person: z.uuid().nullable().meta({ description: 'Whose mail it is' }),
  state: z
    .enum(['waiting', 'sent', 'failed', 'dropped'])
    .meta({ description: '`dropped`: it was no longer wanted before it was sent' }),
  attempts: z.int().meta({ description: 'How often it was handed to the mail server' }),
  problem: z.string().nullable().meta({ description: 'Why the last attempt failed, such as `smtp.refused 550`' }),
  created: time,
  next: time.nullable().meta({ description: 'When it is tried next' }),
  ended: time.nullable().meta({ description: 'When it was sent, given up or dropped; it is forgotten 30 days after' }),
})

const MOST = 1_000

/** What became of mails. Addresses and words are in none of it: they are erased once a mail no longer waits. */
export const mailRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/mails', tag: 'Mail', who: 'reader' },
    summary: 'List the newest mails, at most 1,000, and what became of them',
    answer: { status: 200, schema: z.object({ items: z.array(mail) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.outbox.list(orgId, MOST)).map(shownMail) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/mails/{mail}/resend', tag: 'Mail', who: 'orgAdmin' },
    summary: 'Try a waiting mail at once; send another in place of an invitation or password link that is over',
    body: z.strictObject({}).meta({ examples: [{}] }),
    answer: { status: 202 },
    async handle({ ports, provisioning, caller, params }) {
      const expires = ports.now() + INVITE_MS
      await resendMail(provisioning, caller, params.mail as MailId, {
        invite: (id) => ({ ...ports.mint(id), expires }),
        reset: ports.mintResetLink,
      }).durable
      return {}
    },
  }),
]

function shownMail({ id, kind, person, state, attempts, problem, created, next, ended }: MailEntry) {
  return {
    ...{ id, kind, person: person ?? null, state, attempts, problem: problem ?? null },
    ...{ created: shownTime(created), next: maybeTime(next), ended: maybeTime(ended) },
  }
}
