import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, RoleId, UserId } from '../domain/ids.ts'
import type { AccessReads, NestedGroup } from '../domain/rule-ports.ts'
import { readFacts, readHeld } from './access-reads.ts'
import { activePeople } from './access-writes.ts'
import { isAmong } from './id-list.ts'

/** What people have and why, as explain and previews read it. */
export function accessReads(db: Kysely<Database>, dialect: Dialect): AccessReads {
  return {
    facts: (orgId, ids, change) => readFacts(db, orgId, ids, change),
    held: (orgId, ids) => readHeld(db, orgId, ids),
    everybody: (orgId, role) => activePeople(db, orgId, role),
    holdersOfRole: (orgId, role) => holdersOfRole(db, orgId, role),
    ...names(db, dialect),
    ...standings(db),
    holdersOfGroups: (orgId, user) => holdersOfGroups(db, orgId, user),
  }
}

async function holdersOfRole(db: Kysely<Database>, orgId: OrgId, role: RoleId): Promise<readonly UserId[]> {
  const { rows } = await sql<{ readonly id: UserId }>`
    select user_id as id from team_membership where org_id = ${orgId} and custom_role_id = ${role} and custom_role_id <> ''
    union
    select user_id from explicit_grant where org_id = ${orgId} and value = ${role} and kind = 'team_role'
    order by 1`.execute(db)
  return rows.map(({ id }) => id)
}

async function holdersOfGroups(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<readonly NestedGroup[]> {
  const { rows } = await sql<NestedGroup>`
    with recursive inside(id) as (
      select group_id from group_member where org_id = ${orgId} and user_id = ${user} and origin <> 'service'
      union select c.group_id from group_child c join inside i on c.org_id = ${orgId} and c.child_group_id = i.id
    )
    select o.id as "group", o.display_name as name, i.id as through, i.display_name as "throughName"
    from inside s
    join group_child c on c.org_id = ${orgId} and c.child_group_id = s.id
    join scim_group o on o.org_id = ${orgId} and o.id = c.group_id and o.deleted_at is null
    join scim_group i on i.org_id = ${orgId} and i.id = s.id and i.deleted_at is null
    where not exists (select 1 from group_member m where m.org_id = ${orgId} and m.user_id = ${user} and m.group_id = o.id)
    order by o.name_key, i.name_key limit 100`.execute(db)
  return rows
}

function names(db: Kysely<Database>, dialect: Dialect): Pick<AccessReads, 'groupNames' | 'userNames'> {
  return {
    async groupNames(orgId, ids) {
      const rows = await db
        .selectFrom('scim_group')
        .select(['id', 'display_name'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id, row.display_name]))
    },

    async userNames(orgId, ids) {
      const rows = await db
        .selectFrom('user')
        .select(['id', 'username'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id as UserId, row.username]))
    },
  }
}

function standings(db: Kysely<Database>): Pick<AccessReads, 'isPending' | 'withheldAdmin'> {
  return {
    async isPending(orgId, user) {
      const rows = await db
        .selectFrom('reconcile_job as j')
        .innerJoin('reconcile_job_person as p', (join) =>
          join.onRef('p.org_id', '=', 'j.org_id').onRef('p.job_id', '=', 'j.id'),
        )
        .select('j.cursor')
        .where('j.org_id', '=', orgId)
        .where('j.state', '=', 'running')
        .where('p.org_id', '=', orgId)
        .where('p.user_id', '=', user)
        .execute()
      // Past the person in the last pass, the job has nothing more to do for them.
      return rows.some(({ cursor }) => cursor < `2:${user}`)
    },

    async withheldAdmin(orgId, user) {
      const row = await db
        .selectFrom('withheld_admin')
        .select('attribute')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .executeTakeFirst()
      return row?.attribute
    },
  }
}
