import { type Kysely, type Selectable, sql } from 'kysely'
import type { ErasureTable, LegalHoldTable } from '../../db/privacy-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { PayloadSealer } from '../domain/outbox.ts'
import type { Erasure, HoldId, LegalHold, PrivacyReads, PrivacyWrites } from '../domain/privacy.ts'
import { UNKNOWN } from '../domain/record.ts'
import { eraseRows } from './erasure.ts'
import { personRows } from './person-rows.ts'

/** Holds, and who was erased. */
export function privacyReads(db: Kysely<Database>): PrivacyReads {
  return {
    held: (orgId, person) => personRows(db, orgId, person),

    async holds(orgId, all) {
      const holds = holdsOf(db, orgId).orderBy('placed_seq', 'desc')
      return (await (all ? holds : holds.where('released_seq', 'is', null)).execute()).map(toHold)
    },

    erasure: (orgId, person) => findErasure(db, orgId, person),

    async erasures(after, limit) {
      const { orgId, person } = after ?? { orgId: '', person: '' }
      const rows = await db
        .selectFrom('erasure')
        .selectAll()
        .where(sql<boolean>`(org_id, person_id) > (${orgId}, ${person})`)
        .orderBy('org_id')
        .orderBy('person_id')
        .limit(limit)
        .execute()
      return rows.map(toErasure)
    },

    async unknownPeople(orgId) {
      const rows = await db
        .selectFrom('person_key')
        .select('person_id')
        .where('org_id', '=', orgId)
        // Every id with the prefix, by the primary key: `.` comes right after `-`.
        .where('person_id', '>=', UNKNOWN)
        .where('person_id', '<', UNKNOWN.replace('-', '.'))
        .where('wrapped', 'is not', null)
        .execute()
      return rows.map(({ person_id }) => person_id as UserId)
    },

    async erasuresWaiting(limit) {
      const rows = await db
        .selectFrom('erasure')
        .selectAll()
        .where('exported_ms', 'is', null)
        .orderBy('time_ms')
        .limit(limit)
        .execute()
      return rows.map(toErasure)
    },
  }
}

/** @param mails opens mails that wait; absent where none are sent */
export function privacyWrites(db: Kysely<Database>, mails: PayloadSealer | undefined): PrivacyWrites {
  const standing = (orgId: OrgId) => holdsOf(db, orgId).where('released_seq', 'is', null)
  return {
    async holdsOf(orgId, person) {
      const rows = await standing(orgId)
        .where((eb) => eb.or([eb('person_id', 'is', null), eb('person_id', '=', person)]))
        .execute()
      return rows.map(toHold)
    },

    async standing(orgId) {
      return (await standing(orgId).execute()).map(toHold)
    },

    async find(orgId, id) {
      const row = await holdsOf(db, orgId).where('id', '=', id).executeTakeFirst()
      return row && toHold(row)
    },

    async place(orgId, hold) {
      await db
        .insertInto('legal_hold')
        .values({
          ...{ org_id: orgId, id: hold.id, person_id: hold.person ?? null },
          ...{ from_seq: hold.fromSeq ?? null, to_seq: hold.toSeq ?? null },
          ...{ placed_seq: hold.placedSeq, placed_ms: hold.placed, released_seq: null, released_ms: null },
        })
        .execute()
    },

    async release(orgId, id, { seq, at }) {
      await db
        .updateTable('legal_hold')
        .set({ released_seq: seq, released_ms: at })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },

    erasure: (orgId, person) => findErasure(db, orgId, person),
    erase: (erasure) => eraseRows(db, mails, erasure),
    eraseSealed: (erasure) => eraseRows(db, mails, erasure, ['event_pii', 'person_key']),
  }
}

/** Notes that erasures were written outside the store. */
export async function markErasuresExported(
  db: Kysely<Database>,
  erasures: readonly Erasure[],
  at: number,
): Promise<void> {
  for (const { orgId, person } of erasures) {
    await db
      .updateTable('erasure')
      .set({ exported_ms: at })
      .where('org_id', '=', orgId)
      .where('person_id', '=', person)
      .execute()
  }
}

function holdsOf(db: Kysely<Database>, orgId: OrgId) {
  return db.selectFrom('legal_hold').selectAll().where('org_id', '=', orgId)
}

async function findErasure(db: Kysely<Database>, orgId: OrgId, person: UserId): Promise<Erasure | undefined> {
  const row = await db
    .selectFrom('erasure')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('person_id', '=', person)
    .executeTakeFirst()
  return row && toErasure(row)
}

function toErasure({ org_id, person_id, seq, time_ms }: Selectable<ErasureTable>): Erasure {
  return { orgId: org_id as OrgId, person: person_id as UserId, seq, at: time_ms }
}

function toHold(row: Selectable<LegalHoldTable>): LegalHold {
  return {
    ...{ id: row.id as HoldId, person: (row.person_id ?? undefined) as UserId | undefined },
    ...{ fromSeq: row.from_seq ?? undefined, toSeq: row.to_seq ?? undefined },
    ...{ placedSeq: row.placed_seq, placed: row.placed_ms },
    ...{ releasedSeq: row.released_seq ?? undefined, released: row.released_ms ?? undefined },
  }
}
