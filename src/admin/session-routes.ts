import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { SessionId, UserId } from '../domain/ids.ts'
import type { Session } from '../domain/session.ts'
import { isOrgAdminCaller } from '../provisioning/caller-right.ts'
import { putResetLink } from '../provisioning/password-links.ts'
import { endSessionsNow } from '../provisioning/sessions.ts'
import { getUser } from './known-user.ts'
import { type Route, route, shownTime, time } from './route.ts'

const session = z.object({
  ...{ id: z.uuid(), user: z.uuid(), method: z.enum(['oidc', 'ldap', 'password', 'setup', 'invite']) },
  ...{ issuer: z.string().nullable(), created: time, lastSeen: time, authenticated: time, expires: time },
})

const listed = z.object({ items: z.array(session) })

/** Who is signed in with a browser, and the link by which a person sets another password. */
export const sessionRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/sessions', tag: 'Sessions', who: 'reader' },
    summary: 'List who is signed in with a browser, the newest first, at most 1,000',
    answer: { status: 200, schema: listed },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.sessions.list(orgId, ports.now())).map(shownSession) } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/sessions/{session}', tag: 'Sessions', summary: 'End a session', who: 'orgAdmin' },
    answer: { status: 204 },
    async handle({ provisioning, caller, orgId, params }) {
      const id = params.session as SessionId
      const ended = await endSessionsNow(provisioning, caller, orgId, { id, reason: 'revoked' }).durable
      if (ended.length === 0) throw new DomainError('not-found', `Session ${id} not found`)
      return {}
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}/sessions', tag: 'Sessions', who: 'self' },
    summary: 'List where a person is signed in with a browser',
    answer: { status: 200, schema: listed },
    async handle({ ports, orgId, params }) {
      const { id } = await getUser(ports, orgId, params.user)
      return { body: { items: (await ports.reads.sessions.list(orgId, ports.now(), id)).map(shownSession) } }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/users/{user}/sessions', tag: 'Sessions', who: 'self' },
    summary: 'Sign a person out everywhere',
    answer: { status: 204 },
    async handle({ ports, provisioning, caller, orgId, params }) {
      const { id: user } = await getUser(ports, orgId, params.user)
      // An auditor reads what others have and ends what is their own.
      if (!isOrgAdminCaller(caller) && caller.account?.user !== user) throw notYours()
      await endSessionsNow(provisioning, caller, orgId, { user, reason: 'revoked' }).durable
      return {}
    },
  }),
  route({
    ...{ method: 'POST', path: '/users/{user}/password-reset', tag: 'Sessions', who: 'orgAdmin' },
    summary: 'Make the address at which a person sets another password; it works once, for an hour, and is shown once',
    answer: { status: 201, schema: z.object({ url: z.string().nullable(), expires: time }), secret: 'url' },
    async handle({ ports, provisioning, caller, params }) {
      const { text, link } = ports.mintResetLink(params.user as UserId)
      await putResetLink(provisioning, caller, link).durable
      return { body: { url: `${ports.publicUrl}/reset/${text}`, expires: shownTime(link.expires) } }
    },
  }),
]

function notYours(): DomainError {
  return new DomainError('forbidden', 'Only an organisation admin may sign others out', { reason: 'right.org-admin' })
}

function shownSession(one: Session): z.input<typeof session> {
  const { id, user, method, issuer, created, lastSeen, authenticatedAt, expires } = one
  return {
    ...{ id, user, method, issuer: issuer ?? null, created: shownTime(created), lastSeen: shownTime(lastSeen) },
    ...{ authenticated: shownTime(authenticatedAt), expires: shownTime(expires) },
  }
}
