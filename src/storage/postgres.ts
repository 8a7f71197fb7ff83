import { Kysely, PostgresDialect } from 'kysely'
import { Pool, TypeOverrides } from 'pg'
import type { Database } from '../../db/schema.ts'

/** PostgreSQL: two pools, so that writers waiting for an org's lock never keep readers from a connection. */
export interface PostgresConnections {
  readonly writer: Kysely<Database>
  readonly reader: Kysely<Database>
  close(): Promise<void>
}

const INT8 = 20

/** Epoch milliseconds and counters fit a double; anything beyond is a broken row and must not be rounded. */
function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`bigint ${text} is beyond 2^53 - 1`)
  return value
}

/**
 * @param url `postgres://…`
 * @param poolSize connections of each pool
 * @param onIdleError told when the server drops an idle connection; the pool replaces it
 */
export function openPostgres(url: string, poolSize: number, onIdleError: (error: Error) => void): PostgresConnections {
  const types = new TypeOverrides()
  types.setTypeParser(INT8, toSafeInteger)
  const settings = '-c synchronous_commit=on -c lock_timeout=5000 -c statement_timeout=5000 -c jit=off'
  const open = (options: string): Pool => {
    const pool = new Pool({
      connectionString: url,
      max: poolSize,
      types,
      options,
      connectionTimeoutMillis: 5_000,
      idle_in_transaction_session_timeout: 10_000,
      keepAlive: true,
      application_name: 'rollcall',
    })
    pool.on('error', onIdleError)
    return pool
  }
  const writer = new Kysely<Database>({ dialect: new PostgresDialect({ pool: open(settings) }) })
  const reader = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: open(`${settings} -c default_transaction_read_only=on`) }),
  })
  return {
    writer,
    reader,
    async close() {
      await Promise.all([writer.destroy(), reader.destroy()])
    },
  }
}
