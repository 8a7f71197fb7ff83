import type { Kysely, Selectable } from 'kysely'
import type { CustomRoleTable, Database } from '../../db/schema.ts'
import type { OrgId, RoleId } from '../domain/ids.ts'
import type { RoleReads } from '../domain/ports.ts'
import { pageOfRoles } from '../domain/role-page.ts'
import { type CustomRole, inCatalogueOrder, type RoleBase } from '../domain/role.ts'

/** A role beside one of its permissions, or beside none. */
type RoleRow = Omit<Selectable<CustomRoleTable>, 'org_id' | 'name_key'> & { readonly permission: string | null }

const COLUMNS = ['r.id', 'r.ord', 'r.name', 'r.description', 'r.base', 'r.version', 'r.created', 'r.updated'] as const

/** Rows → domain, the one place; in the order of the rows. */
function toRoles(rows: readonly RoleRow[]): readonly CustomRole[] {
  const roles = new Map<string, { readonly row: RoleRow; readonly permissions: string[] }>()
  for (const row of rows) {
    const role = roles.get(row.id) ?? { row, permissions: [] }
    if (row.permission !== null) role.permissions.push(row.permission)
    roles.set(row.id, role)
  }
  return Array.from(roles.values(), ({ row, permissions }) => ({
    id: row.id as RoleId,
    ord: row.ord,
    version: row.version,
    created: row.created,
    updated: row.updated,
    name: row.name,
    description: row.description ?? undefined,
    base: row.base as RoleBase,
    permissions: inCatalogueOrder(permissions),
  }))
}

/**
 * Roles in the order they were made, with their permissions in one statement, so that none is read half before and half
 * after a change.
 */
async function readRoles(db: Kysely<Database>, orgId: OrgId, id?: RoleId): Promise<readonly CustomRole[]> {
  const rows = await db
    .selectFrom('custom_role as r')
    .leftJoin('custom_role_permission as p', (join) =>
      join.onRef('p.org_id', '=', 'r.org_id').onRef('p.role_id', '=', 'r.id'),
    )
    .select(COLUMNS)
    .select('p.permission')
    .where('r.org_id', '=', orgId)
    .$if(id !== undefined, (query) => query.where('r.id', '=', id ?? ''))
    .orderBy('r.ord')
    .execute()
  return toRoles(rows)
}

/** One role with its permissions. */
export async function findRole(db: Kysely<Database>, orgId: OrgId, id: RoleId): Promise<CustomRole | undefined> {
  return (await readRoles(db, orgId, id))[0]
}

/** Every custom role of an org. */
export function allRoles(db: Kysely<Database>, orgId: OrgId): Promise<readonly CustomRole[]> {
  return readRoles(db, orgId)
}

/** Custom roles as lists and single reads see them. */
export function roleReads(db: Kysely<Database>): RoleReads {
  return {
    find: (orgId, id) => findRole(db, orgId, id),
    page: async (orgId, query) => pageOfRoles(await readRoles(db, orgId), orgId, query),
  }
}
