import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { ChainHead, RecordDraft, RecordSealer, SealedRecord, WrappedKey } from '../domain/record.ts'
import { jsonIdRows, jsonRows } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/**
 * One org's chain within one transaction. `lock()` takes the row that makes the org's writes run one after another on
 * every instance; the head then lives here and is written back once, before the commit.
 */
export class ChainWriter {
  readonly #db: Kysely<Database>
  readonly #dialect: Dialect
  readonly #orgId: OrgId
  readonly #sealer: RecordSealer
  #stored = -1
  #savepoints = 0
  head: ChainHead = { epoch: 0, seq: 0, time: 0, hash: new Uint8Array(32) }

  constructor(db: Kysely<Database>, dialect: Dialect, orgId: OrgId, sealer: RecordSealer) {
    this.#db = db
    this.#dialect = dialect
    this.#orgId = orgId
    this.#sealer = sealer
  }

  /**
   * Locks the org's head.
   * @returns the database's own clock in epoch milliseconds, where instances on several machines share the store
   * @throws DomainError `not-found` when the org has no chain
   */
  async lock(): Promise<number | undefined> {
    const [row] = await lockHead(this.#db, { orgId: this.#orgId })
    if (row === undefined) throw new DomainError('not-found', 'No such organisation')
    this.head = { epoch: row.epoch, seq: row.seq, time: row.time_ms, hash: row.hash }
    this.#stored = row.seq
    return row.now ?? undefined
  }

  /** Seals, links and inserts one record. */
  async append(draft: RecordDraft, time: number): Promise<{ readonly id: RecordId; readonly seq: number }> {
    const keys = await this.#keys(this.#sealer.peopleIn(draft))
    const record = this.#sealer.seal(this.#orgId, draft, this.head, time, keys)
    await this.#insert(record)
    this.head = { epoch: record.epoch, seq: record.seq, time: record.time, hash: record.hash }
    return { id: record.id, seq: record.seq }
  }

  /** The name of a savepoint that this transaction has not had. */
  nextSavepoint(): string {
    this.#savepoints += 1
    return `unit_${this.#savepoints}`
  }

  /** The next record is of a new epoch. */
  raiseEpoch(): void {
    this.head = { ...this.head, epoch: this.head.epoch + 1 }
  }

  /** Writes the head back if records were appended since the lock was taken. */
  async saveHead(): Promise<void> {
    if (this.head.seq === this.#stored) return
    const { epoch, seq, time, hash } = this.head
    await saveHead.send(this.#db, { orgId: this.#orgId, epoch, seq, time, hash })
    this.#stored = seq
  }

  /** The keys of the people a record speaks of; made at their first mention. */
  async #keys(people: readonly UserId[]): Promise<ReadonlyMap<UserId, WrappedKey>> {
    const keys = new Map<UserId, WrappedKey>()
    for (const person of people) {
      const [row] = await findKey(this.#db, { orgId: this.#orgId, person })
      keys.set(person, row === undefined ? await this.#newKey(person) : toKey(row))
    }
    return keys
  }

  async #newKey(person: UserId): Promise<WrappedKey> {
    const key = this.#sealer.newKey(this.#orgId, person)
    const { kekId = null, wrapped = null } = key
    await insertKey.send(this.#db, { orgId: this.#orgId, person, kekId, wrapped })
    return key
  }

  async #insert(record: SealedRecord): Promise<void> {
    const { actorId = null, connectionId = null, requestId = null, causeId = null } = record
    const row = { ...record, orgId: this.#orgId, actorId, connectionId, requestId, causeId }
    const targets = JSON.stringify(record.targets)
    const { orgId, seq } = row
    if (this.#dialect === 'postgres') {
      const pii = record.pii.map((one) => [one.person, base64(one.nonce), base64(one.ciphertext)])
      await insertWhole.send(this.#db, { ...row, targetIds: targets, sealed: JSON.stringify(pii) })
      return
    }
    await insertEvent(this.#db, row)
    if (record.targets.length > 0) await insertTargets(this.#db, { orgId, seq, targets })
    for (const one of record.pii) await insertPii(this.#db, { orgId, seq, ...one })
  }
}

interface OfOrg {
  readonly orgId: OrgId
}

interface HeadRow {
  readonly epoch: number
  readonly seq: number
  readonly time_ms: number
  readonly hash: Uint8Array
  /** The database's clock, read once the lock is held. */
  readonly now: number | null
}

const lockHead = preparedQuery((db, { orgId }: OfOrg, dialect) =>
  dialect === 'sqlite'
    ? sql<HeadRow>`select epoch, seq, time_ms, hash, null as now from org_chain where org_id = ${orgId}`.compile(db)
    : sql<HeadRow>`
        with head as (
          select epoch, seq, time_ms, hash from org_chain where org_id = ${orgId} for no key update
        )
        select head.*, (extract(epoch from clock_timestamp()) * 1000)::bigint as now from head`.compile(db),
)

const saveHead = preparedQuery((db, { orgId, epoch, seq, time, hash }: OfOrg & ChainHead) =>
  db.updateTable('org_chain').set({ epoch, seq, time_ms: time, hash }).where('org_id', '=', orgId).compile(),
)

interface OfPerson extends OfOrg {
  readonly person: UserId
}

const findKey = preparedQuery((db, { orgId, person }: OfPerson) =>
  db
    .selectFrom('person_key')
    .select(['kek_id', 'wrapped'])
    .where('org_id', '=', orgId)
    .where('person_id', '=', person)
    .compile(),
)

interface NewKey extends OfPerson {
  readonly kekId: string | null
  readonly wrapped: Uint8Array | null
}

const insertKey = preparedQuery((db, { orgId, person, kekId, wrapped }: NewKey) =>
  db
    .insertInto('person_key')
    .values({ org_id: orgId, person_id: person, kek_id: kekId, wrapped, erased_seq: null })
    .compile(),
)

interface EventRow extends Omit<SealedRecord, 'actorId' | 'connectionId' | 'requestId' | 'causeId'> {
  readonly orgId: OrgId
  readonly actorId: string | null
  readonly connectionId: string | null
  readonly requestId: string | null
  readonly causeId: string | null
}

const insertEvent = preparedQuery((db, row: EventRow) => insertingEvent(db, row).compile())

function insertingEvent(db: Kysely<Database>, row: EventRow) {
  return db.insertInto('provisioning_event').values({
    org_id: row.orgId,
    seq: row.seq,
    epoch: row.epoch,
    time_ms: row.time,
    id: row.id,
    action: row.action,
    result: row.result,
    actor_type: row.actorType,
    actor_id: row.actorId,
    connection_id: row.connectionId,
    request_id: row.requestId,
    cause_id: row.causeId,
    body: row.body,
    content_hash: row.contentHash,
    hash: row.hash,
  })
}

const insertTargets = preparedQuery(
  (db, { orgId, seq, targets }: OfOrg & { readonly seq: number; readonly targets: string }) =>
    sql`insert into event_target (org_id, target_id, seq)
      select ${orgId}, id, ${seq} from ${jsonIdRows('sqlite', targets)} as i`.compile(db),
)

const insertPii = preparedQuery(
  (db, { orgId, seq, person, nonce, ciphertext }: OfOrg & { readonly seq: number } & SealedRecord['pii'][number]) =>
    db.insertInto('event_pii').values({ org_id: orgId, person_id: person, seq, nonce, ciphertext }).compile(),
)

interface WholeRecord extends EventRow {
  /** JSON list of ids. */
  readonly targetIds: string
  /** JSON list of [person, nonce, ciphertext], bytes in base64. */
  readonly sealed: string
}

/** A record with what stands beside it in one statement: PostgreSQL is a round trip away, with the org's lock held. */
const insertWhole = preparedQuery((db, row: WholeRecord) => {
  const { orgId, seq } = row
  const pii = jsonRows('postgres', row.sealed, { person: 'text', nonce: 'text', ciphertext: 'text' })
  return sql`
    with event as (${insertingEvent(db, row)}),
      target as (
        insert into event_target (org_id, target_id, seq)
        select ${orgId}::text, id, ${seq}::bigint from ${jsonIdRows('postgres', row.targetIds)} as i
      )
    insert into event_pii (org_id, person_id, seq, nonce, ciphertext)
      select ${orgId}::text, person, ${seq}::bigint, decode(nonce, 'base64'), decode(ciphertext, 'base64')
      from ${pii} as p`.compile(db)
})

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function toKey(row: { kek_id: string | null; wrapped: Uint8Array | null }): WrappedKey {
  return { kekId: row.kek_id ?? undefined, wrapped: row.wrapped ?? undefined }
}
