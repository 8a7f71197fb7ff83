import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Directory } from './directory.ts'
import { keptDirectory } from './kept-directory.ts'
import { type PostgresStores, restoreToPostgres } from './postgres-stores.ts'
import { type Server, startServer } from './servers.ts'
import { makeWriters } from './writers.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** The servers of one directory. */
export interface Bench {
  readonly gateway: Server
  /** Absent on PostgreSQL: it is written for the embedded store. */
  readonly bare: Server | undefined
  /** Absent beside directories that are too large to be copied. */
  readonly unlogged: Server | undefined
  /** Every server. */
  readonly servers: readonly Server[]
  /** What commands of the gateway's store are run with. */
  readonly env: Readonly<Record<string, string>>
  /** Key of the admin API. */
  readonly adminKey: string
  /** Tokens of orgs beside the directory's. */
  readonly writers: readonly string[]
  /** Stops the gateway, if it runs, and serves its store by a process that did nothing yet. */
  serveAnew(): Promise<Server>
  readonly directory: Directory
  readonly buildSeconds: number
  /** Where the store is, if it is not the embedded one. */
  readonly postgres: PostgresStores | undefined
  stop(): Promise<void>
}

export interface BenchOptions {
  readonly dir: string
  readonly users: number
  /** The built gateway: `dist/src/main.js`. */
  readonly main: string
  readonly logLevel: string
  /** Arguments of Node for the gateway, such as `--cpu-prof`. */
  readonly nodeArgs: readonly string[]
  /** What each sync of a file takes more than this machine's disk does, milliseconds. */
  readonly syncMs: number
  /** Whether the directory is to be in PostgreSQL. */
  readonly postgres: boolean
}

/** People in the largest directory that is copied for a gateway without records. */
const MOST_COPIED = 100_000

/** A directory of that many people in stores of their own, each served by a process of its own. */
export async function startBench(options: BenchOptions): Promise<Bench> {
  const built = await buildStore(options)
  const { env, token } = built
  const postgres = options.postgres ? await restoreToPostgres(options.main, options.dir, env) : undefined
  const isCopied = options.users <= MOST_COPIED
  const unloggedDir = join(options.dir, 'unlogged')
  rmSync(unloggedDir, { recursive: true, force: true })
  if (isCopied && postgres === undefined) cpSync(built.dataDir, unloggedDir, { recursive: true })
  const disk = options.syncMs === 0 ? {} : slowDisk(options.dir, options.syncMs)
  Object.assign(env, disk, postgres === undefined ? {} : { DATABASE_URL: postgres.gateway })
  const serve = (nodeArgs: readonly string[]): Promise<Server> =>
    serveGateway({ main: options.main, token, env, nodeArgs })
  const gateway = await serve(options.nodeArgs)
  const bare = postgres === undefined ? await serveBare(options.dir, built, disk) : undefined
  const unlogged = isCopied
    ? await startServer({
        name: 'unlogged',
        token,
        args: ['--import', join(HERE, 'unlogged.mjs'), options.main, 'serve'],
        env: {
          ...env,
          ROLLCALL_DATA_DIR: unloggedDir,
          BENCH_CHAIN_WRITER: chainWriterOf(options.main),
          ...(postgres === undefined ? {} : { DATABASE_URL: postgres.unlogged }),
        },
      })
    : undefined
  const servers = [gateway, bare, unlogged].filter((server) => server !== undefined)
  const { adminKey, writers, directory, buildSeconds } = built
  return {
    ...{ gateway, bare, unlogged, servers, env, adminKey, writers, directory, buildSeconds, postgres },
    async serveAnew() {
      await gateway.stop()
      return serve([])
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
      await postgres?.cluster.remove()
    },
  }
}

interface BuiltStore {
  readonly dataDir: string
  readonly token: string
  readonly env: Record<string, string>
  readonly adminKey: string
  readonly writers: readonly string[]
  readonly directory: Directory
  readonly buildSeconds: number
}

/** An embedded store with the directory in it, which nothing serves. */
async function buildStore({ dir, users, main, logLevel }: BenchOptions): Promise<BuiltStore> {
  const adminKey = `bench-${randomBytes(24).toString('hex')}`
  const dataDir = join(dir, 'gateway')
  const kept = keptDirectory(dir, users)
  const { token, masterKey } = kept
  const env = {
    ROLLCALL_DATA_DIR: dataDir,
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
    ROLLCALL_BOOTSTRAP_ADMIN_KEY: adminKey,
    ROLLCALL_MASTER_KEY: masterKey.toString('hex'),
    LOG_LEVEL: logLevel,
  }
  // Makes the store, or brings one that an earlier build made up to date.
  const first = await serveGateway({ main, token, env, nodeArgs: [] })
  const writers = await kept.writers(() => makeWriters(first, adminKey))
  await first.stop()
  const started = performance.now()
  const directory = kept.fill(dataDir)
  return { dataDir, token, env, adminKey, writers, directory, buildSeconds: (performance.now() - started) / 1_000 }
}

interface Serving {
  readonly main: string
  readonly token: string
  readonly env: Readonly<Record<string, string>>
  readonly nodeArgs: readonly string[]
}

function serveGateway({ main, token, env, nodeArgs }: Serving): Promise<Server> {
  return startServer({ name: 'gateway', token, args: [...nodeArgs, main, 'serve'], env })
}

function serveBare(
  dir: string,
  { dataDir, token }: BuiltStore,
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const file = join(dir, 'bare', 'rollcall.db')
  mkdirSync(join(dir, 'bare'), { recursive: true })
  if (!existsSync(file)) cpSync(join(dataDir, 'rollcall.db'), file)
  return startServer({ name: 'bare', token, args: ['--import', 'tsx', join(HERE, 'bare.ts'), file], env })
}

/** The module of the build whose records are left out. */
function chainWriterOf(main: string): string {
  return join(dirname(main), 'storage', 'chain-writer.js')
}

/** The environment in which a process waits at each sync of a file. Wants a C compiler. */
function slowDisk(dir: string, syncMs: number): Readonly<Record<string, string>> {
  const library = join(dir, 'slow-sync.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, join(HERE, 'slow-sync.c'), '-ldl'], {
    stdio: 'inherit',
  })
  return { LD_PRELOAD: library, BENCH_SYNC_MS: String(syncMs) }
}
