import type { Migration } from 'kysely'
import { CompiledQuery } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/** Custom roles with the permissions each adds to its base, and an index that finds who holds one. */
export function customRoles(dialect: Dialect): Migration {
  return {
    async up(db) {
      for (const statement of statements(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function statements(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE custom_role (org_id ${text} NOT NULL REFERENCES org (id), id ${text} NOT NULL, ord ${int} NOT NULL,
      name ${text} NOT NULL, description ${text}, base ${text} NOT NULL CHECK (base IN ('member', 'viewer')),
      version ${int} NOT NULL, created ${int} NOT NULL, updated ${int} NOT NULL, PRIMARY KEY (org_id, id))`,
    `CREATE UNIQUE INDEX custom_role_name ON custom_role (org_id, name)`,
    `CREATE INDEX custom_role_list ON custom_role (org_id, ord)`,
    `CREATE TABLE custom_role_permission (org_id ${text} NOT NULL, role_id ${text} NOT NULL, permission ${text} NOT NULL,
      PRIMARY KEY (org_id, role_id, permission),
      FOREIGN KEY (org_id, role_id) REFERENCES custom_role (org_id, id))`,
    `CREATE INDEX explicit_grant_role ON explicit_grant (org_id, value, user_id, target) WHERE kind = 'team_role'`,
  ]
}
