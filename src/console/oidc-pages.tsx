import type { ComponentChildren } from 'preact'
import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type ProviderId } from '../domain/ids.ts'
import { requestFacts } from '../http/request-context.ts'
import { safeReturnTo } from '../http/return-to.ts'
import { recordProviderRefusal } from '../provisioning/sign-in-refusal.ts'
import { signInPerson } from '../provisioning/sign-in-person.ts'
import { type OidcProof, SignInRejected } from '../signin/oidc/oidc-sign-in.ts'
import { browserSecret, keptBrowserSecret } from './browser-secret.ts'
import { Link } from './page.tsx'
import type { PageRequest, SignInContext, Topic } from './page-route.ts'
import type { ConsolePorts } from './ports.ts'
import { renderProblem } from './problem-page.tsx'
import { redirect } from './render.tsx'
import { isSignInRefusal, showSignInRefusal } from './sign-in-refusal-page.tsx'

/** Sign-in by an OpenID provider: the button, the way there and the way back. */
export const oidcTopic: Topic = {
  routes: [
    { method: 'GET', path: '/signin/oidc', who: 'anybody', handle: begin },
    { method: 'GET', path: '/oidc/callback', who: 'anybody', handle: finish },
  ],
  way,
}

async function way(
  { reads }: ConsolePorts,
  { org, returnTo, again, invite }: SignInContext,
): Promise<ComponentChildren | undefined> {
  const providers = (await reads.providers.list(org.id)).filter(({ kind, enabled }) => kind === 'oidc' && enabled)
  if (providers.length === 0) return undefined
  return providers.map(({ id, name }) => {
    const query = new URLSearchParams({
      org: org.id,
      provider: id,
      returnTo,
      ...(again === undefined ? {} : { again: '1' }),
      ...(invite === undefined ? {} : { invite }),
    })
    return (
      <p key={id}>
        <Link to={`/signin/oidc?${query.toString()}`}>Sign in with {name}</Link>
      </p>
    )
  })
}

async function begin({ req, res, ports, query, session }: PageRequest): Promise<void> {
  const { org = '', provider = '' } = query
  const again = query['again'] === '1' && session !== undefined
  if (!isId(org) || !isId(provider)) {
    throw new DomainError('not-found', 'There is no such way to sign in; go back to the sign-in page')
  }
  const browser = browserSecret(req, res, ports.publicUrl)
  const invitation = ports.linkHash(query['invite'] ?? '')
  const purpose = {
    returnTo: safeReturnTo(query['returnTo']),
    ...(again ? { user: session.user } : {}),
    // The hash alone is kept: the link opens nothing to whoever reads the row.
    ...(invitation === undefined ? {} : { invitation: Buffer.from(invitation).toString('hex') }),
  }
  const to = await ports.oidc.begin({
    ...{ orgId: org as OrgId, providerId: provider as ProviderId, browser, purpose, again },
  })
  res.redirect(303, to.href)
}

async function finish(page: PageRequest): Promise<void> {
  const { req, ports } = page
  const url = new URL(req.originalUrl, ports.publicUrl)
  let proof: OidcProof
  try {
    proof = await ports.oidc.finish(url, keptBrowserSecret(req, ports.publicUrl))
  } catch (error) {
    if (!(error instanceof SignInRejected)) throw error
    await refuse(page, error)
    return
  }
  try {
    await admit(page, proof)
  } catch (error) {
    if (!(error instanceof DomainError && isSignInRefusal(error))) throw error
    await showSignInRefusal(page, proof.proved.orgId, error)
  }
}

async function admit({ req, res, ports, session }: PageRequest, proof: OidcProof): Promise<void> {
  const { proved, purpose, sid, idToken } = proof
  const { invitation } = purpose
  const { user } = await signInPerson(ports.provisioning, {
    ...{ proved, request: requestFacts(req, res), provisioningDisabled: ports.provisioningDisabled },
    invitation: typeof invitation === 'string' ? Buffer.from(invitation, 'hex') : undefined,
  }).durable
  const { orgId, issuer, subject } = proved
  const asked = purpose['user']
  if (asked !== undefined && (asked !== user.id || session?.user !== user.id)) {
    const sentence = 'You signed in as somebody else than before. Sign out first if that is what you want.'
    renderProblem(res, 403, sentence, 'This is another account')
    return
  }
  await ports.startSession(req, res, { orgId, userId: user.id, method: 'oidc', issuer, subject, sid, idToken })
  redirect(res, safeReturnTo(purpose['returnTo']))
}

/** What came back proves nobody: the record says which check failed, the page does not. */
async function refuse({ req, res, ports }: PageRequest, { check, of, cause }: SignInRejected): Promise<void> {
  if (of !== undefined) {
    await recordProviderRefusal(ports.provisioning, { ...of, request: requestFacts(req, res), check })
  }
  if (check === 'flow' || check === 'browser') {
    const why = 'This sign-in took too long, was finished before, or was begun in another browser.'
    renderProblem(res, 400, `${why} Go to the sign-in page and start again.`, 'Start again')
  } else if (check === 'access_denied') {
    const why = 'Your identity provider did not let you in. Ask its administrator to assign this application to you.'
    renderProblem(res, 403, why, 'You are not signed in')
  } else {
    if (check === 'protocol') ports.report(cause, '')
    const why = 'What your identity provider answered could not be confirmed.'
    const what = 'Start again; if it happens again, give the number below to your administrator.'
    renderProblem(res, 403, `${why} ${what}`, 'You are not signed in')
  }
}
