import { Kysely, PostgresDialect } from 'kysely'
import { Pool, TypeOverrides } from 'pg'
import type { Database } from '../../db/schema.ts'
import { listening, type QueryListener } from './query-listener.ts'

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

export interface PostgresOptions {
  /** Connections of each pool. */
  readonly poolSize: number
  /** Told when the server drops an idle connection; the pool replaces it. */
  readonly onIdleError: (error: Error) => void
  readonly onQuery?: QueryListener | undefined
}

/** @param url `postgres://…` */
export function openPostgres(url: string, options: PostgresOptions): PostgresConnections {
  const { poolSize, onIdleError } = options
  const types = new TypeOverrides()
  types.setTypeParser(INT8, toSafeInteger)
  const settings = '-c synchronous_commit=on -c lock_timeout=5000 -c statement_timeout=5000 -c jit=off'
  const open = (serverSettings: string): Kysely<Database> => {
    const pool = new Pool({
      connectionString: url,
      max: poolSize,
      types,
      options: serverSettings,
      connectionTimeoutMillis: 5_000,
      idle_in_transaction_session_timeout: 10_000,
      keepAlive: true,
      application_name: 'rollcall',
    })
    pool.on('error', onIdleError)
    // The pool listens to idle connections only. One that breaks while it is in use rejects its query; as an event that
    // nobody hears it would end the process besides.
    pool.on('connect', (client) => client.on('error', () => undefined))
    return new Kysely<Database>({ dialect: new PostgresDialect({ pool }), ...listening(options.onQuery) })
  }
  const writer = open(settings)
  const reader = open(`${settings} -c default_transaction_read_only=on`)
  return {
    writer,
    reader,
    async close() {
      await Promise.all([writer.destroy(), reader.destroy()])
    },
  }
}
