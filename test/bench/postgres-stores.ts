import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { type OwnCluster, startCluster } from '../support/postgres.ts'
import { runCommand } from './command.ts'

type Environment = Readonly<Record<string, string>>

/** The directory in a PostgreSQL of the bench's own, which waits for its disk as a server of people's own does. */
export interface PostgresStores {
  readonly cluster: OwnCluster
  /** Addresses of the gateway's database, and of the same for a gateway that leaves no records. */
  readonly gateway: string
  readonly unlogged: string
}

/**
 * Puts the embedded store that `env` names into PostgreSQL, by the gateway's own backup and restore.
 * @param main the built gateway
 * @param dir where the two files of the backup are for so long
 */
export async function restoreToPostgres(main: string, dir: string, env: Environment): Promise<PostgresStores> {
  const cluster = await startCluster()
  try {
    const [store, keys] = [join(dir, 'bench.backup'), join(dir, 'bench.keys')]
    const dropFiles = (): void => {
      for (const file of [store, keys]) rmSync(file, { force: true })
    }
    dropFiles()
    const [gateway, unlogged] = [cluster.url('gateway'), cluster.url('unlogged')]
    await asked(cluster.url('postgres'), 'CREATE DATABASE gateway')
    await runCommand(main, ['backup', store, '--keys', keys], env)
    await runCommand(main, ['restore', store, '--keys', keys], { ...env, DATABASE_URL: gateway })
    dropFiles()
    await asked(gateway, 'VACUUM ANALYZE')
    await asked(cluster.url('postgres'), 'CREATE DATABASE unlogged TEMPLATE gateway')
    return { cluster, gateway, unlogged }
  } catch (error) {
    await cluster.remove()
    throw error
  }
}

/** The rows of one statement, over a connection of its own. */
export async function asked<Row extends object>(url: string, statement: string): Promise<readonly Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}
