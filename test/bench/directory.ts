import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import { fold } from '../../src/domain/fold.ts'
import { type GroupId, newId, type OrgId, type UserId } from '../../src/domain/ids.ts'
import type { ChainHead, RecordDraft, RecordEffect, WrappedKey } from '../../src/domain/record.ts'
import type { User } from '../../src/domain/user.ts'
import { userChanges, userTarget } from '../../src/provisioning/user-record.ts'
import { emailRows, fromUser } from '../../src/storage/user-row.ts'
import { attributesOf, externalIdOf } from './person.ts'

/** Beside the sized groups everyone is in one team of this many. */
const SMALL_TEAM = 20
/** Members of the sized groups that a run measures, as far as there are people for them. */
const SIZES = [100, 1_000, 10_000, 100_000]
/** People in no sized group, who can join and leave them. */
export const SPARE = 500
const PEOPLE_PER_RECORD = 500
const ROWS_PER_COMMIT = 2_000

/** What a run needs to know of the directory it measures. */
export interface Directory {
  readonly users: readonly UserId[]
  /** Numbers of the people who are in no sized group. */
  readonly spare: readonly number[]
  readonly sized: ReadonlyMap<number, GroupId>
  /** A group without members; absent in directories that were kept before there was one. */
  readonly empty?: GroupId
}

export interface DirectoryOptions {
  readonly dataDir: string
  readonly masterKey: Uint8Array
  readonly users: number
}

type Row = Readonly<Record<string, string | number | null | undefined | Uint8Array>>

/**
 * Fills the store that a gateway made and left with people, teams and their records, in the rows the unit of work
 * writes, sealed and chained. A million people take some minutes.
 */
export function buildDirectory({ dataDir, masterKey, users }: DirectoryOptions): Directory {
  const database = new Sqlite(join(dataDir, 'rollcall.db'))
  database.pragma('synchronous = OFF')
  // A million people are ten gigabytes of rows in no order: their pages must not be read again for each.
  database.pragma('cache_size = -1000000')
  const filling = new Filling(database, masterKey)
  database.exec('BEGIN')
  const people: UserId[] = []
  for (let n = 0; n < users + SPARE; n++) people.push(filling.person(n))
  for (let start = 0; start < people.length; start += SMALL_TEAM) {
    filling.group(`small-${start / SMALL_TEAM}`, people.slice(start, start + SMALL_TEAM))
  }
  const sized = new Map<number, GroupId>()
  for (const size of SIZES) if (size <= users) sized.set(size, filling.group(`sized-${size}`, people.slice(0, size)))
  const empty = filling.group('empty', [])
  filling.finish()
  database.close()
  return { users: people, spare: Array.from({ length: SPARE }, (_, k) => users + k), sized, empty }
}

class Filling {
  readonly #db: Sqlite.Database
  readonly #inserts = new Map<string, Sqlite.Statement>()
  readonly #sealer
  readonly #orgId: OrgId
  readonly #connection: string
  readonly #seats: readonly (readonly [string, string])[]
  #head: ChainHead
  #written = 0
  #people = 0
  #groups = 0

  constructor(db: Sqlite.Database, masterKey: Uint8Array) {
    this.#db = db
    this.#sealer = createRecordSealer({ kek: masterKey, now: Date.now })
    const [org, connection, policy] = [
      db.prepare(`SELECT id FROM org WHERE name = 'default'`).get() as { id: OrgId },
      db.prepare(`SELECT id FROM connection WHERE name = 'default'`).get() as { id: string },
      db
        .prepare(`SELECT default_seats FROM org_policy p JOIN org o ON o.id = p.org_id WHERE o.name = 'default'`)
        .get() as { default_seats: string },
    ]
    this.#orgId = org.id
    this.#connection = connection.id
    this.#seats = Object.entries(JSON.parse(policy.default_seats) as Record<string, string>)
    const head = db.prepare('SELECT epoch, seq, time_ms, hash FROM org_chain WHERE org_id = ?').get(org.id) as {
      readonly epoch: number
      readonly seq: number
      readonly time_ms: number
      readonly hash: Uint8Array
    }
    this.#head = { epoch: head.epoch, seq: head.seq, time: head.time_ms, hash: head.hash }
  }

  person(n: number): UserId {
    const now = Date.now()
    const user: User = {
      id: newId<UserId>(now),
      ord: n + 1,
      version: 1,
      created: now,
      updated: now,
      status: 'active',
      accountType: 'USER',
      owner: this.#connection as NonNullable<User['owner']>,
      externalId: externalIdOf(n),
      orgRole: 'member',
      attributes: attributesOf(n),
    }
    const key = { org_id: this.#orgId, user_id: user.id }
    const { id, ord, created, accountType } = user
    const fixed = { id, ord, created, billing_admin: 0, account_type: accountType, org_id: this.#orgId }
    this.#insert('user', { ...fromUser(user), ...fixed })
    for (const row of emailRows(this.#orgId, user)) this.#insert('user_email', row)
    for (const [product, type] of this.#seats) {
      const seat = { wanted: type, given: type, wanted_since: now, source: `default:${product}` }
      this.#insert('user_seat', { ...key, product, ...seat })
    }
    const effects = this.#firstAccess(user.id)
    for (const { kind, target, new: value } of effects) this.#period(user.id, kind, target, value!, now)
    this.#record({
      ...this.#draft('user.create'),
      targets: [userTarget(user)],
      changes: userChanges(undefined, user),
      effects,
    })
    this.#people++
    return user.id
  }

  group(name: string, members: readonly UserId[]): GroupId {
    const now = Date.now()
    const id = newId<GroupId>(now)
    const key = { org_id: this.#orgId, id }
    this.#insert('scim_group', {
      ...key,
      ord: ++this.#groups,
      display_name: name,
      name_key: fold(name),
      owner_connection_id: this.#connection,
      external_id: `group-${name}`,
      marked_protected: 0,
      member_count: members.length,
      body: '{}',
      version: 1,
      created: now,
      updated: now,
      deleted_at: null,
    })
    this.#insert('team', { ...key, archived_at: null, default_role: 'member', storage: null, visibility: 'org' })
    for (let at = 0; at < members.length; at += PEOPLE_PER_RECORD) {
      this.#members(id, name, members.slice(at, at + PEOPLE_PER_RECORD))
    }
    return id
  }

  #members(group: GroupId, name: string, people: readonly UserId[]): void {
    const now = Date.now()
    for (const user of people) {
      const key = { org_id: this.#orgId, user_id: user }
      this.#insert('group_member', { ...key, group_id: group, origin: 'scim', set_by: this.#connection, set_at: now })
      const source = { role: 'member', custom_role_id: '', source_kind: 'member', source_id: group }
      this.#insert('team_membership', { ...key, team_id: group, ...source })
      this.#period(user, 'team', group, 'member', now)
    }
    this.#record({
      ...this.#draft('group.update'),
      targets: [{ type: 'group', id: group, display: name }],
      changes: [{ path: 'members', added: people }],
      effects: [{ kind: 'team', target: group, old: null, new: 'member', via: `member:${group}`, people }],
    })
  }

  finish(): void {
    const { seq, time, hash } = this.#head
    const chain = 'UPDATE org_chain SET seq = ?, time_ms = ?, hash = ? WHERE org_id = ?'
    this.#db.prepare(chain).run(seq, time, hash, this.#orgId)
    const counters = { user: this.#people, 'ord.user': this.#people, group: this.#groups, 'ord.group': this.#groups }
    for (const [name, value] of Object.entries(counters)) {
      this.#db.prepare('INSERT OR REPLACE INTO org_counter VALUES (?, ?, ?)').run(this.#orgId, name, value)
    }
    for (const [product, type] of this.#seats) {
      this.#insert('seat_counter', { org_id: this.#orgId, product, type, used: this.#people, cap: null })
    }
    this.#db.exec('COMMIT')
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }

  #draft(action: string): Pick<RecordDraft, 'action' | 'actor' | 'outcome'> {
    const actor = { type: 'idp', id: this.#connection, connectionId: this.#connection } as const
    return { action, actor, outcome: { result: 'success' } }
  }

  #firstAccess(user: UserId): readonly RecordEffect[] {
    const gained = { old: null, people: [user] }
    return [
      { kind: 'active', target: '', new: 'active', via: 'status', ...gained },
      { kind: 'org_role', target: '', new: 'member', via: 'default', ...gained },
      ...this.#seats
        .filter(([, type]) => type !== 'none')
        .map(([product, type]) => ({
          kind: 'seat' as const,
          target: product,
          new: type,
          via: `default:${product}`,
          ...gained,
        })),
    ]
  }

  // eslint-disable-next-line @typescript-eslint/max-params -- a row
  #period(user: UserId, kind: string, target: string, value: string, at: number): void {
    const time = { from_seq: this.#head.seq + 1, to_seq: null, valid_from: at, valid_to: null }
    this.#insert('access_period', { org_id: this.#orgId, user_id: user, kind, target, value, ...time })
  }

  #record(draft: RecordDraft): void {
    const keys = new Map<UserId, WrappedKey>()
    for (const person of this.#sealer.peopleIn(draft)) {
      const made = this.#sealer.newKey(this.#orgId, person)
      keys.set(person, made)
      const wrapped = { kek_id: made.kekId ?? null, wrapped: made.wrapped ?? null, erased_seq: null }
      this.#insert('person_key', { org_id: this.#orgId, person_id: person, ...wrapped })
    }
    const record = this.#sealer.seal(this.#orgId, draft, this.#head, Math.max(Date.now(), this.#head.time), keys)
    const { epoch, seq, time, hash } = record
    this.#head = { epoch, seq, time, hash }
    const org = { org_id: this.#orgId, seq }
    this.#insert('provisioning_event', {
      ...org,
      epoch,
      time_ms: time,
      id: record.id,
      action: record.action,
      result: record.result,
      actor_type: record.actorType,
      actor_id: record.actorId ?? null,
      connection_id: record.connectionId ?? null,
      request_id: null,
      cause_id: null,
      body: record.body,
      content_hash: record.contentHash,
      hash,
    })
    for (const target of record.targets) this.#insert('event_target', { ...org, target_id: target })
    for (const { person, nonce, ciphertext } of record.pii) {
      this.#insert('event_pii', { ...org, person_id: person, nonce, ciphertext })
    }
    if (++this.#written % ROWS_PER_COMMIT === 0) this.#db.exec('COMMIT; BEGIN')
  }

  #insert(table: string, row: Row): void {
    const columns = Object.keys(row)
    const key = `${table} ${columns.join()}`
    let statement = this.#inserts.get(key)
    if (statement === undefined) {
      const places = columns.map(() => '?').join(', ')
      statement = this.#db.prepare(`INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${places})`)
      this.#inserts.set(key, statement)
    }
    statement.run(...Object.values(row))
  }
}
