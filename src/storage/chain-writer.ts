import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { ChainHead, RecordDraft, RecordSealer, SealedRecord, WrappedKey } from '../domain/record.ts'

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
    let query = this.#db
      .selectFrom('org_chain')
      .select(['epoch', 'seq', 'time_ms', 'hash'])
      .where('org_id', '=', this.#orgId)
    if (this.#dialect === 'postgres') query = query.forNoKeyUpdate()
    const row = await query.executeTakeFirst()
    if (row === undefined) throw new DomainError('not-found', 'No such organisation')
    this.head = { epoch: row.epoch, seq: row.seq, time: row.time_ms, hash: row.hash }
    this.#stored = row.seq
    if (this.#dialect === 'sqlite') return undefined
    const clock = await sql<{
      now: number
    }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(this.#db)
    return clock.rows[0]?.now
  }

  /** Seals, links and inserts one record. */
  async append(draft: RecordDraft, time: number): Promise<{ readonly id: RecordId; readonly seq: number }> {
    const keys = await this.#keys(this.#sealer.peopleIn(draft))
    const record = this.#sealer.seal(this.#orgId, draft, this.head, time, keys)
    await this.#insert(record)
    this.head = { epoch: record.epoch, seq: record.seq, time: record.time, hash: record.hash }
    return { id: record.id, seq: record.seq }
  }

  /** Writes the head back if records were appended since the lock was taken. */
  async saveHead(): Promise<void> {
    if (this.head.seq === this.#stored) return
    const { epoch, seq, time, hash } = this.head
    await this.#db
      .updateTable('org_chain')
      .set({ epoch, seq, time_ms: time, hash })
      .where('org_id', '=', this.#orgId)
      .execute()
    this.#stored = seq
  }

  /** The keys of the people a record speaks of; made at their first mention. */
  async #keys(people: readonly UserId[]): Promise<ReadonlyMap<UserId, WrappedKey>> {
    const keys = new Map<UserId, WrappedKey>()
    for (const person of people) {
      const row = await this.#db
        .selectFrom('person_key')
        .select(['kek_id', 'wrapped'])
        .where('org_id', '=', this.#orgId)
        .where('person_id', '=', person)
        .executeTakeFirst()
      keys.set(person, row === undefined ? await this.#newKey(person) : toKey(row))
    }
    return keys
  }

  async #newKey(person: UserId): Promise<WrappedKey> {
    const key = this.#sealer.newKey(this.#orgId, person)
    await this.#db
      .insertInto('person_key')
      .values({
        org_id: this.#orgId,
        person_id: person,
        kek_id: key.kekId ?? null,
        wrapped: key.wrapped ?? null,
        erased_seq: null,
      })
      .execute()
    return key
  }

  async #insert(record: SealedRecord): Promise<void> {
    const orgId = this.#orgId
    await this.#db
      .insertInto('provisioning_event')
      .values({
        org_id: orgId,
        seq: record.seq,
        epoch: record.epoch,
        time_ms: record.time,
        id: record.id,
        action: record.action,
        result: record.result,
        actor_type: record.actorType,
        actor_id: record.actorId ?? null,
        connection_id: record.connectionId ?? null,
        request_id: record.requestId ?? null,
        cause_id: record.causeId ?? null,
        body: record.body,
        content_hash: record.contentHash,
        hash: record.hash,
      })
      .execute()
    if (record.targets.length > 0) await this.#insertTargets(record)
    for (const { person, nonce, ciphertext } of record.pii) {
      await this.#db
        .insertInto('event_pii')
        .values({ org_id: orgId, person_id: person, seq: record.seq, nonce, ciphertext })
        .execute()
    }
  }

  async #insertTargets(record: SealedRecord): Promise<void> {
    const json = JSON.stringify(record.targets)
    const list =
      this.#dialect === 'sqlite'
        ? sql`select ${this.#orgId}, value, ${record.seq} from json_each(${json})`
        : sql`select ${this.#orgId}::text, value, ${record.seq}::bigint from jsonb_array_elements_text(${json}::text::jsonb)`
    await sql`insert into event_target (org_id, target_id, seq) ${list}`.execute(this.#db)
  }
}

function toKey(row: { kek_id: string | null; wrapped: Uint8Array | null }): WrappedKey {
  return { kekId: row.kek_id ?? undefined, wrapped: row.wrapped ?? undefined }
}
