import type { VNode } from 'preact'
import type { SessionId } from '../domain/ids.ts'
import type { Session } from '../domain/session.ts'
import { isId } from '../domain/ids.ts'
import { mayReadOrg } from '../provisioning/caller-right.ts'
import { endSessionsNow } from '../provisioning/sessions.ts'
import { Form, Hidden, Link, Page, shownTime, Table, Time } from './page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

/** What a person sees of their own account: where they are signed in. */
export const accountTopic: Topic = {
  routes: [
    { method: 'GET', path: '/', who: 'signedIn', handle: ({ res }) => Promise.resolve(redirect(res, '/account')) },
    { method: 'GET', path: '/account', who: 'signedIn', handle: showAccount },
    { method: 'POST', path: '/account/sessions/end', who: 'signedIn', handle: endOne },
  ],
}

async function showAccount(page: PageRequest): Promise<void> {
  const { res, session, ports } = page
  const { orgId, user, id } = session!
  const readsOrg = mayReadOrg(ownCaller(page))
  const sessions = await ports.reads.sessions.list(orgId, ports.now(), user)
  const hasPassword = (await ports.reads.passwords.find(orgId, user)) !== undefined
  render(res, 200, <AccountPage sessions={sessions} own={id} readsOrg={readsOrg} hasPassword={hasPassword} />)
}

/** Ends one of the person's own sessions; another's id, like one that is over, ends nothing. */
async function endOne({ res, session, form, ports, operation }: PageRequest): Promise<void> {
  const { orgId, user } = session!
  const id = form['session'] ?? ''
  const own = await ports.reads.sessions.list(orgId, ports.now(), user)
  if (isId(id) && own.some((one) => one.id === id)) {
    await endSessionsNow(ports.provisioning, operation, orgId, { id: id as SessionId, reason: 'revoked' }).durable
  }
  redirect(res, '/account')
}

const METHODS: Readonly<Record<Session['method'], string>> = {
  oidc: 'single sign-on',
  ldap: 'directory password',
  password: 'password',
  setup: 'setup link',
  invite: 'invitation',
}

interface AccountProps {
  readonly sessions: readonly Session[]
  readonly own: SessionId
  /** Whether pages of the organisation are theirs to see. */
  readonly readsOrg: boolean
  readonly hasPassword: boolean
}

function AccountPage({ sessions, own, readsOrg, hasPassword }: AccountProps): VNode {
  return (
    <Page title="Your account">
      <ul>
        <li>
          <Link to="/account/keys">Your API keys</Link>
        </li>
        <li>
          <Link to="/account/teams">Teams you may join</Link>
        </li>
        {readsOrg ? (
          <li>
            <Link to="/org">Your organisation</Link>
          </li>
        ) : null}
        {hasPassword ? (
          <li>
            <Link to="/account/password">Change your password</Link>
          </li>
        ) : null}
      </ul>
      <h2>Where you are signed in</h2>
      <Table label="Your sessions" columns={['Since', 'By', 'Last seen', 'End it']}>
        {sessions.map((one) => (
          <SessionRow key={one.id} session={one} isOwn={one.id === own} />
        ))}
      </Table>
    </Page>
  )
}

function SessionRow({ session, isOwn }: { readonly session: Session; readonly isOwn: boolean }): VNode {
  return (
    <tr>
      <td>
        <Time at={session.created} />
      </td>
      <td>{METHODS[session.method]}</td>
      <td>{isOwn ? 'now, in this browser' : <Time at={session.lastSeen} />}</td>
      <td>
        {isOwn ? null : (
          <Form action="/account/sessions/end">
            <Hidden name="session" value={session.id} />
            <button class="danger" aria-label={`End the session of ${shownTime(session.created)}`}>
              End
            </button>
          </Form>
        )}
      </td>
    </tr>
  )
}
