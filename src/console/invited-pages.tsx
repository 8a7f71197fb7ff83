import type { VNode } from 'preact'
import { DomainError } from '../domain/errors.ts'
import { type InviteId, isId, newId } from '../domain/ids.ts'
import type { MailEntry } from '../domain/mail.ts'
import { primaryEmail } from '../domain/user.ts'
import { resendInvite, revokeInvite } from '../provisioning/change-invite.ts'
import { invitePath, type InviteSecret } from '../provisioning/invite-mail.ts'
import type { Invited } from '../provisioning/invite-person.ts'
import { type InviteStanding, type ShownInvite, shownInvite } from '../provisioning/shown-invite.ts'
import { inviteForm, showForm } from './invite-form.tsx'
import { doOnPage, OrgPage, orgReader, type Said, saidOf, type ShowAgain, tryOnPage } from './org-page.tsx'
import { Act, Link, Notice, Table, Time } from './page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

const HERE = '/org/invites'
const MOST = 1_000
const DAY_MS = 86_400_000

/** Who is invited into an organisation. */
export const invitedTopic: Topic = {
  routes: [
    { method: 'GET', path: HERE, who: 'signedIn', handle: (page) => showInvites(page, 200, saidOf(page, DONE)) },
    // What is typed would be lost if only sending it asked for a recent sign-in.
    { method: 'GET', path: `${HERE}/new`, who: 'fresh', handle: (page) => showForm(page, 200, undefined) },
    { method: 'POST', path: `${HERE}/new`, who: 'fresh', back: `${HERE}/new`, handle: invite },
    { method: 'POST', path: `${HERE}/resend`, who: 'fresh', back: HERE, handle: resend },
    { method: 'POST', path: `${HERE}/revoke`, who: 'signedIn', back: HERE, handle: revoke },
  ],
}

const DONE = {
  sent: 'The invitation is on its way.',
  revoked: 'The invitation is taken back: its link works no more, and the seat is free.',
}

const STATES: Readonly<Record<InviteStanding, string>> = {
  pending: 'not here yet',
  active: 'has come',
  deactivated: 'has come, deactivated since',
  expired: 'expired',
  revoked: 'taken back',
  deleted: 'gone',
}

async function showInvites(page: PageRequest, status: number, said: Said | undefined): Promise<void> {
  const { caller, mayChange } = orgReader(page)
  const { reads, now } = page.ports
  const { orgId } = caller
  const found = await reads.invites.list(orgId, MOST)
  const people = found.map(({ user }) => user)
  const mails = await reads.outbox.newest(orgId, people, 'invite')
  const rows = found.map((each) => ({ invite: shownInvite(each, now()), mail: mails.get(each.user) }))
  render(
    page.res,
    status,
    <OrgPage title="Invitations" at={HERE} said={said}>
      {mayChange ? (
        <p>
          <Link to={`${HERE}/new`}>Invite somebody</Link>
        </p>
      ) : null}
      {rows.length === 0 ? <p>Nobody has been invited yet.</p> : <InviteTable rows={rows} mayChange={mayChange} />}
    </OrgPage>,
  )
}

async function invite(page: PageRequest): Promise<void> {
  orgReader(page)
  const again: ShowAgain = (status, said) => showForm(page, status, said)
  const id = newId<InviteId>(page.ports.now())
  const { days, invitePerson } = inviteForm(page)
  const secret = secretOf(page, id, days)
  await sendOrShow(page, { secret, again }, () => invitePerson(id, secret))
}

async function resend(page: PageRequest): Promise<void> {
  const again: ShowAgain = (status, said) => showInvites(page, status, said)
  const id = inviteOf(page)
  const secret = secretOf(page, id, 7)
  const { provisioning } = page.ports
  await sendOrShow(page, { secret, again }, () => resendInvite(provisioning, ownCaller(page), id, secret).durable)
}

async function revoke(page: PageRequest): Promise<void> {
  const again: ShowAgain = (status, said) => showInvites(page, status, said)
  await doOnPage(page, { to: HERE, done: 'revoked', again }, async () => {
    await revokeInvite(page.ports.provisioning, ownCaller(page), inviteOf(page)).durable
  })
}

function inviteOf({ form }: PageRequest): InviteId {
  const id = form['invite'] ?? ''
  if (isId(id)) return id as InviteId
  throw new DomainError('not-found', 'There is no such invitation; go back to the list')
}

function secretOf({ ports }: PageRequest, id: InviteId, days: number): InviteSecret {
  return { ...ports.mint(id), expires: ports.now() + days * DAY_MS }
}

/** Where no mail goes out the link is shown, once, to be handed on. */
async function sendOrShow(
  page: PageRequest,
  { secret, again }: { readonly secret: InviteSecret; readonly again: ShowAgain },
  send: () => Promise<Invited>,
): Promise<void> {
  const made = await tryOnPage(page, again, send)
  if (made === undefined) return
  const { mailed, user } = made.value
  if (mailed) redirect(page.res, `${HERE}?done=sent`)
  else {
    const link = page.ports.publicUrl + invitePath(secret.text)
    render(page.res, 201, <LinkPage name={primaryEmail(user.attributes) ?? user.attributes.userName} link={link} />)
  }
}

interface RowProps {
  readonly invite: ShownInvite
  readonly mail: MailEntry | undefined
}

function InviteTable({ rows, mayChange }: { readonly rows: readonly RowProps[]; readonly mayChange: boolean }): VNode {
  const columns = ['Who', 'State', 'Mail', 'Link works until', ...(mayChange ? ['Change it'] : [])]
  return (
    <Table label="Invitations" columns={columns}>
      {rows.map(({ invite: { id, userName, email, state, expires }, mail }) => (
        <tr key={id}>
          <td>{email ?? userName}</td>
          <td>{STATES[state]}</td>
          <td>{mailWords(mail)}</td>
          <td>{state === 'pending' ? <Time at={expires} /> : ''}</td>
          {mayChange ? <td>{state === 'pending' ? <Changes id={id} of={email ?? userName} /> : null}</td> : null}
        </tr>
      ))}
    </Table>
  )
}

function mailWords(mail: MailEntry | undefined): string {
  if (mail === undefined) return 'none was sent'
  const words = { waiting: 'waits', sent: 'sent', failed: 'failed', dropped: 'no longer wanted' }[mail.state]
  return mail.problem === undefined ? words : `${words}: ${mail.problem}`
}

function Changes({ id, of }: { readonly id: string; readonly of: string }): VNode {
  return (
    <>
      <Act action={`${HERE}/resend`} fields={{ invite: id }} label="Send again" of={of} />
      <Act action={`${HERE}/revoke`} fields={{ invite: id }} label="Take back" of={of} danger />
    </>
  )
}

function LinkPage({ name, link }: { readonly name: string; readonly link: string }): VNode {
  return (
    <OrgPage title="The invitation is made" at={HERE}>
      <Notice kind="done">No mail is sent from here. Copy the link now and hand it on: it is shown this once.</Notice>
      <p>{`It works once, for ${name} alone.`}</p>
      <p>
        <code class="copy">{link}</code>
      </p>
    </OrgPage>
  )
}
