import { z } from 'zod'
import { ORG_ROLES } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, type InviteId, newId, type OrgId } from '../domain/ids.ts'
import type { ListedInvite } from '../domain/invite.ts'
import type { MailEntry } from '../domain/mail.ts'
import { resendInvite, revokeInvite } from '../provisioning/change-invite.ts'
import { invitePath, type InviteSecret } from '../provisioning/invite-mail.ts'
import { type Invited, invitePerson } from '../provisioning/invite-person.ts'
import { mayReadOrg } from '../provisioning/caller-right.ts'
import { isInviter } from '../provisioning/may-invite.ts'
import { shownInvite } from '../provisioning/shown-invite.ts'
import type { AdminPorts } from './ports.ts'
import { keyTextOf, type Route, route, shownTime, textOf, time } from './route.ts'
import { seats } from './user-shape.ts'

const invite = z.object({
  ...{ id: z.uuid(), user: z.uuid(), userName: z.string(), email: z.string().nullable() },
  state: z.enum(['pending', 'active', 'deactivated', 'expired', 'revoked', 'deleted']),
  mail: z
    .object({ state: z.enum(['waiting', 'sent', 'failed', 'dropped']), problem: z.string().nullable() })
    .nullable()
    .meta({ description: 'What became of the mail; null where none was sent' }),
  ...{ created: time, sent: time, expires: time },
})

const made = invite.extend({
  link: z
    .string()
    .nullable()
    .meta({ description: 'To be handed on, where no mail is sent: it works once. Null where a mail was put out' }),
})

const days = z.number().int().min(1).max(90).default(7).meta({ description: 'For how long the link works' })

const newInvite = z
  .strictObject({
    email: keyTextOf(254),
    userName: keyTextOf(1024).optional().meta({ description: 'The address by default' }),
    displayName: keyTextOf(1024).optional(),
    orgRole: z.enum(ORG_ROLES).optional(),
    seats: seats.optional(),
    teams: z
      .array(z.strictObject({ team: textOf(1024), role: textOf(256).optional() }))
      .max(100)
      .optional(),
    days,
  })
  .meta({ examples: [{ email: 'ann@example.com', orgRole: 'member', seats: { models: 'full' } }] })

const MOST = 1_000

/** People who are invited, and how they were. */
export const inviteRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/invites', tag: 'Invitations', who: 'anybody' },
    summary: 'List the newest invitations, at most 1,000: all for those who read the organisation, else your own',
    answer: { status: 200, schema: z.object({ items: z.array(invite) }) },
    async handle({ ports, orgId, caller, account }) {
      if (!mayReadOrg(caller) && account.user === undefined) return { body: { items: [] } }
      const found = await ports.reads.invites.list(orgId, MOST, mayReadOrg(caller) ? undefined : account.user)
      return { body: { items: await shown(ports, orgId, found) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/invites', tag: 'Invitations', who: 'orgAdmin' },
    summary: 'Invite somebody by mail; where no mail is sent, the link is shown once',
    body: newInvite,
    answer: { status: 201, schema: made, secret: 'link' },
    async handle({ ports, provisioning, caller, orgId, body }) {
      const id = newId<InviteId>(ports.now())
      const secret = secretOf(ports, id, body.days)
      const invited = await invitePerson(provisioning, caller, { id, ...body, secret })
      return { body: await answerOf(ports, orgId, invited, secret) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/invites/{invite}', tag: 'Invitations', summary: 'Show an invitation', who: 'anybody' },
    answer: { status: 200, schema: invite },
    async handle({ ports, orgId, caller, params }) {
      const found = await ports.reads.invites.find(orgId, params.invite as InviteId)
      const isShown = found !== undefined && (mayReadOrg(caller) || isInviter(caller, found))
      if (!isShown) throw new DomainError('not-found', `Invitation ${params.invite} not found`)
      const [one] = await shown(ports, orgId, [found])
      return { body: one! }
    },
  }),
  route({
    ...{ method: 'POST', path: '/invites/{invite}/resend', tag: 'Invitations', who: 'anybody' },
    summary: 'Send an invitation of yours again, or any as an admin; the link before works no more',
    body: z.strictObject({ days }).meta({ examples: [{ days: 7 }] }),
    answer: { status: 200, schema: made, secret: 'link' },
    async handle({ ports, provisioning, caller, orgId, params, body }) {
      const id = params.invite as InviteId
      const secret = secretOf(ports, id, body.days)
      const invited = await resendInvite(provisioning, caller, id, secret).durable
      return { body: await answerOf(ports, orgId, invited, secret) }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/invites/{invite}', tag: 'Invitations', who: 'anybody' },
    summary: 'Take an invitation of yours back, or any as an admin; the pending person and their seat go with it',
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await revokeInvite(provisioning, caller, params.invite as InviteId).durable
      return {}
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams/{team}/invites', tag: 'Invitations', who: 'teamReader' },
    summary: 'Invite somebody from outside the organisation into a team; its admins may, and members where it says so',
    body: z
      .strictObject({
        email: keyTextOf(254),
        displayName: keyTextOf(1024).optional(),
        role: textOf(256).optional(),
        days,
      })
      .meta({ examples: [{ email: 'ann@example.com', role: 'viewer' }] }),
    answer: { status: 201, schema: made, secret: 'link' },
    async handle({ ports, provisioning, caller, orgId, params, body: { email, displayName, role, days: forDays } }) {
      const id = newId<InviteId>(ports.now())
      const secret = secretOf(ports, id, forDays)
      const into = { team: params.team as GroupId, role }
      const invited = await invitePerson(provisioning, caller, { id, email, displayName, into, secret })
      return { body: await answerOf(ports, orgId, invited, secret) }
    },
  }),
]

const DAY_MS = 86_400_000

function secretOf(ports: AdminPorts, id: InviteId, forDays: number): InviteSecret {
  return { ...ports.mint(id), expires: ports.now() + forDays * DAY_MS }
}

async function answerOf(
  ports: AdminPorts,
  orgId: OrgId,
  { invite: of, user, mailed }: Invited,
  { text }: InviteSecret,
): Promise<z.input<typeof made>> {
  const listed: ListedInvite = { ...of, status: user.status, attributes: user.attributes }
  const [one] = await shown(ports, orgId, [listed])
  return { ...one!, link: mailed ? null : ports.publicUrl + invitePath(text) }
}

async function shown(
  { reads, now }: AdminPorts,
  orgId: OrgId,
  invites: readonly ListedInvite[],
): Promise<z.input<typeof invite>[]> {
  const people = invites.map(({ user }) => user)
  const mails = await reads.outbox.newest(orgId, people, 'invite')
  return invites.map((one) => {
    const { created, sent, expires, ...rest } = shownInvite(one, now())
    const times = { created: shownTime(created), sent: shownTime(sent), expires: shownTime(expires) }
    return { ...rest, mail: shownMail(mails.get(one.user)), ...times }
  })
}

function shownMail(mail: MailEntry | undefined): z.input<typeof invite>['mail'] {
  return mail === undefined ? null : { state: mail.state, problem: mail.problem ?? null }
}
