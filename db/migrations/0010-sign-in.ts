import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** What people sign in with, who they are there, and sign-ins that are under way. */
export function signIn(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of [...identities(dialect), ...providers(dialect)]) {
        await db.executeQuery(CompiledQuery.raw(statement))
      }
    },
  }
}

function identities(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE identity (org_id ${text} NOT NULL, issuer ${text} NOT NULL, subject_key ${text} NOT NULL,
      user_id ${text} NOT NULL, provider_id ${text} NOT NULL,
      way ${text} NOT NULL CHECK (way IN ('paired', 'email', 'invite', 'made')), created ${int} NOT NULL,
      last_sign_in ${int} NOT NULL, PRIMARY KEY (org_id, issuer, subject_key),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    'CREATE INDEX identity_user ON identity (org_id, user_id)',
    `CREATE TABLE identity_tombstone (org_id ${text} NOT NULL, subject_key ${text} NOT NULL,
      PRIMARY KEY (org_id, subject_key))`,
  ]
}

function providers(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE signin_provider (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL,
      kind ${text} NOT NULL CHECK (kind IN ('oidc', 'ldap')), name ${text} NOT NULL, name_key ${text} NOT NULL,
      enabled ${int} NOT NULL, origin ${text} NOT NULL, config ${text} NOT NULL, secret ${blob},
      version ${int} NOT NULL, created ${int} NOT NULL, updated ${int} NOT NULL, PRIMARY KEY (org_id, id))`,
    'CREATE UNIQUE INDEX signin_provider_name ON signin_provider (org_id, name_key)',
    'CREATE INDEX connection_provider ON connection (org_id, signin_provider_id) WHERE signin_provider_id IS NOT NULL',
    `CREATE TABLE signin_flow (state_hash ${blob} PRIMARY KEY, browser_hash ${blob} NOT NULL, org_id ${text} NOT NULL,
      provider_id ${text} NOT NULL, purpose ${text} NOT NULL, expires ${int} NOT NULL)`,
    'CREATE INDEX signin_flow_age ON signin_flow (expires)',
  ]
}
