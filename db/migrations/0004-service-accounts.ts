import { CompiledQuery, type Kysely, type Migration } from 'kysely'
import { fold } from '../../src/domain/fold.ts'
import { columnTypes, type Dialect } from '../dialect.ts'

/**
 * Service accounts beside their rows in `user`; admins that were asked for and wait; custom roles as they are granted in teams, with names that filters can
 * compare; and the view that shows both. What each built-in role may do is in a table, so that the view can say what a
 * custom role comes to.
 */
export function serviceAccounts(dialect: Dialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of accounts(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
      for (const statement of roles(dialect)) await db.executeQuery(CompiledQuery.raw(statement))
      await foldNames(db)
      for (const [base, permissions] of Object.entries(BASE_PERMISSIONS)) {
        const rows = permissions.map((permission) => `('${base}', '${permission}')`).join(', ')
        await db.executeQuery(CompiledQuery.raw(`INSERT INTO base_permission (base, permission) VALUES ${rows}`))
      }
      await db.executeQuery(CompiledQuery.raw('DROP VIEW v_access'))
      await db.executeQuery(CompiledQuery.raw(accessView(dialect)))
    },
  }
}

function accounts(dialect: Dialect): readonly string[] {
  const { text, int } = columnTypes(dialect)
  return [
    `CREATE TABLE service_account (org_id ${text} NOT NULL, user_id ${text} NOT NULL,
      scope ${text} NOT NULL CHECK (scope IN ('team', 'org')), default_team_id ${text},
      jwt_issuer ${text}, jwt_subject ${text}, owner_user_id ${text}, PRIMARY KEY (org_id, user_id),
      CHECK (scope = 'org' OR default_team_id IS NOT NULL),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id),
      FOREIGN KEY (org_id, default_team_id) REFERENCES team (org_id, id),
      FOREIGN KEY (org_id, owner_user_id) REFERENCES "user" (org_id, id))`,
    `CREATE UNIQUE INDEX service_account_subject ON service_account (org_id, jwt_issuer, jwt_subject)
      WHERE jwt_subject IS NOT NULL`,
    `CREATE INDEX service_account_org ON service_account (org_id, user_id) WHERE scope = 'org'`,
    `CREATE TABLE withheld_admin (org_id ${text} NOT NULL, user_id ${text} NOT NULL, connection_id ${text} NOT NULL,
      attribute ${text} NOT NULL, created ${int} NOT NULL, PRIMARY KEY (org_id, user_id),
      FOREIGN KEY (org_id, user_id) REFERENCES "user" (org_id, id),
      FOREIGN KEY (org_id, connection_id) REFERENCES connection (org_id, id))`,
  ]
}

function roles(dialect: Dialect): readonly string[] {
  const { text } = columnTypes(dialect)
  return [
    `ALTER TABLE custom_role ADD COLUMN name_key ${text} NOT NULL DEFAULT ''`,
    `CREATE INDEX team_membership_role ON team_membership (org_id, custom_role_id) WHERE custom_role_id <> ''`,
    `CREATE TABLE base_permission (base ${text} NOT NULL, permission ${text} NOT NULL, PRIMARY KEY (base, permission))`,
  ]
}

interface NamedRoles {
  readonly custom_role: { readonly org_id: string; readonly id: string; readonly name: string; name_key: string }
}

async function foldNames(db: Kysely<NamedRoles>): Promise<void> {
  for (const { org_id, id, name } of await db.selectFrom('custom_role').select(['org_id', 'id', 'name']).execute()) {
    await db
      .updateTable('custom_role')
      .set({ name_key: fold(name) })
      .where('org_id', '=', org_id)
      .where('id', '=', id)
      .execute()
  }
}

const VIEWER = ['project', 'run', 'report', 'artifact', 'sweep', 'launchagent', 'launchqueue', 'registry', 'team']

/** What holders of the built-in roles may do in a team. */
const BASE_PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  viewer: [...VIEWER, 'teammember'].map((object) => `${object}:read`),
  member: [
    ...[...VIEWER, 'teammember'].map((object) => `${object}:read`),
    ...['project:create', 'launchagent:create'],
    ...['run', 'report', 'artifact', 'sweep'].flatMap((object) => [`${object}:create`, `${object}:update`]),
    ...['run:stop', 'sweep:stop'],
  ],
}

/**
 * What the product's own SQL reads: one row an account and team, and one row with an empty team for accounts without
 * any. `seats` is JSON text (product → full | viewer | none). `team_role` is the name of the role; for a custom one
 * `team_base_role` is the built-in role it starts from and `permissions` a JSON list of all that it may do, which is
 * empty text for built-in ones.
 */
function accessView(dialect: Dialect): string {
  const [seats, list] =
    dialect === 'sqlite'
      ? ['json_group_object(s.product, s.given)', 'json_group_array(p.permission)']
      : ['json_object_agg(s.product, s.given)::text', 'json_agg(p.permission)::text']
  return `CREATE VIEW v_access AS
    SELECT u.org_id, o.name AS org_name, u.id AS user_id, u.username AS user_name,
      CASE WHEN u.status = 'deactivated' THEN 0 ELSE 1 END AS active, u.org_role,
      (SELECT coalesce(${seats}, '{}') FROM user_seat s WHERE s.org_id = u.org_id AND s.user_id = u.id) AS seats,
      m.team_id, g.display_name AS team_name, coalesce(r.name, m.role) AS team_role,
      CASE WHEN r.id IS NULL THEN '' ELSE (SELECT ${list} FROM (
        SELECT b.permission FROM base_permission b WHERE b.base = r.base
        UNION SELECT c.permission FROM custom_role_permission c WHERE c.org_id = r.org_id AND c.role_id = r.id
        ORDER BY 1) p) END AS permissions,
      coalesce(r.base, m.role) AS team_base_role, u.account_type
    FROM "user" u
    JOIN org o ON o.id = u.org_id
    LEFT JOIN team_membership m ON m.org_id = u.org_id AND m.user_id = u.id
    LEFT JOIN scim_group g ON g.org_id = m.org_id AND g.id = m.team_id
    LEFT JOIN custom_role r ON r.org_id = m.org_id AND r.id = m.custom_role_id
    WHERE u.deleted_at IS NULL`
}
