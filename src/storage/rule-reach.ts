import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { MatchableGroup, RuleReach } from '../domain/rule-ports.ts'
import { isAmong } from './id-list.ts'

/** Groups and people that rules are about. */
export function ruleReach(db: Kysely<Database>, dialect: Dialect): RuleReach {
  return {
    groups: (orgId, match) => matchableGroups(db, orgId, match),

    async feeding(orgId, groups) {
      if (groups.length === 0) return []
      const { rows } = await sql<{ readonly id: UserId }>`
        select distinct m.user_id as id from group_member m join "user" u on u.org_id = m.org_id and u.id = m.user_id
        where m.org_id = ${orgId} and m.group_id ${isAmong(dialect, groups)} and m.origin in ('scim', 'claim')
          and u.org_id = ${orgId} and u.status = 'active' and u.deleted_at is null and u.account_type = 'USER'
        order by m.user_id`.execute(db)
      return rows.map(({ id }) => id)
    },
  }
}

/** Live groups that a match may be about: by an index, but for patterns, which are compared one by one. */
async function matchableGroups(
  db: Kysely<Database>,
  orgId: OrgId,
  match: { readonly kind: string; readonly value: string } | undefined,
): Promise<readonly MatchableGroup[]> {
  const rows = await db
    .selectFrom('scim_group as g')
    .leftJoin('team as t', (join) => join.onRef('t.org_id', '=', 'g.org_id').onRef('t.id', '=', 'g.id'))
    .select(['g.id', 'g.display_name', 'g.name_key', 'g.external_id', 'g.owner_connection_id', 't.id as team_id'])
    .where('g.org_id', '=', orgId)
    .where('g.deleted_at', 'is', null)
    .$if(match?.kind === 'name', (query) => query.where('g.name_key', '=', fold(match?.value ?? '')))
    .$if(match?.kind === 'externalId', (query) => query.where('g.external_id', '=', match?.value ?? ''))
    .execute()
  return rows.map((row) => ({
    id: row.id as GroupId,
    displayName: row.display_name,
    nameKey: row.name_key,
    externalId: row.external_id ?? undefined,
    owner: (row.owner_connection_id ?? undefined) as ConnectionId | undefined,
    hasTeam: row.team_id !== null,
  }))
}
