import type { VNode } from 'preact'
import type { OrgId } from '../domain/ids.ts'
import type { ListedInvite } from '../domain/invite.ts'
import { primaryEmail } from '../domain/user.ts'
import { acceptInvite, inviteOver } from '../provisioning/accept-invite.ts'
import { writePassword } from '../provisioning/local-sign-in.ts'
import { shownInvite } from '../provisioning/shown-invite.ts'
import { Form, Hidden, Page } from './page.tsx'
import type { PageRequest, Topic } from './page-route.ts'
import { chosenProblem, NewPassword, strangerIn } from './password-pages.tsx'
import { tooMany } from './problem-page.tsx'
import { redirect, render } from './render.tsx'

/** Where an invited person arrives. */
export const inviteTopic: Topic = {
  routes: [
    { method: 'GET', path: '/invite/:link', who: 'anybody', handle: showInvite },
    { method: 'POST', path: '/invite', who: 'anybody', handle: accept },
  ],
}

interface FoundInvite {
  readonly orgId: OrgId
  readonly secretHash: Uint8Array
  readonly invite: ListedInvite
}

/** @throws DomainError `forbidden` for a link that works no more, or an error of status 429 for who tries many */
async function findInvite({ req, ports }: PageRequest, text: string): Promise<FoundInvite> {
  const secretHash = ports.linkHash(text)
  const found = secretHash && (await ports.reads.invites.byHash(secretHash))
  const isOpen = found !== undefined && shownInvite(found.invite, ports.now()).state === 'pending'
  if (secretHash !== undefined && isOpen) return { ...found, secretHash }
  const wait = await ports.failed(req)
  throw wait === undefined ? inviteOver() : tooMany(wait)
}

async function showInvite(page: PageRequest): Promise<void> {
  const link = String(page.req.params['link'])
  const found = await findInvite(page, link)
  await renderInvite(page, { ...found, link }, 200)
}

async function accept(page: PageRequest): Promise<void> {
  const { req, res, form, ports } = page
  const link = form['link'] ?? ''
  const found = await findInvite(page, link)
  const { orgId, secretHash, invite } = found
  const own = [invite.attributes.userName, primaryEmail(invite.attributes) ?? '']
  const problem = chosenProblem(form, own)
  if (problem !== undefined) {
    await renderInvite(page, { ...found, link, problem }, 400)
    return
  }
  const hash = await ports.passwords.hash(form['password']!)
  const { isRestored } = ports
  const caller = strangerIn(orgId, page)
  const person = await acceptInvite(ports.provisioning, caller, {
    secretHash,
    equip: (stores, { id }) =>
      writePassword(stores, { ...caller, actor: { type: 'user', id } }, { user: id, hash, isRestored }),
  }).durable
  await ports.startSession(req, res, { orgId, userId: person.id, method: 'invite' })
  redirect(res, '/account')
}

async function renderInvite(
  { res, ports }: PageRequest,
  { orgId, invite, link, problem }: FoundInvite & { readonly link: string; readonly problem?: string },
  status: number,
): Promise<void> {
  const org = await ports.reads.orgs.find(orgId)
  const { settings } = await ports.reads.orgs.policy(orgId)
  const isClosed = settings.ssoRequired && !ports.isRestored
  const shown = { org: org?.name ?? '', address: primaryEmail(invite.attributes) ?? '', link, problem }
  render(res, status, isClosed ? <SsoOnly org={shown.org} /> : <InvitePage {...shown} />)
}

interface InviteProps {
  readonly org: string
  readonly address: string
  readonly link: string
  readonly problem: string | undefined
}

function InvitePage({ org, address, link, problem }: InviteProps): VNode {
  return (
    <Page title={`Join ${org}`}>
      <p>{`You are invited as ${address}. Choose a password, and you are in.`}</p>
      <Form action="/invite">
        <Hidden name="link" value={link} />
        <NewPassword problem={problem} />
        <button>Join</button>
      </Form>
    </Page>
  )
}

function SsoOnly({ org }: { readonly org: string }): VNode {
  return (
    <Page title={`Join ${org}`}>
      <p>{`${org} signs in through its identity provider alone. Sign in with it to arrive.`}</p>
      <Form action="/signin" method="get">
        <Hidden name="org" value={org} />
        <button>To the sign-in page</button>
      </Form>
    </Page>
  )
}
