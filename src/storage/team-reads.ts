import { type Kysely, type Selectable, sql } from 'kysely'
import type { Database, ScimGroupTable, TeamTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { MemberOrigin } from '../domain/group.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { TeamQuery, TeamReads } from '../domain/team-ports.ts'
import type { Inviters, StorageBucket, Team, TeamMember } from '../domain/team.ts'
import type { UserStatus } from '../domain/user.ts'

type TeamRow = Pick<
  Selectable<ScimGroupTable>,
  | 'id'
  | 'ord'
  | 'version'
  | 'created'
  | 'updated'
  | 'display_name'
  | 'owner_connection_id'
  | 'member_count'
  | 'deleted_at'
> &
  Pick<Selectable<TeamTable>, 'archived_at' | 'default_role' | 'storage' | 'visibility' | 'inviters' | 'joinable'>

/** Row → domain, the one place. */
export function toTeam(row: TeamRow): Team {
  return {
    id: row.id as GroupId,
    ord: row.ord,
    version: row.version,
    created: row.created,
    updated: row.updated,
    name: row.display_name,
    owner: (row.owner_connection_id ?? undefined) as ConnectionId | undefined,
    memberCount: row.member_count,
    archivedAt: row.archived_at ?? undefined,
    deletedAt: row.deleted_at ?? undefined,
    defaultRole: row.default_role,
    hidden: row.visibility === 'members',
    inviters: row.inviters as Inviters,
    joinable: row.joinable === 1,
    storage: row.storage === null ? undefined : (JSON.parse(row.storage) as StorageBucket),
  }
}

/** Groups that have a team, with it. */
export function selectTeams(db: Kysely<Database>, orgId: OrgId) {
  return db
    .selectFrom('scim_group as g')
    .innerJoin('team as t', (join) => join.onRef('t.org_id', '=', 'g.org_id').onRef('t.id', '=', 'g.id'))
    .select(['g.id', 'g.ord', 'g.version', 'g.created', 'g.updated', 'g.display_name', 'g.owner_connection_id'])
    .select(['g.member_count', 'g.deleted_at'])
    .select(['t.archived_at', 't.default_role', 't.storage', 't.visibility', 't.inviters', 't.joinable'])
    .where('g.org_id', '=', orgId)
}

/** Teams as lists and single reads see them. */
export function teamReads(db: Kysely<Database>): TeamReads {
  return {
    async find(orgId, id) {
      const query = selectTeams(db, orgId).where('g.id', '=', id).where('g.deleted_at', 'is', null)
      const row = await query.executeTakeFirst()
      return row && toTeam(row)
    },

    async named(orgId, name) {
      const query = selectTeams(db, orgId).where('g.name_key', '=', fold(name)).where('g.deleted_at', 'is', null)
      const row = await query.executeTakeFirst()
      return row && toTeam(row)
    },

    async page(orgId, query) {
      return (await teamPage(db, orgId, query).execute()).map(toTeam)
    },

    members: (orgId, team, after, limit) => teamMembers(db, { orgId, team, after: after ?? '', limit }),
  }
}

function teamPage(db: Kysely<Database>, orgId: OrgId, teams: TeamQuery) {
  const { state, search, of, openTo, joinable, after, limit } = teams
  let query = selectTeams(db, orgId).where('g.deleted_at', state === 'deleted' ? 'is not' : 'is', null)
  if (state === 'active') query = query.where('t.archived_at', 'is', null)
  if (state === 'archived') query = query.where('t.archived_at', 'is not', null)
  if (search !== undefined) {
    const pattern = `%${fold(search).replace(/[\\%_]/g, '\\$&')}%`
    query = query.where(sql<boolean>`g.name_key like ${pattern} escape '\\'`)
  }
  if (of !== undefined) {
    query = query.where('g.id', 'in', (eb) =>
      eb
        .selectFrom('team_membership as m')
        .select('m.team_id')
        .where('m.org_id', '=', orgId)
        .where('m.user_id', '=', of),
    )
  }
  if (openTo !== undefined) query = query.where(isOpenTo(orgId, openTo))
  if (joinable === true) query = query.where(isJoinable(orgId))
  if (after !== undefined) query = query.where('g.ord', '>', after)
  // Of few teams a plain order by an index would walk all groups of the org.
  return query.orderBy(openTo === undefined && joinable === undefined ? 'g.ord' : sql`g.ord + 0`).limit(limit)
}

function isJoinable(orgId: OrgId) {
  return sql<boolean>`g.id in (select j.id from team as j where j.org_id = ${orgId} and j.joinable = 1)`
}

/** Hidden teams are shown to nobody who is not in them. */
function isOpenTo(orgId: OrgId, user: UserId) {
  return sql<boolean>`${isJoinable(orgId)}
    and t.visibility = 'org' and t.archived_at is null and g.owner_connection_id is null
    and not exists (select 1 from group_member m where m.org_id = ${orgId} and m.user_id = ${user} and m.group_id = g.id
      and m.origin <> 'service')
    and not exists (select 1 from team_membership d where d.org_id = ${orgId} and d.user_id = ${user}
      and d.team_id = g.id)`
}

interface MemberSlice {
  readonly orgId: OrgId
  readonly team: GroupId
  /** Id of the last person of the slice before; '' for the first. */
  readonly after: string
  readonly limit: number
}

interface MemberRow {
  readonly id: UserId
  readonly username: string
  readonly display_name: string | null
  readonly status: UserStatus
  readonly account_type: string
  readonly role: string | null
  readonly role_name: string | null
  readonly source_kind: string | null
  readonly source_id: string | null
}

/** Each half is cut to the slice before they meet, so that a page of a large team does not read all of it. */
async function teamMembers(db: Kysely<Database>, slice: MemberSlice): Promise<readonly TeamMember[]> {
  const { orgId, team, after, limit } = slice
  const live = sql`exists (select 1 from "user" l where l.org_id = x.org_id and l.id = x.user_id
    and l.deleted_at is null)`
  const { rows } = await sql<MemberRow>`
    select u.id, u.username, u.display_name, u.status, u.account_type, m.role, r.name as role_name, m.source_kind,
      m.source_id
    from (
      select * from (select x.user_id from team_membership x where x.org_id = ${orgId} and x.team_id = ${team}
        and x.user_id > ${after} and ${live} order by x.user_id limit ${limit}) as derived
      union
      select * from (select distinct x.user_id from group_member x where x.org_id = ${orgId} and x.group_id = ${team}
        and x.user_id > ${after} and ${live} order by x.user_id limit ${limit}) as stated
    ) as i
    join "user" u on u.org_id = ${orgId} and u.id = i.user_id
    left join team_membership m on m.org_id = ${orgId} and m.user_id = i.user_id and m.team_id = ${team}
    left join custom_role r on r.org_id = ${orgId} and r.id = m.custom_role_id
    order by i.user_id limit ${limit}`.execute(db)
  const origins = await originsOf(db, slice, rows.at(-1)?.id)
  return rows.map((row) => ({
    id: row.id,
    userName: row.username,
    displayName: row.display_name ?? undefined,
    status: row.status,
    accountType: row.account_type,
    role: row.role_name ?? row.role ?? undefined,
    baseRole: row.role ?? undefined,
    source: row.source_kind === null ? undefined : `${row.source_kind}:${row.source_id ?? ''}`,
    origins: origins.get(row.id) ?? [],
  }))
}

async function originsOf(
  db: Kysely<Database>,
  { orgId, team, after }: MemberSlice,
  last: UserId | undefined,
): Promise<ReadonlyMap<string, MemberOrigin[]>> {
  const origins = new Map<string, MemberOrigin[]>()
  if (last === undefined) return origins
  const rows = await db
    .selectFrom('group_member')
    .select(['user_id', 'origin'])
    .where('org_id', '=', orgId)
    .where('group_id', '=', team)
    .where('user_id', '>', after)
    .where('user_id', '<=', last)
    .orderBy('user_id')
    .orderBy('origin')
    .execute()
  for (const { user_id, origin } of rows) {
    origins.set(user_id, [...(origins.get(user_id) ?? []), origin as MemberOrigin])
  }
  return origins
}
