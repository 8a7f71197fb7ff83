import { CompiledQuery, type Migration } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Invitations that are open or were, and domains that orgs claim. */
export function invitesAndDomains(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of [...invites(dialect), ...domains(dialect)]) {
        await db.executeQuery(CompiledQuery.raw(statement))
      }
    },
  }
}

function invites(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE invite (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, user_id ${text} NOT NULL,
      token_hash ${blob} NOT NULL, email_key ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('pending', 'accepted', 'ended', 'revoked', 'expired')),
      invited_by ${text}, created ${int} NOT NULL, sent ${int} NOT NULL, expires ${int} NOT NULL, ended ${int},
      PRIMARY KEY (org_id, id), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    'CREATE UNIQUE INDEX invite_token ON invite (token_hash)',
    `CREATE UNIQUE INDEX invite_pending ON invite (org_id, user_id) WHERE state = 'pending'`,
    `CREATE INDEX invite_overdue ON invite (expires) WHERE state = 'pending'`,
  ]
}

function domains(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE domain_claim (org_id ${text} NOT NULL REFERENCES org (id), domain_key ${text} NOT NULL,
      challenge ${text} NOT NULL, captures ${int} NOT NULL, team_id ${text}, created ${int} NOT NULL, proved_at ${int},
      checked ${int}, next_ms ${int} NOT NULL, failing_since ${int}, PRIMARY KEY (org_id, domain_key),
      FOREIGN KEY (org_id, team_id) REFERENCES team (org_id, id))`,
    // A claim that is not proved keeps no true owner out.
    'CREATE UNIQUE INDEX domain_claim_proved ON domain_claim (domain_key) WHERE proved_at IS NOT NULL',
    'CREATE INDEX domain_claim_due ON domain_claim (next_ms)',
    `ALTER TABLE team ADD COLUMN joinable ${int} NOT NULL DEFAULT 0`,
  ]
}
