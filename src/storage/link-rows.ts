import type { Dialect } from '../../db/dialect.ts'
import type { LinkedRecord } from '../domain/ports.ts'

const COLUMNS = `seq, epoch, time_ms, id, action, result, actor_type, actor_id, connection_id, request_id, cause_id, body`

/**
 * Reads records for a check of their chain. Parameters: org, after, up to, limit. The hashes come as hex text, which
 * costs less to hand over and to compare than bytes do.
 */
export function linksSql(dialect: Dialect): string {
  const [hex, place] =
    dialect === 'sqlite'
      ? [(column: string) => `lower(hex(${column}))`, () => '?']
      : [(column: string) => `encode(${column}, 'hex')`, (n: number) => `$${n}`]
  return `select ${COLUMNS}, ${hex('content_hash')} as content_hex, ${hex('hash')} as hash_hex from provisioning_event
    where org_id = ${place(1)} and seq > ${place(2)} and seq <= ${place(3)} order by seq limit ${place(4)}`
}

type Text = string | null

/** A row of `linksSql` as its columns follow one another. */
export type LinkRow = readonly [
  ...[seq: number, epoch: number, time: number, id: string, action: string, result: string, actorType: string],
  ...[actorId: Text, connectionId: Text, requestId: Text, causeId: Text],
  ...[body: string, contentHash: string, hash: string],
]

export function toLinkedRecord(row: LinkRow): LinkedRecord {
  return {
    seq: row[0],
    epoch: row[1],
    time: row[2],
    id: row[3],
    action: row[4],
    result: row[5],
    actorType: row[6],
    actorId: row[7] ?? undefined,
    connectionId: row[8] ?? undefined,
    requestId: row[9] ?? undefined,
    causeId: row[10] ?? undefined,
    body: row[11],
    contentHash: row[12],
    hash: row[13],
  }
}
