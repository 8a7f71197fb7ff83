import type { ComponentChildren, VNode } from 'preact'
import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type ProviderId } from '../domain/ids.ts'
import type { ProvedPerson } from '../domain/sign-in.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { requestFacts } from '../http/request-context.ts'
import { safeReturnTo } from '../http/return-to.ts'
import { recordProviderRefusal } from '../provisioning/sign-in-refusal.ts'
import { signInPerson } from '../provisioning/sign-in-person.ts'
import type { LdapProof } from '../signin/ldap/ldap-sign-in.ts'
import { Field, Form, Hidden } from './page.tsx'
import type { PageRequest, SignInContext, Topic } from './page-route.ts'
import type { ConsolePorts } from './ports.ts'
import { renderProblem, tooMany } from './problem-page.tsx'
import { redirect } from './render.tsx'
import { isSignInRefusal, showSignInRefusal } from './sign-in-refusal-page.tsx'
import { showWays } from './sign-in-pages.tsx'

/** Sign-in with the password of a directory (LDAP). */
export const directoryTopic: Topic = {
  routes: [{ method: 'POST', path: '/signin/directory', who: 'anybody', handle: signIn }],
  way,
}

async function way({ reads }: ConsolePorts, at: SignInContext): Promise<ComponentChildren | undefined> {
  const found = await reads.providers.list(at.org.id)
  const providers = found.filter(({ kind, enabled }) => kind === 'ldap' && enabled)
  if (providers.length === 0) return undefined
  return providers.map(({ id, name }) => <DirectoryForm key={id} at={at} provider={id} name={name} />)
}

interface DirectoryFormProps {
  readonly at: SignInContext
  readonly provider: ProviderId
  readonly name: string
}

/** Field names carry the provider's id: a page may show several of these, and ids are unique in it. */
function DirectoryForm({ at: { org, returnTo, again, invite }, provider, name }: DirectoryFormProps): VNode {
  return (
    <Form action="/signin/directory">
      <h2>{name}</h2>
      <Hidden name="org" value={org.id} />
      <Hidden name="provider" value={provider} />
      <Hidden name="returnTo" value={returnTo} />
      {again === undefined ? null : <Hidden name="again" value="1" />}
      {invite === undefined ? null : <Hidden name="invite" value={invite} />}
      <Field name={`user-${provider}`} label="User name" autocomplete="username" />
      <Field name={`password-${provider}`} label="Password" type="password" autocomplete="current-password" />
      <button>Sign in with {name}</button>
    </Form>
  )
}

async function signIn(page: PageRequest): Promise<void> {
  const { ports, form, session } = page
  const of = wantedProvider(page)
  const typed = { userName: field(page, `user-${of.providerId}`), password: field(page, `password-${of.providerId}`) }
  const proof = await ports.directory.prove({ ...of, ...typed, source: page.req.ip ?? '' })
  if (proof.is !== 'proved') {
    await refuse(page, of, proof)
    return
  }
  try {
    await admit(page, proof.proved, form['again'] === '1' ? session?.user : undefined)
  } catch (error) {
    if (!(error instanceof DomainError && isSignInRefusal(error))) throw error
    await showSignInRefusal(page, of.orgId, error)
  }
}

function wantedProvider(page: PageRequest): Of {
  const [orgId, providerId] = [field(page, 'org'), field(page, 'provider')]
  if (!isId(orgId) || !isId(providerId)) throw new HttpProblem(404, 'Go back to the sign-in page and start again.')
  return { orgId: orgId as OrgId, providerId: providerId as ProviderId }
}

function field({ form }: PageRequest, name: string): string {
  return form[name] ?? ''
}

async function admit({ req, res, ports, form }: PageRequest, proved: ProvedPerson, asked?: string): Promise<void> {
  const { user } = await signInPerson(ports.provisioning, {
    ...{ proved, request: requestFacts(req, res), provisioningDisabled: ports.provisioningDisabled },
    invitation: ports.linkHash(form['invite'] ?? ''),
  }).durable
  if (asked !== undefined && asked !== user.id) {
    const sentence = 'You signed in as somebody else than before. Sign out first if that is what you want.'
    renderProblem(res, 403, sentence, 'This is another account')
    return
  }
  const { orgId, issuer, subject } = proved
  await ports.startSession(req, res, { orgId, userId: user.id, method: 'ldap', issuer, subject })
  redirect(res, safeReturnTo(form['returnTo']))
}

interface Of {
  readonly orgId: OrgId
  readonly providerId: ProviderId
}

/** One answer for every wrong name and password, so that nobody learns which names there are. */
async function refuse(page: PageRequest, of: Of, proof: Exclude<LdapProof, { readonly is: 'proved' }>): Promise<void> {
  const { req, res, ports } = page
  if (proof.is === 'limited') throw tooMany(proof.retryAfter)
  const check = proof.is === 'refused' ? proof.check : 'ldap.group'
  await recordProviderRefusal(ports.provisioning, { ...of, request: requestFacts(req, res), check })
  if (proof.is === 'not-allowed') {
    const why = 'Your password is right, but you are in none of the groups whose members may sign in here.'
    renderProblem(res, 403, `${why} Ask your administrator to add you to one.`, 'You are not signed in')
    return
  }
  const at = await contextOf(page, of.orgId)
  await showWays(page, at, { status: 401, problem: 'The user name or the password is not right.' })
}

async function contextOf({ ports, form, session }: PageRequest, orgId: OrgId): Promise<SignInContext> {
  const org = await ports.reads.orgs.find(orgId)
  if (org === undefined) throw new DomainError('not-found', 'There is no such organisation')
  const again = form['again'] === '1' ? session : undefined
  return { org, returnTo: safeReturnTo(form['returnTo']), again, invite: form['invite'] }
}
