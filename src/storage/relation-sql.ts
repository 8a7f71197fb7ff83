import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { OrgId } from '../domain/ids.ts'
import { ROLLCALL_URN } from '../domain/schema-urns.ts'
import type { Place } from './json-sql.ts'
import type { FilterScope } from './attribute-columns.ts'
import { type SqlComparison, textCondition } from './text-condition.ts'

/** A multi-valued attribute kept in tables of its own: `User.groups`, `Group.members`. */
export interface Relation {
  /** Its values for the row at hand, as rows called `element`. */
  readonly from: RawBuilder<unknown>
  readonly element: Place
  /** What its values are ordered by. */
  readonly position: RawBuilder<unknown>
  /** That one of its values has this id, found by an index; undefined where values have none. @param id folded */
  hasId(id: string): RawBuilder<SqlBool> | undefined
}

/** An element whose values stand in columns of their names, all of them text that compares as it is. */
function elementOf(...columns: readonly string[]): Place {
  return {
    text: ([name = '']) => (columns.includes(name) ? sql.ref(`element.${name}`) : sql`null`),
    flag: () => sql`null`,
    number: () => sql`null`,
  }
}

const ELEMENT = elementOf('value', 'display', 'type')
const BY_VALUE = sql.ref('element.value')

/**
 * SQLite has no statistics to know that an org has many rows and a person few, and would look through the whole org for
 * each row. `cross join` keeps its order of tables too; PostgreSQL takes both as plain joins.
 */
function indexedBy({ dialect }: FilterScope, index: string): RawBuilder<unknown> {
  return dialect === 'sqlite' ? sql`indexed by ${sql.ref(index)}` : sql``
}

/** As `groups` is shown: live groups with a listed fact are direct, teams held only through a rule indirect. */
function groupsOfUser(scope: FilterScope): Relation {
  const { orgId } = scope
  return {
    from: sql`(
      select g.id as value, g.name_key as display, 'direct' as type from group_member as m
        ${indexedBy(scope, 'group_member_user')} cross join scim_group as g
        where m.org_id = "user".org_id and m.user_id = "user".id and m.origin <> 'service'
        and g.org_id = m.org_id and g.id = m.group_id and g.deleted_at is null
      union all
      select g.id, g.name_key, 'indirect' from team_membership as t cross join scim_group as g
        where t.org_id = "user".org_id and t.user_id = "user".id
        and g.org_id = t.org_id and g.id = t.team_id and g.deleted_at is null
        and not exists (select 1 from group_member as m where m.org_id = t.org_id and m.user_id = t.user_id
          and m.group_id = t.team_id and m.origin <> 'service')) as element`,
    element: ELEMENT,
    position: BY_VALUE,
    hasId: (id) =>
      scope.rowsLead === true
        ? isInGroup(orgId, id)
        : sql<SqlBool>`"user".id in (
      select m.user_id from scim_group as g cross join group_member as m
        where g.org_id = ${orgId} and g.id = ${id} and g.deleted_at is null
        and m.org_id = ${orgId} and m.group_id = ${id} and m.origin <> 'service'
      union all
      select t.user_id from scim_group as g cross join team_membership as t
        where g.org_id = ${orgId} and g.id = ${id} and g.deleted_at is null
        and t.org_id = ${orgId} and t.team_id = ${id})`,
  }
}

/** That the person at hand has the group. */
function isInGroup(orgId: OrgId, id: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(exists (select 1 from scim_group as g
      where g.org_id = ${orgId} and g.id = ${id} and g.deleted_at is null)
    and (exists (select 1 from group_member as m where m.org_id = ${orgId} and m.group_id = ${id}
        and m.user_id = "user".id and m.origin <> 'service')
      or exists (select 1 from team_membership as t
        where t.org_id = ${orgId} and t.user_id = "user".id and t.team_id = ${id})))`
}

/** That the group at hand has the person or group. */
function hasMember({ orgId }: FilterScope, id: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`((exists (select 1 from "user" as u
        where u.org_id = ${orgId} and u.id = ${id} and u.deleted_at is null)
      and exists (select 1 from group_member as m where m.org_id = ${orgId} and m.group_id = scim_group.id
        and m.user_id = ${id} and m.origin <> 'service'))
    or (exists (select 1 from scim_group as g where g.org_id = ${orgId} and g.id = ${id} and g.deleted_at is null)
      and exists (select 1 from group_child as c where c.org_id = ${orgId} and c.group_id = scim_group.id
        and c.child_group_id = ${id})))`
}

/** As `members` is shown: live people of every origin but service, and live nested groups. */
function membersOfGroup(scope: FilterScope): Relation {
  const { orgId } = scope
  return {
    from: sql`(
      select u.id as value, coalesce(u.display_name_key, u.username_key) as display, 'user' as type
        from group_member as m cross join "user" as u
        where m.org_id = scim_group.org_id and m.group_id = scim_group.id and m.origin <> 'service'
        and u.org_id = m.org_id and u.id = m.user_id and u.deleted_at is null
      union all
      select g.id, g.name_key, 'group' from group_child as c cross join scim_group as g
        where c.org_id = scim_group.org_id and c.group_id = scim_group.id
        and g.org_id = c.org_id and g.id = c.child_group_id and g.deleted_at is null) as element`,
    element: ELEMENT,
    position: BY_VALUE,
    hasId: (id) =>
      scope.rowsLead === true
        ? hasMember(scope, id)
        : sql<SqlBool>`scim_group.id in (
      select m.group_id from "user" as u cross join group_member as m ${indexedBy(scope, 'group_member_user')}
        where u.org_id = ${orgId} and u.id = ${id} and u.deleted_at is null
        and m.org_id = ${orgId} and m.user_id = ${id} and m.origin <> 'service'
      union all
      select c.group_id from scim_group as g cross join group_child as c ${indexedBy(scope, 'group_child_parent')}
        where g.org_id = ${orgId} and g.id = ${id} and g.deleted_at is null
        and c.org_id = ${orgId} and c.child_group_id = ${id})`,
  }
}

/** The role in each team, as it is in effect. */
function teamRolesOfUser(): Relation {
  return {
    from: sql`(select g.name_key as "teamName", case t.custom_role_id when '' then t.role else
      coalesce((select r.name_key from custom_role as r where r.org_id = t.org_id and r.id = t.custom_role_id), t.role)
      end as "roleName" from team_membership as t cross join scim_group as g
      where t.org_id = "user".org_id and t.user_id = "user".id
      and g.org_id = t.org_id and g.id = t.team_id and g.deleted_at is null) as element`,
    element: elementOf('teamName', 'roleName'),
    position: sql.ref('element.teamName'),
    hasId: () => undefined,
  }
}

/** The role in each registry, as it was given. */
function registryRolesOfUser(): Relation {
  return {
    from: sql`(select e.target as "registryName", e.value as "roleName" from explicit_grant as e
      where e.org_id = "user".org_id and e.user_id = "user".id and e.kind = 'registry_role') as element`,
    element: elementOf('registryName', 'roleName'),
    position: sql.ref('element.registryName'),
    hasId: () => undefined,
  }
}

/** The relation behind a multi-valued attribute, by its path from the resource. */
export function relationOf(scope: FilterScope, [name, inner]: readonly string[]): Relation | undefined {
  if (scope.table === 'user' && name === ROLLCALL_URN) {
    return inner === 'teamRoles' ? teamRolesOfUser() : inner === 'registryRoles' ? registryRolesOfUser() : undefined
  }
  if (scope.table === 'user' && name === 'groups') return groupsOfUser(scope)
  return scope.table === 'scim_group' && name === 'members' ? membersOfGroup(scope) : undefined
}

/** The people one of whose addresses satisfies a comparison, by its index. */
export function emailHolders(scope: FilterScope, op: SqlComparison, literal: string): RawBuilder<unknown> {
  const condition = textCondition(scope.dialect, sql.ref('e.value_key'), op, literal)
  return sql`select e.user_id from user_email as e where e.org_id = ${scope.orgId} and ${condition}`
}

/** That one of a person's addresses satisfies a comparison. What an index finds drives the query, the rest is looked up. */
export function emailCondition(scope: FilterScope, op: SqlComparison, literal: string): RawBuilder<SqlBool> {
  const condition = textCondition(scope.dialect, sql.ref('e.value_key'), op, literal)
  return scope.rowsLead !== true && (op === 'eq' || op === 'sw')
    ? sql<SqlBool>`"user".id in (${emailHolders(scope, op, literal)})`
    : sql<SqlBool>`exists (select 1 from user_email as e
        ${indexedBy(scope, 'sqlite_autoindex_user_email_1')}
        where e.org_id = "user".org_id and e.user_id = "user".id and ${condition})`
}
