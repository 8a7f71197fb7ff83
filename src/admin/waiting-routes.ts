import { z } from 'zod'
import type { ConnectionId, UserId } from '../domain/ids.ts'
import { DomainError } from '../domain/errors.ts'
import type { LinkItem } from '../domain/ownership-ports.ts'
import { warningText } from '../domain/warning.ts'
import { confirmLink, rejectLink } from '../provisioning/link-confirmation.ts'
import { listWarnings } from '../provisioning/list-warnings.ts'
import { settleWithheldAdmin } from '../provisioning/withheld-admin.ts'
import { type Route, route, type RouteRequest, shownTime, time } from './route.ts'

const waiting = z.object({
  links: z.array(
    z.object({
      ...{ connection: z.uuid(), connectionName: z.string(), subject: z.uuid(), subjectName: z.string().nullable() },
      ...{ subjectType: z.enum(['user', 'group']), state: z.enum(['waiting', 'confirmed', 'rejected']), created: time },
    }),
  ),
  admins: z.array(
    z.object({
      ...{ user: z.uuid(), userName: z.string(), connection: z.uuid(), connectionName: z.string() },
      ...{ attribute: z.string(), state: z.enum(['waiting', 'refused']), created: time },
    }),
  ),
})

const warning = z.looseObject({ code: z.string(), message: z.string() })

/** What waits for an admin's word, and what an admin should look at. */
export const waitingRoutes: readonly Route[] = [
  route({
    ...{
      method: 'GET',
      path: '/waiting',
      tag: 'Waiting items',
      summary: 'List what waits for an admin',
      who: 'reader',
    },
    answer: { status: 200, schema: waiting },
    async handle({ ports, orgId }) {
      const [links, admins] = await Promise.all([
        ports.reads.waiting.links(orgId),
        ports.reads.waiting.withheldAdmins(orgId),
      ])
      return { body: { links: links.map(shownLink), admins: admins.map(shownAdmin) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/waiting/links/{connection}/{subject}/confirm', tag: 'Waiting items' },
    ...{ who: 'orgAdmin', summary: 'Let a connection link a user or group that was made by hand' },
    answer: { status: 204 },
    handle: (request) => decideLink(request, confirmLink),
  }),
  route({
    ...{ method: 'POST', path: '/waiting/links/{connection}/{subject}/reject', tag: 'Waiting items' },
    ...{ who: 'orgAdmin', summary: 'Keep a connection from linking a user or group' },
    answer: { status: 204 },
    handle: (request) => decideLink(request, rejectLink),
  }),
  route({
    ...{ method: 'POST', path: '/waiting/admins/{user}/confirm', tag: 'Waiting items', who: 'orgAdmin' },
    summary: 'Make somebody an org admin whom a connection names without the right to',
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await settleWithheldAdmin(provisioning, caller, params.user as UserId, 'grant').durable
      return {}
    },
  }),
  route({
    ...{ method: 'POST', path: '/waiting/admins/{user}/reject', tag: 'Waiting items', who: 'orgAdmin' },
    summary: 'Refuse to make somebody an org admin whom a connection names',
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await settleWithheldAdmin(provisioning, caller, params.user as UserId, 'refuse').durable
      return {}
    },
  }),
  route({
    ...{ method: 'GET', path: '/warnings', tag: 'Warnings', who: 'reader' },
    summary: 'List what works today and may not tomorrow, such as a single admin',
    answer: { status: 200, schema: z.object({ items: z.array(warning) }) },
    async handle({ ports, orgId }) {
      const warnings = await listWarnings(ports.reads, orgId, ports.now())
      return { body: { items: warnings.map((one) => ({ ...one, message: warningText(one) })) } }
    },
  }),
]

type LinkRequest = RouteRequest<'/{connection}/{subject}'>

async function decideLink(
  { ports, provisioning, caller, orgId, params }: LinkRequest,
  decide: typeof confirmLink,
): Promise<Record<never, never>> {
  const { connection, subject } = params
  const found = (await ports.reads.waiting.links(orgId)).find(
    (each) => each.connectionId === connection && each.subjectId === subject,
  )
  if (found === undefined) throw new DomainError('not-found', 'Nothing waits for confirmation under this id')
  const { subjectType } = found
  const link = { connectionId: connection as ConnectionId, subjectType, subjectId: subject }
  await decide(provisioning, { orgId, actor: caller.actor, request: caller.request, link }).durable
  return {}
}

function shownLink(one: LinkItem): z.input<typeof waiting>['links'][number] {
  const { connectionId: connection, connectionName, subjectId: subject, subjectType, subjectName, state } = one
  const created = shownTime(one.created)
  return { connection, connectionName, subject, subjectType, subjectName: subjectName ?? null, state, created }
}

function shownAdmin(one: Awaited<ReturnType<LinkRequest['ports']['reads']['waiting']['withheldAdmins']>>[number]) {
  const { user, userName, connectionId: connection, connectionName, attribute, state, created } = one
  return { user, userName, connection, connectionName, attribute, state, created: shownTime(created) }
}
