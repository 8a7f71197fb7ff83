import type { ChainReads } from '../domain/ports.ts'
import { type LinkRow, linksSql, toLinkedRecord } from './link-rows.ts'

/** Where a store is; one of the two. */
export interface LinksLocation {
  /** `postgres://…` */
  readonly databaseUrl: string | undefined
  /** The embedded database file. */
  readonly file: string
}

const OPEN_TIMEOUT_MS = 5_000
const CACHE_KIB = 4_000

/**
 * Opens a store for nothing but the check of its chains, on a connection of its own: with neither the query builder nor
 * the rest of the store, whose loading would take longer than many a check. It stays open for as long as its thread.
 */
export function openLinks({ databaseUrl, file }: LinksLocation): Promise<ChainReads> {
  return databaseUrl === undefined ? openInFile(file) : openOnServer(databaseUrl)
}

async function openInFile(file: string): Promise<ChainReads> {
  const { default: Sqlite } = await import('better-sqlite3')
  const database = new Sqlite(file, { readonly: true, timeout: OPEN_TIMEOUT_MS })
  database.pragma('trusted_schema = OFF')
  database.pragma(`cache_size = -${CACHE_KIB}`)
  const links = database.prepare(linksSql('sqlite')).raw()
  return {
    links: (orgId, after, upTo, limit) =>
      Promise.resolve((links.all(orgId, after, upTo, limit) as LinkRow[]).map(toLinkedRecord)),
  }
}

async function openOnServer(connectionString: string): Promise<ChainReads> {
  const { default: pg } = await import('pg')
  const options = '-c default_transaction_read_only=on -c jit=off'
  const client = new pg.Client({ connectionString, options, connectionTimeoutMillis: OPEN_TIMEOUT_MS })
  client.on('error', () => undefined)
  await client.connect()
  const query = { name: 'links', text: linksSql('postgres'), rowMode: 'array' as const }
  return {
    async links(orgId, after, upTo, limit) {
      const { rows } = await client.query<unknown[]>({ ...query, values: [orgId, after, upTo, limit] })
      return rows.map((row) => toLinkedRecord(withNumbers(row)))
    },
  }
}

/** The driver gives a bigint as text. What is beyond 2^53 is no number that a link can hold. */
function withNumbers([seq, epoch, time, ...rest]: readonly unknown[]): LinkRow {
  return [Number(seq), Number(epoch), Number(time), ...rest] as unknown as LinkRow
}
