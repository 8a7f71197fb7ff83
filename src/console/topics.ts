import { accountTopic } from './account-pages.tsx'
import { directoryTopic } from './directory-pages.tsx'
import { oidcTopic } from './oidc-pages.tsx'
import { inviteTopic } from './invite-pages.tsx'
import { mailTopic } from './mail-pages.tsx'
import { domainTopic } from './domain-pages.tsx'
import { invitedTopic } from './invited-pages.tsx'
import { orgTopic } from './org-pages.tsx'
import type { Topic } from './page-route.ts'
import { ownKeyTopic } from './own-key-pages.tsx'
import { passwordTopic } from './password-pages.tsx'
import { receiverTopic } from './receiver-pages.tsx'
import { resetTopic } from './reset-pages.tsx'
import { teamTopic } from './team-pages.tsx'
import { setupTopic } from './setup-pages.tsx'
import { signInTopic } from './sign-in-pages.tsx'
import { signOutTopic } from './sign-out-pages.tsx'

/**
 * Every part of the console, and so all addresses it answers.
 *
 * To add pages, write `src/console/<thing>-pages.tsx` with a {@link Topic} and add it here:
 *
 * ```tsx
 * export const inviteTopic: Topic = {
 *   routes: [
 *     {
 *       method: 'GET', path: '/invite/:link', who: 'anybody',
 *       async handle({ req, res, ports }) {
 *         const invite = await findInvite(ports.reads, String(req.params['link']))
 *         render(res, 200, <Page title="Join">…<Form action="/invite/accept">…</Form></Page>)
 *       },
 *     },
 *   ],
 *   // A section of an org's sign-in page, in the order of this list.
 *   way: async (ports, { org, returnTo }) => <a class="button" href={…}>Sign in with Okta</a>,
 * }
 * ```
 *
 * - `Form`, `Link`, `redirect` take addresses that begin with a slash and add what stands before it behind a proxy.
 * - A POST is only handled with the token of the form and from our own origin; nothing need be done for it.
 * - A POST may not lead to another site by a redirect (`form-action 'self'`): link to a GET that does.
 * - What a handler throws becomes a page: `DomainError` with its sentence, an outage as 503, the rest as 500.
 * - Machines do not come here: an endpoint for them is a router of its own, mounted in `app.ts`.
 * - `ports.startSession(req, res, { orgId, userId, method, … })` signs somebody in; then `redirect(res, returnTo)` with
 *   what `safeReturnTo` (`http/return-to.ts`) made of what the client said.
 */
export const TOPICS: readonly Topic[] = [
  ...[
    signInTopic,
    signOutTopic,
    oidcTopic,
    directoryTopic,
    passwordTopic,
    setupTopic,
    resetTopic,
    inviteTopic,
    accountTopic,
    ownKeyTopic,
    teamTopic,
    orgTopic,
    mailTopic,
    invitedTopic,
    domainTopic,
    receiverTopic,
  ],
]
