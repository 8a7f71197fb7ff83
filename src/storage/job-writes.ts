import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, JobId, RecordId, UserId } from '../domain/ids.ts'
import type { JobWrites } from '../domain/write-ports.ts'
import { idRows } from './id-list.ts'

/** Jobs that reconcile many people in batches after the change that caused them, resumable by their cursor. */
export function jobWrites(db: Kysely<Database>, dialect: Dialect): JobWrites {
  return { ...jobStart(db, dialect), ...jobProgress(db) }
}

/** What commits with the change that caused a job. */
function jobStart(db: Kysely<Database>, dialect: Dialect): Pick<JobWrites, 'start'> {
  return {
    async start(orgId, job, people, at) {
      await db
        .insertInto('reconcile_job')
        .values({
          org_id: orgId,
          id: job.id,
          reason: job.reason,
          cause_seq: job.causeSeq,
          cause_id: job.causeId,
          cursor: job.cursor,
          state: 'running',
          created: at,
        })
        .execute()
      const key = dialect === 'sqlite' ? sql`${orgId}, ${job.id}` : sql`${orgId}::text, ${job.id}::text`
      await sql`insert into reconcile_job_person (org_id, job_id, user_id)
        select ${key}, i.id from ${idRows(dialect, people)} as i`.execute(db)
    },
  }
}

/** Where jobs stand. */
function jobProgress(db: Kysely<Database>): Pick<JobWrites, 'next' | 'people' | 'advance' | 'finish'> {
  return {
    async next(orgId) {
      const row = await db
        .selectFrom('reconcile_job as j')
        .select(['j.id', 'j.reason', 'j.cause_id', 'j.cursor'])
        // Not a join: with few jobs in sight PostgreSQL would merge them with all records of the org.
        .select((eb) =>
          eb
            .selectFrom('provisioning_event as e')
            .select('e.connection_id')
            .whereRef('e.org_id', '=', 'j.org_id')
            .whereRef('e.seq', '=', 'j.cause_seq')
            .as('connection_id'),
        )
        .where('j.org_id', '=', orgId)
        .where('j.state', '=', 'running')
        .orderBy('j.cause_seq')
        .limit(1)
        .executeTakeFirst()
      return (
        row && {
          id: row.id as JobId,
          reason: row.reason,
          causeId: row.cause_id as RecordId,
          cursor: row.cursor,
          ...(row.connection_id === null ? {} : { connection: row.connection_id as ConnectionId }),
        }
      )
    },

    async people(orgId, job, after, limit) {
      const rows = await db
        .selectFrom('reconcile_job_person')
        .select('user_id')
        .where('org_id', '=', orgId)
        .where('job_id', '=', job)
        .where('user_id', '>', after)
        .orderBy('user_id')
        .limit(limit)
        .execute()
      return rows.map((row) => row.user_id as UserId)
    },

    async advance(orgId, job, cursor) {
      await db.updateTable('reconcile_job').set({ cursor }).where('org_id', '=', orgId).where('id', '=', job).execute()
    },

    async finish(orgId, job) {
      await db
        .updateTable('reconcile_job')
        .set({ state: 'done' })
        .where('org_id', '=', orgId)
        .where('id', '=', job)
        .execute()
      await db.deleteFrom('reconcile_job_person').where('org_id', '=', orgId).where('job_id', '=', job).execute()
    },
  }
}
