import { CompiledQuery, type Kysely, type Migration } from 'kysely'

/**
 * A period is written twice, when it begins and when it ends, and each of its indexes is written with it: one that
 * nothing reads is gone, and the one by team, role and seat no longer holds what changes at the end.
 */
export function leanPeriods(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of [
        'DROP INDEX access_time',
        'DROP INDEX access_target',
        'CREATE INDEX access_target ON access_period (org_id, kind, target, from_seq)',
      ]) {
        await db.executeQuery(CompiledQuery.raw(statement))
      }
    },
  }
}
