import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, UserId } from '../domain/ids.ts'
import type { AccountStanding, StandingReads } from '../domain/standing-ports.ts'

interface StandingRow {
  readonly id: UserId
  readonly username: string
  readonly account_type: string
  readonly status: string
  readonly org_role: string
  readonly owner_connection_id: ConnectionId | null
  readonly linked: number
  readonly created: number
  readonly last_sign_in: number | null
  readonly last_active: number | null
  readonly owner_user_id: UserId | null
  readonly answered: number
}

/** Accounts with what says whether anybody still uses and answers for them. */
export function standingReads(db: Kysely<Database>): StandingReads {
  return {
    async accounts(orgId, after, limit) {
      const { rows } = await sql<StandingRow>`
        select u.id, u.username, u.account_type, u.status, u.org_role, u.owner_connection_id, u.created,
          coalesce((select 1 from identity as i where i.org_id = u.org_id and i.user_id = u.id limit 1), 0) as linked,
          (select a.last_sign_in from user_activity as a where a.org_id = u.org_id and a.user_id = u.id) as last_sign_in,
          (select a.last_active from user_activity as a where a.org_id = u.org_id and a.user_id = u.id) as last_active,
          (select s.owner_user_id from service_account as s where s.org_id = u.org_id and s.user_id = u.id)
            as owner_user_id,
          coalesce((select 1 from service_account as s
            join "user" as o on o.org_id = s.org_id and o.id = s.owner_user_id
            where s.org_id = u.org_id and s.user_id = u.id and o.status = 'active' and o.deleted_at is null), 0) as answered
        from "user" as u
        where u.org_id = ${orgId} and u.id > ${after ?? ''} and u.deleted_at is null
        order by u.id limit ${limit}`.execute(db)
      return rows.map(toStanding)
    },
  }
}

function toStanding(row: StandingRow): AccountStanding {
  return {
    user: row.id,
    userName: row.username,
    isService: row.account_type !== 'USER',
    isActive: row.status === 'active',
    orgRole: row.org_role as AccountStanding['orgRole'],
    owner: row.owner_connection_id ?? undefined,
    isLinked: row.linked === 1,
    created: row.created,
    lastSignIn: sometime(row.last_sign_in),
    lastActive: sometime(row.last_active),
    answeredBy: row.owner_user_id ?? undefined,
    isAnsweredFor: row.answered === 1,
  }
}

/** 0 stands for never. */
function sometime(at: number | null): number | undefined {
  return at === null || at === 0 ? undefined : at
}
