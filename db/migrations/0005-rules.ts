import type { Migration } from 'kysely'
import { CompiledQuery } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Rules from groups to what their people get. A match is unique in an org: it is what a file of rules goes by. */
export function rules(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    // Where a rule is for any identity provider its connection is '': of nulls there could be several to a match.
    `CREATE TABLE mapping_rule (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, ord ${int} NOT NULL,
      name ${text} NOT NULL,
      match_kind ${text} NOT NULL CHECK (match_kind IN ('name', 'glob', 'externalId', 'everyone')),
      match_value ${text} NOT NULL, match_key ${text} NOT NULL, connection_id ${text} NOT NULL,
      directory_only ${int} NOT NULL, enabled ${int} NOT NULL, version ${int} NOT NULL, created ${int} NOT NULL,
      updated ${int} NOT NULL, PRIMARY KEY (org_id, id))`,
    `CREATE UNIQUE INDEX mapping_rule_match ON mapping_rule (org_id, match_kind, match_key, connection_id)`,
    `CREATE TABLE rule_grant (org_id ${text} NOT NULL, rule_id ${text} NOT NULL,
      kind ${text} NOT NULL CHECK (kind IN ('team_role', 'org_role', 'seat')), target ${text} NOT NULL,
      value ${text} NOT NULL, PRIMARY KEY (org_id, rule_id, kind, target),
      FOREIGN KEY (org_id, rule_id) REFERENCES mapping_rule (org_id, id))`,
    `CREATE INDEX rule_grant_target ON rule_grant (org_id, kind, target)`,
  ]
}
