import { sql } from 'kysely'
import type { AccountType, OrgRole } from '../domain/access.ts'
import type { KeyHolder } from '../domain/api-key.ts'
import type { UserId } from '../domain/ids.ts'
import type { UserStatus } from '../domain/user.ts'

/** A row of a credential that is somebody's, joined with the person (null where there is none). */
export interface HolderRow {
  readonly user_id: string | null
  readonly account_type: string | null
  readonly status: string | null
  readonly deleted_at: number | null
  readonly org_role: string | null
  readonly billing_admin: number
  readonly auditor: number
  readonly resting: number
}

const hasFlag = (kind: string) => sql<number>`(select count(*) from explicit_grant as e where e.org_id = k.org_id
  and e.user_id = k.user_id and e.kind = ${sql.lit(kind)} and e.target = '' and e.value = 'true')`

/** An account of a team rests with it; one of the org has a team of its own only to begin with. */
const RESTING = sql<number>`(select count(*) from service_account as s join team as t on t.org_id = s.org_id
  and t.id = s.default_team_id where s.org_id = k.org_id and s.user_id = k.user_id and s.scope = 'team'
  and t.archived_at is not null)`

/** What a credential `k` joined with its person `u` selects of the person, beside the columns of both. */
export const HOLDER_COLUMNS = ['u.account_type', 'u.status', 'u.deleted_at', 'u.org_role'] as const

/** What is worked out of a person `k.user_id`. */
export const HOLDER_FLAGS = [
  hasFlag('billing_admin').as('billing_admin'),
  hasFlag('auditor').as('auditor'),
  RESTING.as('resting'),
] as const

/** @returns undefined for a credential of nobody */
export function toHolder(row: HolderRow): KeyHolder | undefined {
  if (row.user_id === null) return undefined
  return {
    id: row.user_id as UserId,
    accountType: row.account_type as AccountType,
    status: row.status as UserStatus,
    deleted: row.deleted_at !== null,
    orgRole: row.org_role as OrgRole | 'none',
    billingAdmin: row.billing_admin > 0,
    auditor: row.auditor > 0,
    resting: row.resting > 0,
  }
}
