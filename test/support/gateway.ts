import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Dialect } from '../../db/dialect.ts'
import { loadConfig, packageRoot } from '../../src/config.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { freshLocation, migratedLocation } from './databases.ts'
import { freePort } from './postgres.ts'

/** The environment of a fresh gateway of a dialect: a store of its own, a free port, a bootstrap token. */
export interface GatewayEnvironment {
  readonly env: Readonly<Record<string, string>>
  readonly token: string
  /** Where it will answer: `http://127.0.0.1:<port>`. */
  readonly url: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
}

export async function gatewayEnvironment(
  dialect: Dialect,
  more: Readonly<Record<string, string>> = {},
): Promise<GatewayEnvironment> {
  // PostgreSQL is migrated by a command, the embedded store by the server itself.
  const { dataDir, databaseUrl } = await (dialect === 'postgres' ? migratedLocation : freshLocation)(dialect)
  const token = `bootstrap-${randomBytes(24).toString('hex')}`
  const port = await freePort()
  const env = {
    PORT: String(port),
    ROLLCALL_DATA_DIR: dataDir,
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
    LOG_LEVEL: 'silent',
    ...(databaseUrl === undefined
      ? {}
      : { DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex') }),
    ...more,
  }
  return { env, token, url: `http://127.0.0.1:${port}`, dataDir, databaseUrl }
}

/** A gateway within the test's own process, over real HTTP and a real store. */
export interface TestGateway {
  readonly gateway: Gateway
  /** SCIM base URL: `http://127.0.0.1:<port>/scim/v2`. */
  readonly base: string
  readonly url: string
  /** Bearer token of the connection `default` of the org `default`. */
  readonly token: string
  readonly env: Readonly<Record<string, string>>
  readonly dataDir: string
  stop(): Promise<void>
}

export async function startTestGateway(
  dialect: Dialect,
  more: Readonly<Record<string, string>> = {},
): Promise<TestGateway> {
  const { env, token, url, dataDir } = await gatewayEnvironment(dialect, more)
  const gateway = await startGateway(loadConfig(env), createLogger('silent'))
  return {
    gateway,
    base: `${url}/scim/v2`,
    url,
    token,
    env,
    dataDir,
    async stop() {
      await gateway.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A gateway in a process of its own, from the built tree, as an operator runs it. */
export interface GatewayProcess {
  readonly child: ChildProcess
  /** Everything written to standard output and error so far. */
  readonly output: () => string
  /** Sends a signal and waits for the end. @returns the exit code, or the signal that ended it */
  readonly end: (signal: NodeJS.Signals) => Promise<number | string>
  exited: Promise<number | string>
}

const MAIN = join(packageRoot(), 'dist', 'src', 'main.js')

/** Runs `rollcall …` from the built tree (`npm run build`). */
export function spawnRollcall(args: readonly string[], env: Readonly<Record<string, string>>): GatewayProcess {
  if (!existsSync(MAIN)) throw new Error('The tree is not built; run: npm run build')
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
    })
  }
  const exited = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? 'unknown')
    })
  })
  return {
    child,
    output: () => text,
    exited,
    end(signal) {
      child.kill(signal)
      return exited
    },
  }
}

/** Starts `rollcall serve` in a process of its own and waits until it is ready. */
export async function serveProcess(environment: GatewayEnvironment): Promise<GatewayProcess> {
  const running = spawnRollcall(['serve'], environment.env)
  const deadline = Date.now() + 20_000
  for (;;) {
    // A connection held idle would make every stop of that process a second longer.
    const answer = await fetch(`${environment.url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined)
    if (answer?.status === 200) return running
    if (running.child.exitCode !== null || Date.now() > deadline) {
      await running.end('SIGKILL')
      throw new Error(`The gateway did not become ready: ${running.output()}`)
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
