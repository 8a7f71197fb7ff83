import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { OutboxTable } from '../../db/mail-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { MailId, OrgId } from '../domain/ids.ts'
import type { Mail } from '../domain/mail.ts'
import type { ClaimedMail, MailQueue, PayloadSealer } from '../domain/outbox.ts'
import { sealedAs } from './outbox.ts'
import { preparedQuery } from './prepared-query.ts'

export interface MailQueueParts {
  readonly reader: Kysely<Database>
  readonly dialect: Dialect
  readonly sealer: PayloadSealer
  readonly write: <T>(run: (db: Kysely<Database>) => Promise<T>) => Promise<T>
}

/** The outbox over all orgs, outside any unit of work: what becomes of a mail is no change of an org. */
export function createMailQueue({ reader, dialect, sealer, write }: MailQueueParts): MailQueue {
  return {
    async claim(now, until, limit) {
      // Mostly there is none, and asking must not take the embedded store's one write lock.
      if ((await selectDue(reader, { now })).length === 0) return []
      const rows = await write((db) => lease(db, dialect, { now, until, limit }))
      return rows.map((row) => toClaimed(row, sealer)).sort((one, other) => one.created - other.created)
    },
    sent: (claimed, at) =>
      write((db) => end(db, claimed, { state: 'sent', payload: '', ended: at, lease_until: null, problem: null })),
    later: (claimed, next, problem) => write((db) => end(db, claimed, { next_ms: next, lease_until: null, problem })),
    purge: (before) =>
      write(async (db) => {
        await db.deleteFrom('outbox').where('ended', '<', before).execute()
      }),
  }
}

const selectDue = preparedQuery((db, { now }: { readonly now: number }) =>
  sql<{ readonly id: string }>`select id from outbox where state = 'waiting' and next_ms <= ${now}
    and (lease_until is null or lease_until <= ${now}) limit 1`.compile(db),
)

interface Lease {
  readonly now: number
  readonly until: number
  readonly limit: number
}

/** One statement, so that of two instances that ask at once each gets mails of its own. */
async function lease(
  db: Kysely<Database>,
  dialect: Dialect,
  { now, until, limit }: Lease,
): Promise<readonly Selectable<OutboxTable>[]> {
  const skipping = dialect === 'postgres' ? sql`for update skip locked` : sql``
  const { rows } = await sql<Selectable<OutboxTable>>`update outbox set lease_until = ${until}, attempts = attempts + 1
    where (org_id, id) in (select org_id, id from outbox where state = 'waiting' and next_ms <= ${now}
      and (lease_until is null or lease_until <= ${now}) order by next_ms limit ${limit} ${skipping})
    returning *`.execute(db)
  return rows
}

/** Only while the lease is still this instance's: another may have sent it since. */
async function end(db: Kysely<Database>, claimed: ClaimedMail, values: Partial<OutboxTable>): Promise<void> {
  await db
    .updateTable('outbox')
    .set(values)
    .where('org_id', '=', claimed.orgId)
    .where('id', '=', claimed.id)
    .where('state', '=', 'waiting')
    .where('lease_until', '=', claimed.lease)
    .execute()
}

function toClaimed(row: Selectable<OutboxTable>, sealer: PayloadSealer): ClaimedMail {
  const { attempts, created } = row
  const known = { orgId: row.org_id as OrgId, id: row.id as MailId, attempts, created, lease: row.lease_until ?? 0 }
  return { ...known, mail: opened(row, sealer) }
}

/** One mail that cannot be read must not stop the others. */
function opened({ org_id: orgId, id, payload }: Selectable<OutboxTable>, sealer: PayloadSealer): Mail | undefined {
  try {
    return JSON.parse(sealer.open(sealedAs(orgId, id), payload)) as Mail
  } catch {
    return undefined
  }
}
