import type { VNode } from 'preact'
import type { OrgSummary } from '../domain/ports.ts'
import { ssoRequired } from '../provisioning/local-way.ts'
import { mailResetLink, resetPassword } from '../provisioning/password-links.ts'
import { Field, Form, Hidden, Link, Notice, Page } from './page.tsx'
import type { PageRequest, Topic } from './page-route.ts'
import { chosenProblem, NewPassword, orgNamed, strangerIn } from './password-pages.tsx'
import { tooMany } from './problem-page.tsx'
import { render } from './render.tsx'
import { findLink } from './setup-pages.tsx'

/** A password that was forgotten. */
export const resetTopic: Topic = {
  routes: [
    { method: 'GET', path: '/signin/forgot', who: 'anybody', handle: showForgot },
    { method: 'POST', path: '/signin/forgot', who: 'anybody', handle: forgot },
    { method: 'GET', path: '/reset/:link', who: 'anybody', handle: showReset },
    { method: 'POST', path: '/reset', who: 'anybody', handle: reset },
  ],
}

async function showForgot(page: PageRequest): Promise<void> {
  const org = await orgNamed(page, page.query['org'])
  render(
    page.res,
    200,
    <Page title="A forgotten password">
      {page.ports.canMail ? <ForgotForm org={org} /> : null}
      <p>{`An administrator of ${org.name} can give you a link to set another password. It works once, for an hour.`}</p>
      <Link to="/signin">Back to the sign-in page</Link>
    </Page>,
  )
}

function ForgotForm({ org }: { readonly org: OrgSummary }): VNode {
  return (
    <Form action="/signin/forgot">
      <Hidden name="org" value={org.id} />
      <Field name="name" label="User name or e-mail" autocomplete="username" />
      <button>Send a link</button>
    </Form>
  )
}

/** Answers before anything is looked up, so that neither words nor time tell whether there is such an account. */
async function forgot(page: PageRequest): Promise<void> {
  const { req, res, form, ports } = page
  const org = await orgNamed(page, form['org'])
  const { settings } = await ports.reads.orgs.policy(org.id)
  if (settings.ssoRequired) throw ssoRequired()
  const wait = await ports.failed(req)
  if (wait !== undefined) throw tooMany(wait)
  const { provisioning, mintResetLink: mint, report } = ports
  const asked = { name: form['name']?.trim() ?? '', org: org.name, mint }
  const caller = strangerIn(org.id, page)
  mailResetLink(provisioning, caller, asked).durable.catch((error: unknown) => {
    report(error, caller.request.id)
  })
  render(
    res,
    200,
    <Page title="Look into your mail">
      <Notice kind="done">
        If this account has a password here, a link to set another one is on its way. It works once, for an hour.
      </Notice>
      <Link to="/signin">Back to the sign-in page</Link>
    </Page>,
  )
}

async function showReset(page: PageRequest): Promise<void> {
  const link = String(page.req.params['link'])
  await findLink(page, link, 'reset')
  render(page.res, 200, <ResetPage link={link} />)
}

async function reset(page: PageRequest): Promise<void> {
  const { res, form, ports } = page
  const link = form['link'] ?? ''
  const { orgId, secretHash } = await findLink(page, link, 'reset')
  const problem = chosenProblem(form, [])
  if (problem !== undefined) {
    render(res, 400, <ResetPage link={link} problem={problem} />)
    return
  }
  const hash = await ports.passwords.hash(form['password']!)
  const { isRestored } = ports
  await resetPassword(ports.provisioning, strangerIn(orgId, page), { secretHash, hash, isRestored }).durable
  render(
    res,
    200,
    <Page title="Your password is set">
      <Notice kind="done">Sign in with it now. You are signed out everywhere.</Notice>
      <Link to="/signin">To the sign-in page</Link>
    </Page>,
  )
}

function ResetPage({ link, problem }: { readonly link: string; readonly problem?: string }): VNode {
  return (
    <Page title="Set another password">
      <Form action="/reset">
        <Hidden name="link" value={link} />
        <NewPassword problem={problem} />
        <button>Set the password</button>
      </Form>
    </Page>
  )
}
