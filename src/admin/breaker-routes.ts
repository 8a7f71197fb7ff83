import { z } from 'zod'
import type { BatchSummary, Removal } from '../domain/breaker.ts'
import { DomainError } from '../domain/errors.ts'
import type { BatchId, OrgId, UserId } from '../domain/ids.ts'
import { allowBatch, type BatchOutcome, rejectBatch } from '../provisioning/decide-batch.ts'
import { restoreBatch } from '../provisioning/restore-batch.ts'
import { restoreUser } from '../provisioning/restore-user.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import type { AdminPorts } from './ports.ts'
import { maybeTime, type Route, route, shownTime, time } from './route.ts'

const count = z.number().int()

const batch = z.object({
  ...{ id: z.uuid(), connection: z.uuid(), mode: z.enum(['alert', 'hold']) },
  state: z.enum(['open', 'allowed', 'rejected', 'restored']),
  most: count.meta({ description: 'How many people could be lost' }),
  base: count.meta({ description: 'Active people the connection had' }),
  done: count.meta({ description: 'People who were lost' }),
  throughGroups: count.meta({ description: 'Those of them who only lost their last team or the role of an admin' }),
  held: count.meta({ description: 'Removals that wait for a decision' }),
  ...{ created: time, decided: time.nullable() },
})

const removal = z.object({
  ...{ id: z.uuid(), user: z.uuid(), act: z.enum(['deactivate', 'delete', 'group']), at: time },
  state: z.enum(['done', 'held', 'allowed', 'rejected', 'restored']),
})

const outcome = z.object({
  done: count,
  failed: z.array(z.object({ user: z.uuid(), reason: z.string() })),
})

const BREAKER = { tag: 'Mass removals' } as const

/** Batches of removals that went beyond the limit, what is held of them, and the way back. */
export const breakerRoutes: readonly Route[] = [
  route({
    ...{
      method: 'GET',
      path: '/removal-batches',
      ...BREAKER,
      summary: 'List batches, the newest first',
      who: 'reader',
    },
    answer: { status: 200, schema: z.object({ items: z.array(batch) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.breaker.batches(orgId, 200)).map(shownBatch) } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/removal-batches/{batch}', ...BREAKER, summary: 'Show a batch', who: 'reader' },
    answer: { status: 200, schema: batch },
    async handle({ ports, orgId, params }) {
      return { body: shownBatch(await getBatch(ports, orgId, params.batch as BatchId)) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/removal-batches/{batch}/removals', ...BREAKER, who: 'reader' },
    summary: 'List who a batch removed, and who is held',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(removal) },
    async handle(request) {
      const { ports, orgId, params, query } = request
      const { id } = await getBatch(ports, orgId, params.batch as BatchId)
      const list = `removals ${id}`
      const rows = await ports.reads.breaker.removals(orgId, id, afterOf<string>(request, list), query.limit + 1)
      return { body: cutPage(request, list, rows, { keyOf: (row) => row.id, show: shownRemoval }) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/removal-batches/{batch}/allow', ...BREAKER, who: 'orgAdmin' },
    summary: 'Do what is held, and let the rest of the run pass',
    answer: { status: 200, schema: outcome },
    async handle({ provisioning, caller, params }) {
      return { body: shownOutcome(await allowBatch(provisioning, caller, params.batch as BatchId)) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/removal-batches/{batch}/reject', ...BREAKER, who: 'orgAdmin' },
    summary: 'Drop what is held',
    answer: { status: 200, schema: outcome },
    async handle({ provisioning, caller, params }) {
      return { body: shownOutcome(await rejectBatch(provisioning, caller, params.batch as BatchId)) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/removal-batches/{batch}/restore', ...BREAKER, who: 'orgAdmin' },
    summary: 'Bring everybody back whom a batch deactivated or deleted',
    body: z
      .strictObject({ admins: z.boolean().default(false).meta({ description: 'Also those who would be org admins' }) })
      .meta({ examples: [{ admins: false }] }),
    answer: { status: 200, schema: outcome.extend({ admins: z.array(z.uuid()) }) },
    async handle({ provisioning, caller, params, body }) {
      const result = await restoreBatch(provisioning, caller, params.batch as BatchId, body)
      return { body: { ...shownOutcome(result), admins: [...result.admins] } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/users/{user}/restore', tag: 'Users', who: 'orgAdmin' },
    summary: 'Bring back a person who was deleted within 30 days',
    answer: { status: 200, schema: z.object({ id: z.uuid(), userName: z.string(), status: z.string() }) },
    async handle({ provisioning, caller, params }) {
      const { id, attributes, status } = await restoreUser(provisioning, caller, params.user as UserId).durable
      return { body: { id, userName: attributes.userName, status } }
    },
  }),
]

async function getBatch({ reads }: AdminPorts, orgId: OrgId, id: BatchId): Promise<BatchSummary> {
  const found = await reads.breaker.batch(orgId, id)
  if (found === undefined) throw new DomainError('not-found', `There is no batch of removals ${id}`)
  return found
}

function shownBatch({ created, decided, ...rest }: BatchSummary): z.input<typeof batch> {
  return { ...rest, created: shownTime(created), decided: maybeTime(decided) }
}

function shownRemoval({ at, ...rest }: Removal): z.input<typeof removal> {
  return { ...rest, at: shownTime(at) }
}

function shownOutcome({ done, failed }: BatchOutcome): z.input<typeof outcome> {
  return { done, failed: failed.map(({ user, reason }) => ({ user, reason })) }
}
