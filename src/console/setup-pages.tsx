import type { VNode } from 'preact'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import { linkOver, setUpAdmin } from '../provisioning/password-links.ts'
import { Check, Field, Form, Hidden, Page } from './page.tsx'
import type { PageRequest, Topic } from './page-route.ts'
import { chosenProblem, NewPassword, strangerIn } from './password-pages.tsx'
import { tooMany } from './problem-page.tsx'
import { redirect, render } from './render.tsx'

/** The one-time address at which an organisation gets its first administrator. */
export const setupTopic: Topic = {
  routes: [
    { method: 'GET', path: '/setup/:link', who: 'anybody', handle: showSetup },
    { method: 'POST', path: '/setup', who: 'anybody', handle: setUp },
  ],
}

/**
 * The live link of that text and kind, and its org.
 * @throws DomainError `forbidden` for one that works no more, or an error of status 429 for who tries many
 */
export async function findLink(
  { req, ports }: PageRequest,
  text: string,
  kind: 'setup' | 'reset',
): Promise<{ readonly orgId: OrgId; readonly secretHash: Uint8Array }> {
  const secretHash = ports.linkHash(text)
  const found = secretHash && (await ports.reads.oneTimeLinks.byHash(secretHash, ports.now()))
  if (secretHash !== undefined && found?.link.kind === kind) return { orgId: found.orgId, secretHash }
  const wait = await ports.failed(req)
  throw wait === undefined ? linkOver() : tooMany(wait)
}

async function showSetup(page: PageRequest): Promise<void> {
  const link = String(page.req.params['link'])
  await findLink(page, link, 'setup')
  render(page.res, 200, <SetupPage link={link} given={{}} />)
}

async function setUp(page: PageRequest): Promise<void> {
  const { req, res, form, ports } = page
  const link = form['link'] ?? ''
  const { orgId, secretHash } = await findLink(page, link, 'setup')
  const email = form['email']?.trim() ?? ''
  const displayName = form['name']?.trim() ?? ''
  const problems = problemsOf(form, email, displayName)
  if (problems !== undefined) {
    render(res, 400, <SetupPage link={link} given={form} problems={problems} />)
    return
  }
  const hash = await ports.passwords.hash(form['password']!)
  const isBreakGlass = form['breakGlass'] === 'on'
  const admin = { secretHash, email, displayName: displayName === '' ? email : displayName, hash, isBreakGlass }
  try {
    const made = await setUpAdmin(ports.provisioning, strangerIn(orgId, page), admin).durable
    await ports.startSession(req, res, { orgId, userId: made.id, method: 'setup' })
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'uniqueness')) throw error
    const taken = 'There is an account of this address already. Give another one.'
    render(res, 409, <SetupPage link={link} given={form} problems={{ email: taken }} />)
    return
  }
  redirect(res, '/account')
}

/** Enough to notice what was mistyped; whether it can be reached shows when mail is sent. */
function isEmailLike(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)
}

function problemsOf(form: PageRequest['form'], email: string, displayName: string): SetupProps['problems'] {
  const password = chosenProblem(form, [email, displayName])
  if (isEmailLike(email) && password === undefined) return undefined
  return { password, email: isEmailLike(email) ? undefined : 'Give a whole e-mail address, such as ann@example.com.' }
}

interface SetupProps {
  readonly link: string
  readonly given: PageRequest['form']
  readonly problems?: { readonly email?: string | undefined; readonly password?: string | undefined } | undefined
}

function SetupPage({ link, given, problems = {} }: SetupProps): VNode {
  return (
    <Page title="Set up the first administrator">
      <p>This page works once. Whoever sends it administers the organisation.</p>
      <Form action="/setup">
        <Hidden name="link" value={link} />
        <Field
          name="email"
          label="E-mail"
          type="email"
          autocomplete="username"
          value={given['email']}
          problem={problems.email}
        />
        <Field name="name" label="Name" autocomplete="name" value={given['name']} required={false} />
        <NewPassword problem={problems.password} />
        <Check
          name="breakGlass"
          label="Keep this account outside every identity provider"
          checked={false}
          hint="A break-glass account: no connection can change or end it, and its password works also where single sign-on is required"
        />
        <button>Make the administrator</button>
      </Form>
    </Page>
  )
}
