import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Who was erased, and what may not be. No foreign keys: both outlive what they name. */
export function privacy(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE erasure (org_id ${text} NOT NULL, person_id ${text} NOT NULL, seq ${int} NOT NULL,
      time_ms ${int} NOT NULL, exported_ms ${int}, PRIMARY KEY (org_id, person_id))`,
    'CREATE INDEX erasure_waiting ON erasure (time_ms) WHERE exported_ms IS NULL',
    `CREATE TABLE legal_hold (org_id ${text} NOT NULL, id ${text} NOT NULL, person_id ${text}, from_seq ${int},
      to_seq ${int}, placed_seq ${int} NOT NULL, placed_ms ${int} NOT NULL, released_seq ${int}, released_ms ${int},
      PRIMARY KEY (org_id, id))`,
  ]
}
