import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/**
 * Keys of the admin API, of people and service accounts as well as of no person, and the answers that are kept so that
 * a request sent twice is done once.
 */
export function apiKeys(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of [...keys(dialect), ...answers(dialect)]) {
        await db.executeQuery(CompiledQuery.raw(statement))
      }
    },
  }
}

function keys(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE api_key (id ${text} PRIMARY KEY, org_id ${text} NOT NULL REFERENCES org (id),
      scope ${text} NOT NULL CHECK (scope IN ('operator', 'admin', 'auditor', 'user')), user_id ${text},
      name ${text} NOT NULL, secret_hash ${blob} NOT NULL, origin ${text} NOT NULL, created ${int} NOT NULL,
      expires ${int}, last_used ${int}, revoked ${int}, CHECK ((scope = 'user') = (user_id IS NOT NULL)),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    'CREATE UNIQUE INDEX api_key_secret ON api_key (secret_hash)',
    'CREATE INDEX api_key_user ON api_key (org_id, user_id)',
  ]
}

function answers(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE kept_answer (org_id ${text} NOT NULL, key_id ${text} NOT NULL, idempotency_key ${text} NOT NULL,
      request_hash ${blob} NOT NULL, created ${int} NOT NULL, status ${int}, body ${text}, headers ${text},
      PRIMARY KEY (org_id, key_id, idempotency_key))`,
    'CREATE INDEX kept_answer_age ON kept_answer (created)',
  ]
}
