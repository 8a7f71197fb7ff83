import type { ComponentChildren, VNode } from 'preact'
import { domainOf } from '../domain/email.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { StoredSession } from '../domain/session.ts'
import { safeReturnTo } from '../http/return-to.ts'
import { Field, Form, Hidden, Notice, Page } from './page.tsx'
import type { PageRequest, SignInContext, Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

/** The sign-in page: an organisation's ways in, and before them the question which organisation it is. */
export const signInTopic: Topic = {
  routes: [
    { method: 'GET', path: '/signin', who: 'anybody', handle: showSignIn },
    { method: 'GET', path: '/signin/again', who: 'signedIn', handle: showAgain },
  ],
}

async function showSignIn({ res, session, query, ports, ways }: PageRequest): Promise<void> {
  const returnTo = safeReturnTo(query['returnTo'])
  if (session !== undefined) {
    redirect(res, returnTo)
    return
  }
  const orgs = await ports.reads.orgs.list()
  const asked = query['org']?.trim() ?? ''
  const org = orgs.length === 1 ? orgs[0] : asked === '' ? undefined : await findOrg(ports.reads, asked)
  if (org !== undefined) await showWays({ res, ways }, { org, returnTo, again: undefined })
  else render(res, asked === '' ? 200 : 404, <AskOrg returnTo={returnTo} asked={asked} />)
}

/** By id or name, or by an address of a domain that it has proved. */
async function findOrg(reads: PageRequest['ports']['reads'], asked: string): Promise<OrgSummary | undefined> {
  const domain = domainOf(asked)
  const owner = domain === undefined ? undefined : await reads.domains.ownerOf(domain)
  return reads.orgs.find(owner ?? asked)
}

async function showAgain({ res, session, query, ports, ways }: PageRequest): Promise<void> {
  const org = await orgOf(ports.reads, session!)
  await showWays({ res, ways }, { org, returnTo: safeReturnTo(query['returnTo']), again: session })
}

async function orgOf(reads: PageRequest['ports']['reads'], { orgId }: StoredSession): Promise<OrgSummary> {
  const org = await reads.orgs.find(orgId)
  if (org === undefined) throw new Error('a session has no organisation')
  return org
}

/** Answers with an organisation's ways in. `problem` says what was wrong with an attempt, `status` is its status. */
export async function showWays(
  { res, ways }: Pick<PageRequest, 'res' | 'ways'>,
  at: SignInContext,
  { status = 200, problem }: { readonly status?: number; readonly problem?: string } = {},
): Promise<void> {
  render(res, status, <SignInPage at={at} ways={await ways(at)} problem={problem} />)
}

interface SignInProps {
  readonly at: SignInContext
  readonly ways: readonly ComponentChildren[]
  readonly problem: string | undefined
}

function SignInPage({ at: { org, again }, ways, problem }: SignInProps): VNode {
  return (
    <Page title={again === undefined ? `Sign in to ${org.name}` : 'Confirm that it is you'}>
      {problem === undefined ? null : <Notice kind="problem">{problem}</Notice>}
      {again === undefined ? null : <p>What you are about to do asks for a recent sign-in. Sign in once more.</p>}
      {ways.map((way, index) => (
        <section key={index} class="way">
          {way}
        </section>
      ))}
      {ways.length > 0 ? null : <p>No way to sign in is set up for this organisation yet. Ask its administrator.</p>}
    </Page>
  )
}

function AskOrg({ returnTo, asked }: { readonly returnTo: string; readonly asked: string }): VNode {
  const problem =
    asked === '' ? undefined : 'No organisation has this name or this domain. Ask your administrator for its name.'
  return (
    <Page title="Sign in">
      <Form action="/signin" method="get">
        <Hidden name="returnTo" value={returnTo} />
        <Field
          name="org"
          label="Organisation or e-mail address"
          value={asked}
          autocomplete="organization"
          hint="The organisation's name, or your address at it"
          problem={problem}
        />
        <button>Continue</button>
      </Form>
    </Page>
  )
}
