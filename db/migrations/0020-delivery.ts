import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Receivers of the log, each a cursor over it with a lease, and the records they would not take. */
export function delivery(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE sink (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, name ${text} NOT NULL,
      name_key ${text} NOT NULL, kind ${text} NOT NULL CHECK (kind IN ('webhook', 'syslog', 'push', 'poll')),
      config ${text} NOT NULL, secret ${text}, secret_hash ${blob}, personal ${int} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('active', 'paused', 'suspended')), epoch ${int} NOT NULL,
      acked_seq ${int} NOT NULL, acked_ahead ${text} NOT NULL, attempts ${int} NOT NULL, refusals ${int} NOT NULL,
      next_ms ${int} NOT NULL, failing_since ${int}, last_error ${text}, delivered_ms ${int}, again ${int} NOT NULL,
      lease_owner ${text}, lease_until ${int}, version ${int} NOT NULL, created ${int} NOT NULL,
      PRIMARY KEY (org_id, id))`,
    `CREATE UNIQUE INDEX sink_name ON sink (org_id, name_key)`,
    // A polling receiver is known by its credential alone.
    `CREATE UNIQUE INDEX sink_secret ON sink (secret_hash) WHERE secret_hash IS NOT NULL`,
    // Every instance asks for what is due, over all orgs, four times a second.
    `CREATE INDEX sink_due ON sink (next_ms) WHERE state = 'active' AND kind <> 'poll'`,
    `CREATE TABLE sink_dead (org_id ${text} NOT NULL, sink_id ${text} NOT NULL, epoch ${int} NOT NULL,
      seq ${int} NOT NULL, status ${int}, error ${text} NOT NULL, at_ms ${int} NOT NULL, again ${int} NOT NULL,
      PRIMARY KEY (org_id, sink_id, epoch, seq),
      FOREIGN KEY (org_id, sink_id) REFERENCES sink (org_id, id))`,
    `CREATE TABLE log_reader (org_id ${text} NOT NULL, reader ${text} NOT NULL, read_ms ${int} NOT NULL,
      PRIMARY KEY (org_id, reader))`,
  ]
}
