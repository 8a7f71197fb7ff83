import type { VNode } from 'preact'
import { isId, type MailId, type UserId } from '../domain/ids.ts'
import type { MailEntry, MailKind, MailState } from '../domain/mail.ts'
import { DomainError } from '../domain/errors.ts'
import { INVITE_MS } from '../provisioning/invite-mail.ts'
import { resendMail } from '../provisioning/resend-mail.ts'
import { shownInvite } from '../provisioning/shown-invite.ts'
import { doOnPage, OrgPage, orgReader, type Said, saidOf } from './org-page.tsx'
import { Act, shownTime, Table, Time } from './page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { render } from './render.tsx'

/** What became of an organisation's mails. */
export const mailTopic: Topic = {
  routes: [
    { method: 'GET', path: '/org/mails', who: 'signedIn', handle: (page) => showMails(page, 200, saidOf(page, DONE)) },
    { method: 'POST', path: '/org/mails/resend', who: 'signedIn', back: '/org/mails', handle: resend },
  ],
}

const DONE = { resent: 'The mail is on its way again.' }
const MOST = 200
const MOST_INVITES = 1_000
const NONE: ReadonlySet<MailId> = new Set()

async function showMails(page: PageRequest, status: number, said: Said | undefined): Promise<void> {
  const { caller, mayChange } = orgReader(page)
  const { ports } = page
  const { reads, canMail } = ports
  const mails = await reads.outbox.list(caller.orgId, MOST)
  const people = [...new Set(mails.flatMap(({ person }) => (person === undefined ? [] : [person])))]
  const names = await reads.users.displayNames(caller.orgId, people)
  const invites = mails.some(({ kind }) => kind === 'invite')
    ? await reads.invites.list(caller.orgId, MOST_INVITES)
    : []
  const open = invites.filter((invite) => shownInvite(invite, ports.now()).state === 'pending')
  const mayResend = mayChange && canMail ? resendable(mails, new Set(open.map(({ user }) => user))) : NONE
  render(
    page.res,
    status,
    <OrgPage title="Mails" at="/org/mails" said={said}>
      {canMail ? null : <p>No mail server is set up, so nothing is sent: whoever runs this gateway sets SMTP_URL.</p>}
      <MailTable mails={mails} names={names} mayResend={mayResend} />
    </OrgPage>,
  )
}

async function resend(page: PageRequest): Promise<void> {
  const { form, ports } = page
  const id = form['mail'] ?? ''
  const expires = ports.now() + INVITE_MS
  const links = {
    invite: (invite: Parameters<typeof ports.mint>[0]) => ({ ...ports.mint(invite), expires }),
    reset: ports.mintResetLink,
  }
  await doOnPage(
    page,
    { to: '/org/mails', done: 'resent', again: (status, said) => showMails(page, status, said) },
    async () => {
      if (!isId(id)) throw new DomainError('not-found', 'There is no such mail any more')
      await resendMail(ports.provisioning, ownCaller(page), id as MailId, links).durable
    },
  )
}

const KINDS: Readonly<Record<MailKind, string>> = {
  test: 'test',
  invite: 'invitation',
  'password-reset': 'link for a password',
  'address-changed': 'notice of another address',
  'last-admin': 'last administrator asked away',
  breaker: 'many people removed',
  'domain-failing': 'domain without its proof',
  'domain-lapsed': 'domain that lapsed',
  'admin-withheld': 'administrator that was withheld',
}

const STATES: Readonly<Record<MailState, string>> = {
  waiting: 'waits',
  sent: 'sent',
  failed: 'failed',
  dropped: 'no longer wanted',
}

interface MailTableProps {
  readonly mails: readonly MailEntry[]
  readonly names: ReadonlyMap<UserId, string>
  readonly mayResend: ReadonlySet<MailId>
}

function MailTable({ mails, names, mayResend }: MailTableProps): VNode {
  if (mails.length === 0) return <p>There are no mails.</p>
  const columns = ['About', 'To', 'Made', 'What became of it', ...(mayResend.size > 0 ? ['Send it again'] : [])]
  return (
    <>
      <p>{`The newest ${MOST} of the last 30 days. Their words and addresses are kept only while they wait.`}</p>
      <Table label="Mails" columns={columns}>
        {mails.map((mail) => (
          <tr key={mail.id}>
            <td>{KINDS[mail.kind]}</td>
            <td>{whose(mail, names)}</td>
            <td>
              <Time at={mail.created} />
            </td>
            <td>
              <Fate mail={mail} />
            </td>
            {mayResend.size === 0 ? null : (
              <td>{mayResend.has(mail.id) ? <Resend mail={mail} of={whose(mail, names)} /> : null}</td>
            )}
          </tr>
        ))}
      </Table>
    </>
  )
}

/**
 * Mails that may be sent again: those that wait, and of those that are over the newest to each person, where a link in it
 * may still be wanted.
 * @param invited who has not come yet
 */
function resendable(mails: readonly MailEntry[], invited: ReadonlySet<UserId>): ReadonlySet<MailId> {
  const found = new Set<MailId>()
  const seen = new Set<string>()
  for (const { id, kind, person, state } of mails) {
    const isNewest = !seen.has(`${kind} ${person}`)
    seen.add(`${kind} ${person}`)
    const isWanted = person !== undefined && (kind === 'password-reset' || (kind === 'invite' && invited.has(person)))
    if (state === 'waiting' || (isNewest && isWanted)) found.add(id)
  }
  return found
}

function whose({ person }: MailEntry, names: ReadonlyMap<UserId, string>): string {
  return person === undefined ? 'an earlier address' : (names.get(person) ?? 'somebody who is gone')
}

function Fate({ mail: { state, attempts, next, ended, problem } }: { readonly mail: MailEntry }): VNode {
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  return (
    <>
      <strong>{STATES[state]}</strong>
      {attempts > 1 || state === 'failed' ? `, ${times}` : ''}
      {ended === undefined ? null : `, ${shownTime(ended)}`}
      {next === undefined || attempts === 0 ? null : `, next one ${shownTime(next)}`}
      {problem === undefined ? null : (
        <>
          {': '}
          <code>{problem}</code>
        </>
      )}
    </>
  )
}

function Resend({ mail: { id, kind, state }, of }: { readonly mail: MailEntry; readonly of: string }): VNode {
  const label = state === 'waiting' ? 'Send now' : 'Send again'
  return <Act action="/org/mails/resend" fields={{ mail: id }} label={label} of={`${KINDS[kind]}, ${of}`} />
}
