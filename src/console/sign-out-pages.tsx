import type { VNode } from 'preact'
import type { StoredSession } from '../domain/session.ts'
import { browserSecret, keptBrowserSecret } from './browser-secret.ts'
import { Form, Link, Notice, Page } from './page.tsx'
import type { PageRequest, Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

/**
 * Sign-out, here at once and then, by a link, at the provider: a form may not lead to another host, as the policy of all
 * pages says (`form-action 'self'`), and whoever signs out here may want to stay signed in elsewhere.
 */
export const signOutTopic: Topic = {
  routes: [
    { method: 'POST', path: '/signout', who: 'anybody', handle: signOut },
    { method: 'GET', path: '/signed-out', who: 'anybody', handle: showSignedOut },
    { method: 'GET', path: '/logout', who: 'anybody', handle: leave },
  ],
}

const SECRET = /^[\w-]{43}$/

async function signOut(page: PageRequest): Promise<void> {
  const { req, res, ports } = page
  const session = await ports.endSession(req, res)
  const there = session === undefined ? undefined : await offered(page, session)
  redirect(res, there === undefined ? '/signed-out' : `/signed-out?there=${there}`)
}

/** What the browser can go on with at the provider; undefined where there is nothing. */
async function offered({ req, res, ports }: PageRequest, session: StoredSession): Promise<string | undefined> {
  const { orgId, user, method, issuer, idToken } = session
  if (method !== 'oidc' || issuer === undefined) return undefined
  return ports.oidcSignOut.begin({ orgId, user, issuer, idToken, browser: browserSecret(req, res, ports.publicUrl) })
}

function showSignedOut({ res, query }: PageRequest): Promise<void> {
  const { there = '' } = query
  render(res, 200, <SignedOut there={SECRET.test(there) ? there : undefined} />)
  return Promise.resolve()
}

function SignedOut({ there }: { readonly there: string | undefined }): VNode {
  return (
    <Page title="You are signed out">
      <Notice kind="done">This browser is signed out of Rollcall.</Notice>
      {there === undefined ? null : (
        <p>
          You may still be signed in at your identity provider.{' '}
          <Link to={`/logout?there=${there}`}>Sign out there</Link> if others use this browser.
        </p>
      )}
      <Form action="/signin" method="get">
        <button>Sign in again</button>
      </Form>
    </Page>
  )
}

/** Goes on to the provider; by itself, as an address somebody typed, it asks whoever is signed in. */
async function leave({ req, res, ports, query, session }: PageRequest): Promise<void> {
  const { there } = query
  if (there === undefined && session !== undefined) {
    render(res, 200, <AskSignOut />)
    return
  }
  const secret = keptBrowserSecret(req, ports.publicUrl)
  const to = there === undefined ? undefined : await ports.oidcSignOut.finish(there, secret)
  if (to === undefined) redirect(res, '/signed-out')
  else res.redirect(303, to.href)
}

function AskSignOut(): VNode {
  return (
    <Page title="Sign out?">
      <p>You are signed in to Rollcall in this browser.</p>
      <Form action="/signout">
        <button>Sign out</button>
      </Form>
    </Page>
  )
}
