import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely'
import type { AccessReviewItemTable, AccessReviewTable } from '../../db/review-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { HeldKind } from '../domain/history-ports.ts'
import type { ReviewId, UserId } from '../domain/ids.ts'
import type { Review, Reviewer, ReviewItem, ReviewReads, ReviewScope, ReviewWrites } from '../domain/review.ts'

/** Reviews and their items, with what has become of each value since. */
export function reviewReads(db: Kysely<Database>): ReviewReads {
  return {
    async list(orgId) {
      const reviews = db.selectFrom('access_review').selectAll().where('org_id', '=', orgId)
      return (await reviews.orderBy('id', 'desc').execute()).map(toReview)
    },

    async find(orgId, id) {
      const reviews = db.selectFrom('access_review').selectAll().where('org_id', '=', orgId)
      const row = await reviews.where('id', '=', id).executeTakeFirst()
      return row && toReview(row)
    },

    async items(orgId, id, after, limit) {
      const rows = await db
        .selectFrom('access_review_item as i')
        .leftJoin('access_period as p', (join) =>
          join
            .onRef('p.org_id', '=', 'i.org_id')
            .onRef('p.user_id', '=', 'i.user_id')
            .onRef('p.kind', '=', 'i.kind')
            .onRef('p.target', '=', 'i.target')
            .onRef('p.from_seq', '=', 'i.from_seq'),
        )
        .selectAll('i')
        .select('p.to_seq')
        .where('i.org_id', '=', orgId)
        .where('i.review_id', '=', id)
        .where('i.n', '>', after)
        .orderBy('i.n')
        .limit(limit)
        .execute()
      return rows.map(toItem)
    },
  }
}

export function reviewWrites(db: Kysely<Database>): ReviewWrites {
  return {
    ...reviewReads(db),

    async start(orgId, { id, name, seq, created }, scope) {
      const review = { org_id: orgId, id, name, seq, created, state: 'open', signed: null, digest: null }
      await db.insertInto('access_review').values(review).execute()
      // What a job of ours applied was given by whoever made it necessary.
      await sql`
        insert into access_review_item (org_id, review_id, n, user_id, kind, target, value, from_seq, given_type, given_id)
        select p.org_id, cast(${id} as text), row_number() over (order by p.user_id, p.kind, p.target), p.user_id, p.kind,
          p.target, p.value, p.from_seq, coalesce(c.actor_type, e.actor_type),
          case when c.seq is null then e.actor_id else c.actor_id end
        from access_period as p
          left join provisioning_event as e on e.org_id = p.org_id and e.seq = p.from_seq
          left join provisioning_event as c on c.org_id = e.org_id and c.id = e.cause_id
        where p.org_id = ${orgId} and p.to_seq is null and ${within(scope)}`.execute(db)
      const { n } = await db
        .selectFrom('access_review_item')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .where('org_id', '=', orgId)
        .where('review_id', '=', id)
        .executeTakeFirstOrThrow()
      return Number(n)
    },

    async decide(orgId, id, { n, decision, reason, by, at }) {
      await db
        .updateTable('access_review_item')
        .set({ decision, reason, decided_type: by.type, decided_id: by.id ?? null, decided: at })
        .where('org_id', '=', orgId)
        .where('review_id', '=', id)
        .where('n', '=', n)
        .execute()
    },

    async sign(orgId, id, { at, digest }) {
      await db
        .updateTable('access_review')
        .set({ state: 'signed', signed: at, digest })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },
  }
}

/** To be a member of the org is what an account is, so of roles in the org only that of an admin is an item. */
function within(scope: ReviewScope): RawBuilder<unknown> {
  const admins = sql`p.kind = 'org_role' and p.value = 'admin'`
  if (scope.of === 'team') return sql`p.kind = 'team' and p.target = ${scope.team}`
  return scope.of === 'admins' ? admins : sql`(p.kind <> 'org_role' or ${admins})`
}

function toReview(row: Selectable<AccessReviewTable>): Review {
  return {
    ...{ id: row.id as ReviewId, name: row.name, seq: row.seq, created: row.created },
    ...{ state: row.state as Review['state'], signed: row.signed ?? undefined, digest: row.digest ?? undefined },
  }
}

function toItem(row: Selectable<AccessReviewItemTable> & { readonly to_seq: number | null }): ReviewItem {
  const { decision, decided } = row
  const by = reviewer(row.decided_type, row.decided_id)
  return {
    ...{ n: row.n, user: row.user_id as UserId, kind: row.kind as HeldKind, target: row.target, value: row.value },
    given: reviewer(row.given_type, row.given_id),
    decided:
      decision === null || decided === null || by === undefined
        ? undefined
        : { decision: decision as 'keep' | 'revoke', reason: row.reason ?? '', by, at: decided },
    endedSeq: row.to_seq ?? undefined,
  }
}

function reviewer(type: string | null, id: string | null): Reviewer | undefined {
  return type === null ? undefined : { type, id: id ?? undefined }
}
