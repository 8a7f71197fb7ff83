import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** What people do with the product: by day, in sum, and how many were active. It is written outside any chain. */
export function activity(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  const rowless = dialect === 'sqlite' ? ' WITHOUT ROWID' : ''
  const counts = ['sign_ins', 'views', 'runs', 'reports', 'calls'].map((name) => `${name} ${int} NOT NULL`).join(', ')
  return [
    `CREATE TABLE activity_day (org_id ${text} NOT NULL, user_id ${text} NOT NULL, day ${int} NOT NULL, ${counts},
      PRIMARY KEY (org_id, user_id, day))${rowless}`,
    `CREATE TABLE user_activity (org_id ${text} NOT NULL, user_id ${text} NOT NULL, last_active ${int} NOT NULL,
      last_sign_in ${int} NOT NULL, days_active ${int} NOT NULL, ${counts}, PRIMARY KEY (org_id, user_id))${rowless}`,
    'CREATE INDEX user_activity_last ON user_activity (org_id, last_active)',
    `CREATE TABLE activity_mark (org_id ${text} NOT NULL, user_id ${text} NOT NULL,
      unit ${text} NOT NULL CHECK (unit IN ('week', 'month')), start ${int} NOT NULL,
      PRIMARY KEY (org_id, user_id, unit, start))${rowless}`,
    `CREATE TABLE active_count (org_id ${text} NOT NULL,
      unit ${text} NOT NULL CHECK (unit IN ('day', 'week', 'month')), start ${int} NOT NULL, users ${int} NOT NULL,
      PRIMARY KEY (org_id, unit, start))${rowless}`,
  ]
}
