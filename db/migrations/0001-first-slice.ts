import type { Migration } from 'kysely'
import { CompiledQuery } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/**
 * The tables of people, groups, teams, access and the provisioning log. The statements are written as SQL because
 * they are the contract other SQL reads; `columnTypes` says what differs by dialect.
 */
export function firstSlice(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  return [
    ...tenancy(dialect),
    ...people(dialect),
    ...groups(dialect),
    ...access(dialect),
    ...log(dialect),
    ...appendOnly(dialect),
    accessView(dialect),
  ]
}

function tenancy(dialect: Dialect): readonly string[] {
  const { text, int, blob } = columnTypes(dialect)
  return [
    `CREATE TABLE deployment (id ${text} NOT NULL PRIMARY KEY, kek_id ${text} NOT NULL, cursor_key ${blob} NOT NULL,
      signing_key ${blob} NOT NULL, signing_key_id ${text} NOT NULL, created ${int} NOT NULL)`,
    `CREATE TABLE org (id ${text} NOT NULL PRIMARY KEY, name ${text} NOT NULL, name_key ${text} NOT NULL,
      created ${int} NOT NULL)`,
    `CREATE UNIQUE INDEX org_name ON org (name_key)`,
    `CREATE TABLE org_policy (org_id ${text} NOT NULL PRIMARY KEY REFERENCES org (id),
      default_org_role ${text} NOT NULL, default_seats ${text} NOT NULL, settings ${text} NOT NULL,
      rules_version ${int} NOT NULL)`,
    `CREATE TABLE connection (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, name ${text} NOT NULL,
      name_key ${text} NOT NULL, kind ${text} NOT NULL CHECK (kind IN ('idp', 'script')),
      status ${text} NOT NULL CHECK (status IN ('active', 'revoked')), may_grant_admin ${int} NOT NULL,
      scopes ${text} NOT NULL, signin_provider_id ${text}, version ${int} NOT NULL, created ${int} NOT NULL,
      PRIMARY KEY (org_id, id))`,
    `CREATE UNIQUE INDEX connection_name ON connection (org_id, name_key)`,
    `CREATE UNIQUE INDEX connection_id ON connection (id)`,
    `CREATE TABLE connection_token (id ${text} NOT NULL PRIMARY KEY, org_id ${text} NOT NULL,
      connection_id ${text} NOT NULL, secret_hash ${blob} NOT NULL, origin ${text} NOT NULL, created ${int} NOT NULL,
      expires ${int}, last_used ${int}, revoked ${int},
      FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id))`,
    `CREATE UNIQUE INDEX connection_token_hash ON connection_token (secret_hash)`,
    `CREATE INDEX connection_token_owner ON connection_token (org_id, connection_id)`,
    `CREATE TABLE jwt_trust (org_id ${text} NOT NULL, id ${text} NOT NULL, connection_id ${text} NOT NULL,
      issuer ${text} NOT NULL, audience ${text} NOT NULL, pins ${text} NOT NULL, pin_key ${text} NOT NULL,
      jwks_uri ${text}, algorithms ${text} NOT NULL, long_lived ${int} NOT NULL, created ${int} NOT NULL,
      PRIMARY KEY (org_id, id), FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id))`,
    `CREATE UNIQUE INDEX jwt_trust_pins ON jwt_trust (issuer, audience, pin_key)`,
    `CREATE TABLE link_request (org_id ${text} NOT NULL, connection_id ${text} NOT NULL, subject_type ${text} NOT NULL,
      subject_id ${text} NOT NULL, reason ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('waiting', 'confirmed', 'rejected', 'done')), created ${int} NOT NULL,
      decided ${int}, PRIMARY KEY (org_id, connection_id, subject_id),
      FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id))`,
    `CREATE TABLE org_counter (org_id ${text} NOT NULL REFERENCES org (id), name ${text} NOT NULL, value ${int} NOT NULL,
      PRIMARY KEY (org_id, name))`,
  ]
}

function people(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE "user" (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, ord ${int} NOT NULL,
      username ${text} NOT NULL, username_key ${text} NOT NULL, display_name ${text}, display_name_key ${text},
      status ${text} NOT NULL CHECK (status IN ('pending', 'active', 'deactivated')),
      account_type ${text} NOT NULL CHECK (account_type IN ('USER', 'SERVICE', 'ORG_SERVICE')),
      owner_connection_id ${text}, external_id ${text}, org_role ${text} NOT NULL, billing_admin ${int} NOT NULL,
      department ${text}, department_key ${text}, employee_number ${text}, employee_number_key ${text},
      body ${text} NOT NULL, search ${text} NOT NULL, version ${int} NOT NULL, created ${int} NOT NULL,
      updated ${int} NOT NULL, deleted_at ${int}, PRIMARY KEY (org_id, id),
      FOREIGN KEY (org_id, owner_connection_id) REFERENCES connection (org_id, id))`,
    `CREATE UNIQUE INDEX user_name ON "user" (org_id, username_key) WHERE deleted_at IS NULL`,
    `CREATE UNIQUE INDEX user_owner_external ON "user" (org_id, owner_connection_id, external_id)
      WHERE deleted_at IS NULL AND external_id IS NOT NULL AND owner_connection_id IS NOT NULL`,
    `CREATE INDEX user_external ON "user" (org_id, external_id)`,
    `CREATE INDEX user_status ON "user" (org_id, status, org_role)`,
    `CREATE INDEX user_list ON "user" (org_id, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_display_name ON "user" (org_id, display_name_key) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_updated ON "user" (org_id, updated, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_department ON "user" (org_id, department_key) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_employee ON "user" (org_id, employee_number_key) WHERE deleted_at IS NULL`,
    `CREATE TABLE user_email (org_id ${text} NOT NULL, user_id ${text} NOT NULL, ordinal ${int} NOT NULL,
      value ${text} NOT NULL, value_key ${text} NOT NULL, type ${text}, is_primary ${int} NOT NULL,
      PRIMARY KEY (org_id, user_id, ordinal), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    `CREATE INDEX user_email_value ON user_email (org_id, value_key, user_id)`,
    `CREATE UNIQUE INDEX user_email_primary ON user_email (org_id, user_id) WHERE is_primary = 1`,
    `CREATE TABLE explicit_grant (org_id ${text} NOT NULL, user_id ${text} NOT NULL, kind ${text} NOT NULL,
      target ${text} NOT NULL, value ${text} NOT NULL, set_by ${text}, set_at ${int} NOT NULL,
      PRIMARY KEY (org_id, user_id, kind, target), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    `CREATE INDEX explicit_grant_value ON explicit_grant (org_id, kind, target, value)`,
  ]
}

function groups(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE scim_group (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, ord ${int} NOT NULL,
      display_name ${text} NOT NULL, name_key ${text} NOT NULL, owner_connection_id ${text}, external_id ${text},
      marked_protected ${int} NOT NULL, member_count ${int} NOT NULL, body ${text} NOT NULL, version ${int} NOT NULL,
      created ${int} NOT NULL, updated ${int} NOT NULL, deleted_at ${int}, PRIMARY KEY (org_id, id),
      FOREIGN KEY (org_id, owner_connection_id) REFERENCES connection (org_id, id))`,
    `CREATE UNIQUE INDEX group_name ON scim_group (org_id, name_key) WHERE deleted_at IS NULL`,
    `CREATE INDEX group_deleted_name ON scim_group (org_id, name_key, deleted_at) WHERE deleted_at IS NOT NULL`,
    `CREATE UNIQUE INDEX group_owner_external ON scim_group (org_id, owner_connection_id, external_id)
      WHERE deleted_at IS NULL AND external_id IS NOT NULL AND owner_connection_id IS NOT NULL`,
    `CREATE INDEX group_external ON scim_group (org_id, external_id)`,
    `CREATE INDEX group_list ON scim_group (org_id, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX group_updated ON scim_group (org_id, updated, ord) WHERE deleted_at IS NULL`,
    `CREATE TABLE group_member (org_id ${text} NOT NULL, group_id ${text} NOT NULL, user_id ${text} NOT NULL,
      origin ${text} NOT NULL CHECK (origin IN ('scim', 'manual', 'invite', 'domain', 'claim', 'service')),
      set_by ${text}, set_at ${int} NOT NULL, PRIMARY KEY (org_id, group_id, user_id, origin),
      FOREIGN KEY (org_id, group_id) REFERENCES scim_group (org_id, id),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    // SQLite, which has no statistics, prefers an index that covers: this one for look-ups by person, the primary key for
    // those by group. With group_id before origin it would take this one for both, and read the whole org for a group.
    `CREATE INDEX group_member_user ON group_member (org_id, user_id, origin, group_id)`,
    `CREATE TABLE group_child (org_id ${text} NOT NULL, group_id ${text} NOT NULL, child_group_id ${text} NOT NULL,
      PRIMARY KEY (org_id, group_id, child_group_id),
      FOREIGN KEY (org_id, group_id) REFERENCES scim_group (org_id, id),
      FOREIGN KEY (org_id, child_group_id) REFERENCES scim_group (org_id, id))`,
    `CREATE INDEX group_child_parent ON group_child (org_id, child_group_id, group_id)`,
    `CREATE TABLE team (org_id ${text} NOT NULL, id ${text} NOT NULL, archived_at ${int}, default_role ${text} NOT NULL,
      storage ${text}, visibility ${text} NOT NULL, PRIMARY KEY (org_id, id),
      FOREIGN KEY (org_id, id) REFERENCES scim_group (org_id, id))`,
  ]
}

function access(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE team_membership (org_id ${text} NOT NULL, user_id ${text} NOT NULL, team_id ${text} NOT NULL,
      role ${text} NOT NULL, custom_role_id ${text} NOT NULL, source_kind ${text} NOT NULL, source_id ${text} NOT NULL,
      PRIMARY KEY (org_id, user_id, team_id), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id),
      FOREIGN KEY (org_id, team_id) REFERENCES team (org_id, id))`,
    `CREATE INDEX team_membership_team ON team_membership (org_id, team_id, user_id)`,
    `CREATE TABLE user_seat (org_id ${text} NOT NULL, user_id ${text} NOT NULL, product ${text} NOT NULL,
      wanted ${text} NOT NULL, given ${text} NOT NULL, wanted_since ${int} NOT NULL, source ${text} NOT NULL,
      PRIMARY KEY (org_id, user_id, product), FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    `CREATE INDEX user_seat_waiting ON user_seat (org_id, product, wanted_since) WHERE given <> wanted`,
    `CREATE TABLE seat_counter (org_id ${text} NOT NULL REFERENCES org (id), product ${text} NOT NULL,
      type ${text} NOT NULL, used ${int} NOT NULL, cap ${int}, PRIMARY KEY (org_id, product, type))`,
    `CREATE TABLE access_period (org_id ${text} NOT NULL, user_id ${text} NOT NULL,
      kind ${text} NOT NULL CHECK (kind IN ('active', 'org_role', 'seat', 'team')), target ${text} NOT NULL,
      value ${text} NOT NULL, from_seq ${int} NOT NULL, to_seq ${int}, valid_from ${int} NOT NULL, valid_to ${int},
      PRIMARY KEY (org_id, user_id, kind, target, from_seq))`,
    `CREATE UNIQUE INDEX access_open ON access_period (org_id, user_id, kind, target) WHERE to_seq IS NULL`,
    `CREATE INDEX access_target ON access_period (org_id, kind, target, from_seq, to_seq)`,
    `CREATE INDEX access_time ON access_period (org_id, valid_from, valid_to)`,
    `CREATE TABLE reconcile_job (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, reason ${text} NOT NULL,
      cause_seq ${int} NOT NULL, cause_id ${text} NOT NULL, cursor ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('running', 'done')), created ${int} NOT NULL, PRIMARY KEY (org_id, id))`,
    `CREATE INDEX reconcile_job_state ON reconcile_job (org_id, state)`,
    `CREATE TABLE reconcile_job_person (org_id ${text} NOT NULL, job_id ${text} NOT NULL, user_id ${text} NOT NULL,
      PRIMARY KEY (org_id, job_id, user_id), FOREIGN KEY (org_id, job_id) REFERENCES reconcile_job (org_id, id))`,
  ]
}

/** No foreign keys: the log outlives what it speaks of, and its writes take no other lock than the chain's. */
function log(dialect: Dialect): readonly string[] {
  const { text, int, blob, autoId } = columnTypes(dialect)
  return [
    // Every write of an org updates this row: room on its page keeps the updates in place (heap-only tuples).
    `CREATE TABLE org_chain (org_id ${text} NOT NULL PRIMARY KEY, epoch ${int} NOT NULL, seq ${int} NOT NULL,
      time_ms ${int} NOT NULL, hash ${blob} NOT NULL)${dialect === 'postgres' ? ' WITH (fillfactor = 20)' : ''}`,
    `CREATE TABLE provisioning_event (org_id ${text} NOT NULL, seq ${int} NOT NULL, epoch ${int} NOT NULL,
      time_ms ${int} NOT NULL, id ${text} NOT NULL, action ${text} NOT NULL, result ${text} NOT NULL,
      actor_type ${text} NOT NULL, actor_id ${text}, connection_id ${text}, request_id ${text}, cause_id ${text},
      body ${text} NOT NULL, content_hash ${blob} NOT NULL, hash ${blob} NOT NULL, PRIMARY KEY (org_id, seq))`,
    `CREATE UNIQUE INDEX event_id ON provisioning_event (org_id, id)`,
    `CREATE INDEX event_time ON provisioning_event (org_id, time_ms, seq)`,
    `CREATE INDEX event_action ON provisioning_event (org_id, action, seq)`,
    `CREATE INDEX event_actor ON provisioning_event (org_id, actor_id, seq)`,
    `CREATE TABLE event_target (org_id ${text} NOT NULL, target_id ${text} NOT NULL, seq ${int} NOT NULL,
      PRIMARY KEY (org_id, target_id, seq))${dialect === 'sqlite' ? ' WITHOUT ROWID' : ''}`,
    `CREATE TABLE event_pii (org_id ${text} NOT NULL, person_id ${text} NOT NULL, seq ${int} NOT NULL,
      nonce ${blob} NOT NULL, ciphertext ${blob} NOT NULL, PRIMARY KEY (org_id, person_id, seq))`,
    `CREATE INDEX event_pii_seq ON event_pii (org_id, seq)`,
    `CREATE TABLE person_key (org_id ${text} NOT NULL, person_id ${text} NOT NULL, kek_id ${text}, wrapped ${blob},
      erased_seq ${int}, PRIMARY KEY (org_id, person_id))`,
    `CREATE TABLE request_log (id ${autoId}, org_id ${text} NOT NULL, time_ms ${int} NOT NULL,
      request_id ${text} NOT NULL, connection_id ${text}, method ${text} NOT NULL, route ${text} NOT NULL,
      status ${int} NOT NULL, scim_type ${text}, latency_us ${int} NOT NULL)`,
    `CREATE INDEX request_log_org ON request_log (org_id, id)`,
    `CREATE INDEX request_log_time ON request_log (org_id, time_ms)`,
  ]
}

/** A hashed record is never changed; an accidental UPDATE stops here, a deliberate one is caught by the chain. */
function appendOnly(dialect: Dialect): readonly string[] {
  if (dialect === 'sqlite') {
    return [
      `CREATE TRIGGER provisioning_event_append_only BEFORE UPDATE ON provisioning_event
        BEGIN SELECT RAISE(ABORT, 'provisioning_event is append-only'); END`,
    ]
  }
  return [
    `CREATE FUNCTION provisioning_event_append_only() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'provisioning_event is append-only'; END $$`,
    `CREATE TRIGGER provisioning_event_append_only BEFORE UPDATE ON provisioning_event
      FOR EACH ROW EXECUTE FUNCTION provisioning_event_append_only()`,
  ]
}

/**
 * What the product's own SQL reads: one row a person and team, and one row with an empty team for people without any.
 * `seats` is JSON text (product → full | viewer | none); `permissions` is for custom roles and empty for built-in ones.
 */
function accessView(dialect: Dialect): string {
  const seats =
    dialect === 'sqlite' ? 'json_group_object(s.product, s.given)' : 'json_object_agg(s.product, s.given)::text'
  return `CREATE VIEW v_access AS
    SELECT u.org_id, o.name AS org_name, u.id AS user_id, u.username AS user_name,
      CASE WHEN u.status = 'deactivated' THEN 0 ELSE 1 END AS active, u.org_role,
      (SELECT ${seats} FROM user_seat s WHERE s.org_id = u.org_id AND s.user_id = u.id) AS seats,
      m.team_id, g.display_name AS team_name, m.role AS team_role, '' AS permissions
    FROM "user" u
    JOIN org o ON o.id = u.org_id
    LEFT JOIN team_membership m ON m.org_id = u.org_id AND m.user_id = u.id
    LEFT JOIN scim_group g ON g.org_id = m.org_id AND g.id = m.team_id
    WHERE u.deleted_at IS NULL`
}
