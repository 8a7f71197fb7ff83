import { CompiledQuery, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Tokens of others that work once, and what finds the sessions and service accounts that such tokens name. */
export function spentTokens(dialect: Dialect): Migration {
  const { text, int, blob } = columnTypes(dialect)
  const statements = [
    `CREATE TABLE spent_token (org_id ${text} NOT NULL REFERENCES org (id), token_hash ${blob} NOT NULL,
      expires ${int} NOT NULL, PRIMARY KEY (org_id, token_hash))`,
    'CREATE INDEX spent_token_age ON spent_token (org_id, expires)',
    'CREATE INDEX session_subject ON session (org_id, issuer, subject)',
    // A token names its issuer and no org.
    `CREATE INDEX service_account_workload ON service_account (jwt_issuer, jwt_subject)
      WHERE jwt_subject IS NOT NULL`,
  ]
  return {
    async up(db) {
      for (const statement of statements) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}
