import type { Dialect } from '../../db/dialect.ts'
import type { LinkedRecord } from '../domain/ports.ts'

const COLUMNS = `seq, epoch, time_ms, id, action, result, actor_type, actor_id, connection_id, request_id, cause_id, body`

/**
 * Reads records for a check of their chain. Parameters: org, after, up to, limit. Both hashes come as one hex text, parted
 * by a full stop: handing values over is what most of a check takes, and bytes cost more than text.
 */
export function linksSql(dialect: Dialect): string {
  const [hashes, place] =
    dialect === 'sqlite'
      ? [`lower(hex(content_hash) || '.' || hex(hash))`, () => '?']
      : [`encode(content_hash, 'hex') || '.' || encode(hash, 'hex')`, (n: number) => `$${n}`]
  return `select ${COLUMNS}, ${hashes} as hashes from provisioning_event
    where org_id = ${place(1)} and seq > ${place(2)} and seq <= ${place(3)} order by seq limit ${place(4)}`
}

type Text = string | null

/** A row of `linksSql` as its columns follow one another. */
export type LinkRow = readonly [
  ...[seq: number, epoch: number, time: number, id: string, action: string, result: string, actorType: string],
  ...[actorId: Text, connectionId: Text, requestId: Text, causeId: Text],
  ...[body: string, hashes: string],
]

export function toLinkedRecord(row: LinkRow): LinkedRecord {
  const hashes = row[12]
  const stop = hashes.indexOf('.')
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
    contentHash: hashes.slice(0, stop),
    hash: hashes.slice(stop + 1),
  }
}
