import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { Database } from '../../db/schema.ts'
import { listening, type QueryListener } from './query-listener.ts'
import { isStalePlan } from './sql-errors.ts'
import { nameOf, renameAll } from './statement-names.ts'

/** PostgreSQL: two pools, so that writers waiting for an org's lock never keep readers from a connection. */
export interface PostgresConnections {
  readonly writer: Kysely<Database>
  readonly reader: Kysely<Database>
  close(): Promise<void>
}

const INT8 = 20

/**
 * What the server is asked for. Pages in no order cost what they do on a disk without heads: by the server's own default,
 * which is of 1996, the rows of one person in an org of ten thousand would be found by reading those of everybody.
 */
const SETTINGS = ['synchronous_commit=on', 'jit=off', 'random_page_cost=1.1']

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
  const settings = [...SETTINGS, 'lock_timeout=5000', 'statement_timeout=5000'].map((one) => `-c ${one}`).join(' ')
  const open = (serverSettings: string): Kysely<Database> =>
    new Kysely<Database>({
      dialect: new PostgresDialect({ pool: async () => preparing(await openPool(url, serverSettings, options)) }),
      ...listening(options.onQuery),
    })
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

async function openPool(url: string, serverSettings: string, options: PostgresOptions): Promise<Pool> {
  // Loaded here: the embedded store has no need of it.
  const { Pool, TypeOverrides } = await import('pg')
  const types = new TypeOverrides()
  types.setTypeParser(INT8, toSafeInteger)
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize,
    types,
    options: serverSettings,
    connectionTimeoutMillis: 5_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    // Statements are written as they come, without waiting for the answer to the one before.
    pipeline: true,
    application_name: 'rollcall',
  })
  pool.on('error', options.onIdleError)
  // The pool listens to idle connections only. One that breaks while it is in use rejects its query; as an event that
  // nobody hears it would end the process besides.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** The pool, whose clients keep statements prepared that have a name: planning one takes longer than running it. */
function preparing(pool: Pool): PostgresPool {
  const known = new WeakMap<PoolClient, PostgresPoolClient>()
  return {
    async connect() {
      const client = await pool.connect()
      const made = known.get(client) ?? preparingClient(client)
      known.set(client, made)
      return made
    },
    end: () => pool.end(),
  }
}

function preparingClient(client: PoolClient): PostgresPoolClient {
  const run = (text: string, values: readonly unknown[]) =>
    client.query({ name: nameOf(text), text, values: values as unknown[] })
  const query = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    try {
      return await run(text, values)
    } catch (error) {
      if (!isStalePlan(error)) throw error
      renameAll()
      // A transaction is lost with it, and is run again by whoever began it.
      if (client.getTransactionStatus() !== 'I') throw error
      return run(text, values)
    }
  }
  return { query: query as PostgresPoolClient['query'], release: () => client.release() }
}
