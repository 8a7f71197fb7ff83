import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { BatchSummary, BreakerReads } from '../domain/breaker.ts'
import type { OrgId } from '../domain/ids.ts'
import { toBatch, toRemoval } from './breaker-rows.ts'

/** Batches of removals and what they hold. */
export function breakerReads(db: Kysely<Database>): BreakerReads {
  return {
    async batches(orgId, limit) {
      const rows = await summaries(db, orgId)
        .orderBy('b.created', 'desc')
        .orderBy('b.id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toSummary)
    },

    async batch(orgId, id) {
      const row = await summaries(db, orgId).where('b.id', '=', id).executeTakeFirst()
      return row && toSummary(row)
    },

    async removals(orgId, id, after, limit) {
      const rows = await db
        .selectFrom('breaker_event')
        .select(['id', 'user_id', 'act', 'at', 'state'])
        .where('org_id', '=', orgId)
        .where('batch_id', '=', id)
        .where('id', '>', after ?? '')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toRemoval)
    },
  }
}

function summaries(db: Kysely<Database>, orgId: OrgId) {
  const counted = (condition: ReturnType<typeof sql>) => sql<number>`(select count(*) from breaker_event as e
    where e.org_id = b.org_id and e.batch_id = b.id and ${condition})`
  return db
    .selectFrom('breaker_batch as b')
    .selectAll('b')
    .select([
      counted(sql`e.ord is not null`).as('done'),
      counted(sql`e.state = 'held'`).as('held'),
      counted(sql`e.act = 'group'`).as('through_groups'),
    ])
    .where('b.org_id', '=', orgId)
}

type SummaryRow = Parameters<typeof toBatch>[0] & {
  readonly done: number
  readonly held: number
  readonly through_groups: number
}

function toSummary(row: SummaryRow): BatchSummary {
  return {
    ...toBatch(row),
    done: Number(row.done),
    held: Number(row.held),
    throughGroups: Number(row.through_groups),
  }
}
