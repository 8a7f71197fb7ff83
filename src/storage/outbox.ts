import { type Kysely, type Selectable, sql } from 'kysely'
import type { OutboxTable } from '../../db/mail-schema.ts'
import type { Database } from '../../db/schema.ts'
import { isMailAddress } from '../domain/email.ts'
import { type MailId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { MailEntry, MailKind, MailState } from '../domain/mail.ts'
import type { OutboxReads, OutboxWrites, PayloadSealer } from '../domain/outbox.ts'
import { isAmongJson } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/**
 * The outbox as a unit of work writes it.
 * @param sealer absent where no mail server is configured, and then no mail is kept
 */
export function outboxWrites(db: Kysely<Database>, sealer: PayloadSealer | undefined, now: number): OutboxWrites {
  return {
    sends: sealer !== undefined,

    async add(orgId, mail) {
      if (sealer === undefined || !isMailAddress(mail.to)) return undefined
      const id = newId<MailId>(now)
      const row = { org_id: orgId, id, kind: mail.content.kind, person_id: mail.person ?? null, next_ms: now }
      const payload = sealer.seal(sealedAs(orgId, id), JSON.stringify(mail))
      const rest = { state: 'waiting', attempts: 0, lease_until: null, created: now, ended: null, problem: null }
      await db
        .insertInto('outbox')
        .values({ ...row, ...rest, payload })
        .execute()
      return id
    },

    async drop(orgId, person, kind) {
      await db
        .updateTable('outbox')
        .set({ state: 'dropped', payload: '', ended: now, lease_until: null })
        .where('org_id', '=', orgId)
        .where('person_id', '=', person)
        .where('kind', '=', kind)
        .where('state', '=', 'waiting')
        .execute()
    },

    async find(orgId, id) {
      const row = await db
        .selectFrom('outbox')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toEntry(row)
    },

    async hurry(orgId, id) {
      await db
        .updateTable('outbox')
        .set({ next_ms: now })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .execute()
    },

    async fail(orgId, id, problem) {
      const rows = await db
        .updateTable('outbox')
        .set({ state: 'failed', payload: '', ended: now, lease_until: null, problem })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .returning('id')
        .execute()
      return rows.length === 1
    },
  }
}

/** What became of an org's mails. */
export function outboxReads(db: Kysely<Database>): OutboxReads {
  return {
    async list(orgId, limit) {
      const rows = await db
        .selectFrom('outbox')
        .selectAll()
        .where('org_id', '=', orgId)
        // Ids grow with time.
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toEntry)
    },
    async newest(orgId, people, kind) {
      const rows = await selectNewest(db, { orgId, ids: JSON.stringify(people), kind })
      return new Map(rows.map((row) => [row.person_id as UserId, toEntry(row)]))
    },
  }
}

interface NewestQuery {
  readonly orgId: OrgId
  /** JSON array. */
  readonly ids: string
  readonly kind: MailKind
}

const selectNewest = preparedQuery((db, { orgId, ids, kind }: NewestQuery, dialect) =>
  sql<Selectable<OutboxTable>>`select o.* from outbox as o where o.org_id = ${orgId}
    and o.person_id ${isAmongJson(dialect, ids)} and o.kind = ${kind}
    and not exists (select 1 from outbox as later where later.org_id = o.org_id
      and later.person_id = o.person_id and later.kind = o.kind and later.id > o.id)`.compile(db),
)

/** What a payload is sealed for: moved to another row, it does not open. */
export function sealedAs(orgId: string, id: string): string {
  return `outbox|${orgId}|${id}`
}

function toEntry(row: Selectable<OutboxTable>): MailEntry {
  return {
    id: row.id as MailId,
    kind: row.kind as MailKind,
    person: (row.person_id ?? undefined) as UserId | undefined,
    state: row.state as MailState,
    attempts: row.attempts,
    created: row.created,
    next: row.state === 'waiting' ? row.next_ms : undefined,
    ended: row.ended ?? undefined,
    problem: row.problem ?? undefined,
  }
}
