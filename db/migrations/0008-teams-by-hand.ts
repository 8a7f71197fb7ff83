import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Who may add people to a team, and which admins that were asked for an admin refused. */
export function teamsByHand(dialect: Dialect): Migration {
  const { text } = columnTypes(dialect)
  return {
    async up(db: Kysely<unknown>) {
      const statements = [
        `ALTER TABLE team ADD COLUMN inviters ${text} NOT NULL DEFAULT 'admins'`,
        `ALTER TABLE withheld_admin ADD COLUMN state ${text} NOT NULL DEFAULT 'waiting'`,
      ]
      for (const statement of statements) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}
