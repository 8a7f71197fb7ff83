import { type Insertable, type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, UserEmailTable, UserTable } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { equalJson } from '../domain/json.ts'
import type { KeptPerson, ReplayReads, StrayKey } from '../domain/replay-ports.ts'
import type { User } from '../domain/user.ts'
import { isNumberAmong } from './id-list.ts'
import { emailRows, fromUser, toUser } from './user-row.ts'

/** People and what is sealed of them, in the order of their ids. */
export function peopleReads(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<ReplayReads, 'people' | 'sealedOf' | 'texts'> {
  return {
    async people(orgId, after, limit) {
      const rows = await db
        .selectFrom('user')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute()
      const emails = await emailsOf(db, orgId, { after, upTo: rows.at(-1)?.id ?? after })
      return rows.map((row) => kept(orgId, row, emails.get(row.id) ?? []))
    },

    async sealedOf(orgId, { person, seq }, upTo, limit) {
      let query = db
        .selectFrom('event_pii as p')
        .leftJoin('person_key as k', (join) =>
          join.onRef('k.org_id', '=', 'p.org_id').onRef('k.person_id', '=', 'p.person_id'),
        )
        .select(['p.seq', 'p.person_id', 'p.nonce', 'p.ciphertext', 'k.kek_id', 'k.wrapped'])
        .where('p.org_id', '=', orgId)
        .where(sql<boolean>`(p.person_id, p.seq) > (${person}, ${seq})`)
      if (upTo !== undefined) query = query.where('p.person_id', '<=', upTo)
      const rows = await query.orderBy('p.person_id').orderBy('p.seq').limit(limit).execute()
      return rows.map((row) => ({
        ...{ seq: row.seq, person: row.person_id as UserId, nonce: row.nonce, ciphertext: row.ciphertext },
        key: { kekId: row.kek_id ?? undefined, wrapped: row.wrapped ?? undefined },
      }))
    },

    async texts(orgId, seqs) {
      return db
        .selectFrom('provisioning_event')
        .select(['seq', 'id', 'body'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`seq ${isNumberAmong(dialect, seqs)}`)
        .execute()
    },
  }
}

type Email = Insertable<UserEmailTable>

async function emailsOf(
  db: Kysely<Database>,
  orgId: OrgId,
  { after, upTo }: { readonly after: string; readonly upTo: string },
): Promise<ReadonlyMap<string, readonly Email[]>> {
  const rows = await db
    .selectFrom('user_email')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('user_id', '>', after)
    .where('user_id', '<=', upTo)
    .orderBy('user_id')
    .orderBy('ordinal')
    .execute()
  const emails = new Map<string, Email[]>()
  for (const row of rows) emails.set(row.user_id, [...(emails.get(row.user_id) ?? []), row])
  return emails
}

function kept(orgId: OrgId, row: Selectable<UserTable>, emails: readonly Email[]): KeptPerson {
  const user = toUser(row)
  return { user, stray: strayKey(row, user) ?? strayEmail(orgId, user, emails) }
}

/** What people are found, sorted and shown by; each is made of their attributes. */
const KEYS = [
  ...(['username', 'username_key', 'display_name', 'display_name_key'] as const),
  ...(['department', 'department_key', 'employee_number', 'employee_number_key'] as const),
]

function strayKey(row: Selectable<UserTable>, user: User): StrayKey | undefined {
  const made = fromUser(user)
  const column = KEYS.find((key) => row[key] !== made[key])
  return column && { table: 'user', column }
}

function strayEmail(orgId: OrgId, user: User, emails: readonly Email[]): StrayKey | undefined {
  const isMade = equalJson(emails, emailRows(orgId, user))
  return isMade ? undefined : { table: 'user_email', column: undefined }
}
