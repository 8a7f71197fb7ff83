import { CompiledQuery, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Mail that is sent after the change it tells of was committed. */
export function outbox(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE outbox (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, kind ${text} NOT NULL,
      person_id ${text}, payload ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')), attempts ${int} NOT NULL,
      next_ms ${int} NOT NULL, lease_until ${int}, created ${int} NOT NULL, ended ${int}, problem ${text},
      CHECK ((state = 'waiting') = (payload <> '')), PRIMARY KEY (org_id, id),
      FOREIGN KEY (org_id, person_id) REFERENCES "user" (org_id, id))`,
    // Every instance asks for what is due, over all orgs.
    `CREATE INDEX outbox_due ON outbox (next_ms) WHERE state = 'waiting'`,
    `CREATE INDEX outbox_person ON outbox (org_id, person_id) WHERE person_id IS NOT NULL`,
    `CREATE INDEX outbox_ended ON outbox (ended) WHERE ended IS NOT NULL`,
  ]
}
