import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Who is signed in, the passwords of those who have one here, and links that work once. */
export function sessions(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of [...signedIn(dialect), ...passwords(dialect)]) {
        await db.executeQuery(CompiledQuery.raw(statement))
      }
    },
  }
}

function signedIn(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE session (id ${text} PRIMARY KEY, org_id ${text} NOT NULL REFERENCES org (id),
      user_id ${text} NOT NULL, secret_hash ${blob} NOT NULL, method ${text} NOT NULL, issuer ${text},
      subject ${text}, sid ${text}, id_token ${text}, created ${int} NOT NULL, last_seen ${int} NOT NULL,
      authenticated_at ${int} NOT NULL, expires ${int} NOT NULL,
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    'CREATE UNIQUE INDEX session_secret ON session (secret_hash)',
    'CREATE INDEX session_person ON session (org_id, user_id)',
    'CREATE INDEX session_issuer ON session (org_id, issuer, sid)',
    'CREATE INDEX session_age ON session (org_id, expires)',
  ]
}

function passwords(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE local_password (org_id ${text} NOT NULL, user_id ${text} NOT NULL, hash ${text} NOT NULL,
      changed ${int} NOT NULL, failures ${int} NOT NULL DEFAULT 0, failed_at ${int},
      PRIMARY KEY (org_id, user_id), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    `CREATE TABLE one_time_link (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL,
      secret_hash ${blob} NOT NULL, kind ${text} NOT NULL CHECK (kind IN ('setup', 'reset')), user_id ${text},
      created ${int} NOT NULL, expires ${int} NOT NULL, PRIMARY KEY (org_id, id))`,
    'CREATE UNIQUE INDEX one_time_link_secret ON one_time_link (secret_hash)',
  ]
}
