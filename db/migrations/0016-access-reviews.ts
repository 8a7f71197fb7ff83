import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Reviews of access: a snapshot of what people held, decided item by item. */
export function accessReviews(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE access_review (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, name ${text} NOT NULL,
      seq ${int} NOT NULL, created ${int} NOT NULL, state ${text} NOT NULL CHECK (state IN ('open', 'signed')),
      signed ${int}, digest ${text}, PRIMARY KEY (org_id, id))`,
    `CREATE TABLE access_review_item (org_id ${text} NOT NULL, review_id ${text} NOT NULL, n ${int} NOT NULL,
      user_id ${text} NOT NULL, kind ${text} NOT NULL, target ${text} NOT NULL, value ${text} NOT NULL,
      from_seq ${int} NOT NULL, given_type ${text}, given_id ${text},
      decision ${text} CHECK (decision IN ('keep', 'revoke')), reason ${text}, decided_type ${text}, decided_id ${text},
      decided ${int}, PRIMARY KEY (org_id, review_id, n),
      FOREIGN KEY (org_id, review_id) REFERENCES access_review (org_id, id))`,
  ]
}
