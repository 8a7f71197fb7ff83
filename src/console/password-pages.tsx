import type { VNode } from 'preact'
import type { Caller } from '../domain/caller.ts'
import type { OrgId } from '../domain/ids.ts'
import { passwordProblem, SHORTEST_PASSWORD } from '../domain/password.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { primaryEmail } from '../domain/user.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { safeReturnTo } from '../http/return-to.ts'
import { beginAttempt, refuseAttempt } from '../provisioning/local-sign-in.ts'
import { changePassword } from '../provisioning/password-links.ts'
import { Field, Form, Hidden, Link, Notice, Page } from './page.tsx'
import { ownCaller, type PageRequest, type SignInContext, type Topic } from './page-route.ts'
import { tooMany } from './problem-page.tsx'
import { redirect, render } from './render.tsx'
import { showWays } from './sign-in-pages.tsx'

/** Signing in by a password that is kept here, and changing it. */
export const passwordTopic: Topic = {
  routes: [
    { method: 'GET', path: '/signin/local', who: 'anybody', handle: showLocal },
    { method: 'POST', path: '/signin/password', who: 'anybody', handle: signIn },
    { method: 'GET', path: '/account/password', who: 'fresh', handle: showChange },
    { method: 'POST', path: '/account/password', who: 'fresh', handle: change },
  ],
  async way({ reads, isRestored }, at) {
    if (at.invite !== undefined || !(await reads.passwords.any(at.org.id))) return undefined
    const { settings } = await reads.orgs.policy(at.org.id)
    if (!settings.ssoRequired || isRestored) return <PasswordForm at={at} />
    return (
      <p class="small">
        <Link to={`/signin/local?org=${encodeURIComponent(at.org.name)}&returnTo=${encodeURIComponent(at.returnTo)}`}>
          Emergency access
        </Link>
      </p>
    )
  },
}

/** Who acts for an org's page where nobody is signed in yet. */
export function strangerIn(orgId: OrgId, { operation }: PageRequest): Caller {
  return { orgId, connection: undefined, ...operation }
}

/** The org that a page's form or query names. @throws HttpProblem 404 */
export async function orgNamed({ ports }: PageRequest, name: string | undefined): Promise<OrgSummary> {
  const org = name === undefined ? undefined : await ports.reads.orgs.find(name)
  if (org !== undefined) return org
  throw new HttpProblem(404, 'There is no organisation of this name. Ask your administrator for it.')
}

async function showLocal(page: PageRequest): Promise<void> {
  const org = await orgNamed(page, page.query['org'])
  const at = { org, returnTo: safeReturnTo(page.query['returnTo']), again: undefined }
  render(
    page.res,
    200,
    <Page title={`Emergency access to ${org.name}`}>
      <p>For break-glass accounts alone, while the identity provider cannot be reached.</p>
      <PasswordForm at={at} />
    </Page>,
  )
}

async function signIn(page: PageRequest): Promise<void> {
  const { req, res, ports, form, session } = page
  const org = await orgNamed(page, form['org'])
  const caller = strangerIn(org.id, page)
  const name = form['name']?.trim() ?? ''
  const { provisioning, passwords, isRestored } = ports
  const attempt = await beginAttempt(provisioning, caller, { name, isRestored }).durable
  const isRight = attempt.wait === undefined && (await passwords.verify(form['password'] ?? '', attempt.hash))
  const at = { org, returnTo: safeReturnTo(form['returnTo']), again: session }
  if (isRight && attempt.user !== undefined) {
    await ports.startSession(req, res, { orgId: org.id, userId: attempt.user, method: 'password' })
    redirect(res, at.returnTo)
    return
  }
  await refuseAttempt(provisioning, caller, attempt)
  const wait = attempt.wait ?? (await ports.failed(req))
  if (wait !== undefined) throw tooMany(wait)
  const problem = 'User name or password is wrong, or this account has no password here.'
  await showWays(page, at, { status: 401, problem })
}

function PasswordForm({ at: { org, returnTo } }: { readonly at: SignInContext }): VNode {
  return (
    <>
      <Form action="/signin/password">
        <Hidden name="org" value={org.id} />
        <Hidden name="returnTo" value={returnTo} />
        <Field name="name" label="User name or e-mail" autocomplete="username" />
        <Field name="password" label="Password" type="password" autocomplete="current-password" />
        <button>Sign in</button>
      </Form>
      <p class="small">
        <Link to={`/signin/forgot?org=${encodeURIComponent(org.name)}`}>Forgot the password?</Link>
      </p>
    </>
  )
}

/** The two fields by which a password is chosen. */
export function NewPassword({ problem }: { readonly problem?: string | undefined }): VNode {
  return (
    <>
      <Field
        name="password"
        label="New password"
        type="password"
        autocomplete="new-password"
        minLength={SHORTEST_PASSWORD}
        hint={`At least ${SHORTEST_PASSWORD} characters; several uncommon words are good`}
        problem={problem}
      />
      <Field name="repeated" label="The same again" type="password" autocomplete="new-password" />
    </>
  )
}

/** What is wrong with a password that was chosen. @param own what the person is known by */
export function chosenProblem(form: PageRequest['form'], own: readonly string[]): string | undefined {
  const { password = '', repeated = '' } = form
  return passwordProblem(password, own) ?? (password === repeated ? undefined : 'The two fields are not the same.')
}

function showChange({ res }: PageRequest): Promise<void> {
  render(res, 200, <ChangePage />)
  return Promise.resolve()
}

async function change(page: PageRequest): Promise<void> {
  const { res, form, session, ports } = page
  const { orgId, user, id } = session!
  const person = await ports.reads.users.find(orgId, user)
  const own = person === undefined ? [] : [person.attributes.userName, primaryEmail(person.attributes) ?? '']
  const problem = chosenProblem(form, own)
  if (problem !== undefined) {
    render(res, 400, <ChangePage problem={problem} />)
    return
  }
  const hash = await ports.passwords.hash(form['password']!)
  const { isRestored } = ports
  await changePassword(ports.provisioning, ownCaller(page), { user, hash, session: id, isRestored }).durable
  render(
    res,
    200,
    <Page title="Your password is changed">
      <Notice kind="done">The password is changed. You are signed out everywhere else.</Notice>
      <Link to="/account">To your account</Link>
    </Page>,
  )
}

function ChangePage({ problem }: { readonly problem?: string }): VNode {
  return (
    <Page title="Change your password">
      <Form action="/account/password">
        <NewPassword problem={problem} />
        <button>Change the password</button>
      </Form>
    </Page>
  )
}
