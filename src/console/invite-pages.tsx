import type { ComponentChildren, VNode } from 'preact'
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
  { res, ports, ways }: PageRequest,
  { orgId, invite, link, problem }: FoundInvite & { readonly link: string; readonly problem?: string },
  status: number,
): Promise<void> {
  const org = await ports.reads.orgs.find(orgId)
  const { settings } = await ports.reads.orgs.policy(orgId)
  if (org === undefined) throw new Error('an invitation has no organisation')
  const isClosed = settings.ssoRequired && !ports.isRestored
  const others = await ways({ org, returnTo: '/account', again: undefined, invite: link })
  const shown = { org: org.name, address: primaryEmail(invite.attributes) ?? '', ways: others }
  render(res, status, isClosed ? <SsoOnly {...shown} /> : <InvitePage {...shown} link={link} problem={problem} />)
}

interface Invitation {
  readonly org: string
  readonly address: string
  /** By somebody else's proof: the identity provider's, a directory's. */
  readonly ways: readonly ComponentChildren[]
}

interface InviteProps extends Invitation {
  readonly link: string
  readonly problem: string | undefined
}

function InvitePage({ org, address, ways, link, problem }: InviteProps): VNode {
  return (
    <Page title={`Join ${org}`}>
      <p>{`You are invited as ${address}. Choose a password, and you are in.`}</p>
      <Form action="/invite">
        <Hidden name="link" value={link} />
        <NewPassword problem={problem} />
        <button>Join</button>
      </Form>
      {ways.length === 0 ? null : <h2>Or join by signing in</h2>}
      <OtherWays ways={ways} />
    </Page>
  )
}

function SsoOnly({ org, address, ways }: Invitation): VNode {
  return (
    <Page title={`Join ${org}`}>
      <p>{`You are invited as ${address}. ${org} signs in through its identity provider alone: sign in with it to arrive.`}</p>
      {ways.length > 0 ? null : <p>No identity provider is set up yet. Ask whoever invited you.</p>}
      <OtherWays ways={ways} />
    </Page>
  )
}

function OtherWays({ ways }: Pick<Invitation, 'ways'>): VNode {
  return (
    <>
      {ways.map((way, index) => (
        <section key={index} class="way">
          {way}
        </section>
      ))}
    </>
  )
}
