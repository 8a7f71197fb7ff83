import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Up to which record the log of an org was purged. The record itself stays: what follows it continues it. */
export function purge(dialect: Dialect): Migration {
  const { text, int } = columnTypes(dialect)
  return {
    async up(db: Kysely<unknown>) {
      await db.executeQuery(
        CompiledQuery.raw(
          `CREATE TABLE log_purge (org_id ${text} NOT NULL, upto_seq ${int} NOT NULL, record_seq ${int} NOT NULL,
            time_ms ${int} NOT NULL, done_ms ${int}, PRIMARY KEY (org_id, upto_seq))`,
        ),
      )
    },
  }
}
