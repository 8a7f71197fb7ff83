import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, ReviewId } from '../domain/ids.ts'
import type { Review, ReviewScope } from '../domain/review.ts'
import { decideReviewItem, signReview, startReview } from '../provisioning/access-reviews.ts'
import { maybeTime, type Route, route, shownTime, textOf, time } from './route.ts'

const review = z.object({
  ...{ id: z.uuid(), name: z.string(), record: z.number().int(), created: time },
  ...{ state: z.enum(['open', 'signed']), signed: time.nullable(), digest: z.string().nullable() },
})

const REVIEWS = { tag: 'Access reviews' } as const

/** Campaigns in which admins say of each value whether it may stay. Their items are the report `/reports/review`. */
export const reviewRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/reviews', ...REVIEWS, summary: 'List access reviews, the newest first', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(review) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.reviews.list(orgId)).map(shownReview) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/reviews', ...REVIEWS, who: 'orgAdmin' },
    summary: 'Begin an access review over what is held now',
    body: z
      .strictObject({
        name: textOf(200),
        of: z.enum(['admins', 'everybody', 'team']),
        team: z.uuid().optional().meta({ description: 'For a review of a team' }),
      })
      .meta({ examples: [{ name: 'Admins, autumn', of: 'admins' }] }),
    answer: { status: 201, schema: review },
    async handle({ ports, provisioning, caller, body }) {
      const scope = scopeOf(body)
      const made = await startReview(provisioning, caller, { name: body.name, scope }).durable
      return { body: shownReview(made), headers: { Location: `${ports.publicUrl}/api/v1/reviews/${made.id}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/reviews/{review}', ...REVIEWS, summary: 'Show an access review', who: 'reader' },
    answer: { status: 200, schema: review },
    async handle({ ports, orgId, params }) {
      const found = await ports.reads.reviews.find(orgId, params.review as ReviewId)
      if (found === undefined) throw new DomainError('not-found', `There is no review ${params.review}`)
      return { body: shownReview(found) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/reviews/{review}/decide', ...REVIEWS, who: 'orgAdmin' },
    summary: 'Keep or revoke one item; a revocation is applied at once',
    body: z
      .strictObject({ item: z.number().int().min(1), decision: z.enum(['keep', 'revoke']), reason: textOf(500) })
      .meta({ examples: [{ item: 1, decision: 'keep', reason: 'still on the team' }] }),
    answer: {
      status: 200,
      schema: z.object({
        item: z.number().int(),
        decision: z.enum(['keep', 'revoke']),
        problem: z.string().nullable().meta({ description: 'Why the value is still held, and where it can be ended' }),
      }),
    },
    async handle({ provisioning, caller, params, body }) {
      const { item: n, ...decision } = body
      const { problem = null } = await decideReviewItem(provisioning, caller, params.review as ReviewId, {
        ...decision,
        n,
      })
      return { body: { item: n, decision: decision.decision, problem } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/reviews/{review}/sign', ...REVIEWS, who: 'orgAdmin' },
    summary: 'Sign an access review off, once all is decided and nothing revoked is held',
    answer: { status: 200, schema: review },
    async handle({ provisioning, caller, params }) {
      return { body: shownReview(await signReview(provisioning, caller, params.review as ReviewId).durable) }
    },
  }),
]

interface Scope {
  readonly of: ReviewScope['of']
  readonly team?: string | undefined
}

function scopeOf({ of, team }: Scope): ReviewScope {
  if (of === 'team' && team !== undefined) return { of, team: team as GroupId }
  if (of !== 'team' && team === undefined) return { of }
  throw new DomainError('invalid-value', 'team names the team of a review of a team, and of no other', {
    params: { path: '/team' },
  })
}

function shownReview({ id, name, seq, created, state, signed, digest }: Review): z.input<typeof review> {
  const times = { created: shownTime(created), signed: maybeTime(signed) }
  return { id, name, record: seq, ...times, state, digest: digest ?? null }
}
