import type { Migration } from 'kysely'
import { CompiledQuery } from 'kysely'
import { columnTypes, type Dialect } from '../dialect.ts'

/**
 * Attributes that an org declares, the keys by which people are found by their values, and indexes that give lists of
 * people in the order of further attributes.
 */
export function orgAttributes(dialect: Dialect): Migration {
  return {
    async up(db) {
      const all = [...declarations(dialect), ...orders(dialect)]
      for (const statement of all) await db.executeQuery(CompiledQuery.raw(statement))
    },
  }
}

function declarations(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    // Beside the org's other settings, where a request that reads its connection finds it by key.
    `ALTER TABLE org_policy ADD COLUMN attributes_version ${int} NOT NULL DEFAULT 0`,
    `CREATE TABLE org_attribute (org_id ${text} NOT NULL REFERENCES org (id), name ${text} NOT NULL,
      name_key ${text} NOT NULL, type ${text} NOT NULL
        CHECK (type IN ('string', 'boolean', 'integer', 'decimal', 'dateTime', 'reference')),
      multi_valued ${int} NOT NULL, case_exact ${int} NOT NULL, description ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('live', 'removing')), created ${int} NOT NULL, updated ${int} NOT NULL,
      PRIMARY KEY (org_id, name_key))`,
    `CREATE TABLE user_attr (org_id ${text} NOT NULL, user_id ${text} NOT NULL, attr ${text} NOT NULL,
      ordinal ${int} NOT NULL, key_text ${text}, key_num numeric, PRIMARY KEY (org_id, user_id, attr, ordinal),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id))`,
    `CREATE INDEX user_attr_text ON user_attr (org_id, attr, key_text, user_id) WHERE key_text IS NOT NULL`,
    `CREATE INDEX user_attr_num ON user_attr (org_id, attr, key_num, user_id) WHERE key_num IS NOT NULL`,
  ]
}

/** Each ends with `ord`, so that a list in its order is one walk over it in either direction. */
function orders(dialect: Dialect): readonly string[] {
  const { int } = columnTypes(dialect)
  return [
    `DROP INDEX user_display_name`,
    `DROP INDEX user_department`,
    `DROP INDEX user_employee`,
    `CREATE INDEX user_display_name ON "user" (org_id, display_name_key, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_department ON "user" (org_id, department_key, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_employee ON "user" (org_id, employee_number_key, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX user_created ON "user" (org_id, created, ord) WHERE deleted_at IS NULL`,
    // A column: SQLite finds a place by key and `ord` together only where both are columns of the index. It can add none
    // that is stored; PostgreSQL can index none that is not.
    `ALTER TABLE "user" ADD COLUMN active ${int} GENERATED ALWAYS AS (CASE status WHEN 'deactivated' THEN 0 ELSE 1 END)
      ${dialect === 'sqlite' ? 'VIRTUAL' : 'STORED'}`,
    `CREATE INDEX user_active ON "user" (org_id, active, ord) WHERE deleted_at IS NULL`,
    `CREATE INDEX group_created ON scim_group (org_id, created, ord) WHERE deleted_at IS NULL`,
  ]
}
