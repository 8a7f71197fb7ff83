import { CompiledQuery, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/**
 * The licence and a version of an org's policy; what the guard against mass removals counts and holds; and the view of
 * seats in use.
 */
export function seatsAndBreaker(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `ALTER TABLE org_policy ADD COLUMN licence ${text} NOT NULL DEFAULT '{}'`,
    `ALTER TABLE org_policy ADD COLUMN version ${int} NOT NULL DEFAULT 1`,
    `CREATE TABLE breaker_batch (org_id ${text} NOT NULL, id ${text} NOT NULL, connection_id ${text} NOT NULL,
      mode ${text} NOT NULL CHECK (mode IN ('alert', 'hold')),
      state ${text} NOT NULL CHECK (state IN ('open', 'allowed', 'rejected', 'restored')), most ${int} NOT NULL,
      base ${int} NOT NULL, created ${int} NOT NULL, decided ${int}, PRIMARY KEY (org_id, id),
      FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id))`,
    `CREATE INDEX breaker_batch_open ON breaker_batch (org_id, connection_id, created) WHERE state = 'open'`,
    `CREATE TABLE breaker_event (org_id ${text} NOT NULL, id ${text} NOT NULL, connection_id ${text} NOT NULL,
      user_id ${text} NOT NULL, act ${text} NOT NULL CHECK (act IN ('deactivate', 'delete', 'group')),
      at ${int} NOT NULL, ord ${int}, recent ${int} NOT NULL, base_floor ${int} NOT NULL, batch_id ${text},
      state ${text} NOT NULL CHECK (state IN ('done', 'held', 'allowed', 'rejected', 'restored')),
      PRIMARY KEY (org_id, id), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id),
      FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id),
      FOREIGN KEY (org_id, batch_id) REFERENCES breaker_batch (org_id, id))`,
    `CREATE INDEX breaker_event_window ON breaker_event (org_id, connection_id, at, ord) WHERE ord IS NOT NULL`,
    // A client that tries again what is held does not hold it twice.
    `CREATE UNIQUE INDEX breaker_event_held ON breaker_event (org_id, connection_id, user_id, act) WHERE state = 'held'`,
    `CREATE INDEX breaker_event_rejected ON breaker_event (org_id, connection_id, user_id, act) WHERE state = 'rejected'`,
    `CREATE INDEX breaker_event_batch ON breaker_event (org_id, batch_id, id) WHERE batch_id IS NOT NULL`,
    // What a person had when deactivation ended it for good, so that an admin can bring it back.
    `CREATE TABLE removed_access (org_id ${text} NOT NULL, user_id ${text} NOT NULL, facts ${text} NOT NULL,
      at ${int} NOT NULL, PRIMARY KEY (org_id, user_id), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    // With user_owner_external it finds all that a connection owns; those without an externalId are few.
    `CREATE INDEX user_owner_unnamed ON "user" (org_id, owner_connection_id)
      WHERE deleted_at IS NULL AND external_id IS NULL AND owner_connection_id IS NOT NULL`,
    seatUseView(),
  ]
}

/**
 * What the product's own SQL reads: one row a counted type of seat of a product. `bought` and `seats_left` are null where
 * the licence states no number; `seats_left` is negative while more are in use than were bought. `reserved` is what
 * invited people who have not arrived hold.
 */
function seatUseView(): string {
  const reserved = `(SELECT count(*) FROM user_seat s JOIN "user" u ON u.org_id = s.org_id AND u.id = s.user_id
      WHERE s.org_id = c.org_id AND s.product = c.product AND s.given = c.type AND u.status = 'pending')`
  return `CREATE VIEW v_seat_use AS
    SELECT c.org_id, c.product, c.type, c.cap AS bought, c.used - ${reserved} AS used, ${reserved} AS reserved,
      CASE WHEN c.cap IS NULL THEN NULL ELSE c.cap - c.used END AS seats_left,
      (SELECT count(*) FROM user_seat w WHERE w.org_id = c.org_id AND w.product = c.product AND w.wanted = c.type
        AND w.given <> w.wanted) AS waiting
    FROM seat_counter c WHERE c.type <> 'none'`
}
