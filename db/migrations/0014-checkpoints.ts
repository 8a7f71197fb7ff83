import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** The log as the product's own SQL reads it: places, search keys and the record as JSON text; times are epoch milliseconds. */
const EVENT_VIEW = `CREATE VIEW v_event AS
  SELECT e.org_id, o.name AS org_name, e.seq, e.epoch, e.time_ms, e.id, e.action, e.result, e.actor_type, e.actor_id,
    e.connection_id, e.request_id, e.cause_id, e.body AS record
  FROM provisioning_event e LEFT JOIN org o ON o.id = e.org_id`

/** Signed statements of where each org's chain stood, and the name of the deployment they speak of. */
export function checkpoints(dialect: Dialect): Migration {
  const { text, int, blob } = columnTypes(dialect)
  const random = dialect === 'sqlite' ? 'lower(hex(randomblob(16)))' : `replace(gen_random_uuid()::text, '-', '')`
  return {
    async up(db: Kysely<unknown>) {
      const statements = [
        `CREATE TABLE checkpoint (org_id ${text} NOT NULL, epoch ${int} NOT NULL, seq ${int} NOT NULL,
          time_ms ${int} NOT NULL, key_id ${text} NOT NULL, public_key ${blob} NOT NULL, body ${text} NOT NULL,
          signature ${blob} NOT NULL, exported_ms ${int}, PRIMARY KEY (org_id, epoch, seq, key_id))`,
        'CREATE INDEX checkpoint_waiting ON checkpoint (time_ms) WHERE exported_ms IS NULL',
        EVENT_VIEW,
        `ALTER TABLE deployment ADD COLUMN name ${text} NOT NULL DEFAULT ''`,
        `UPDATE deployment SET name = ${random}`,
      ]
      for (const statement of statements) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}
