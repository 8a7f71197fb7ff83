import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { runCommandLine } from '../../src/command-line.ts'
import { loadConfig, packageRoot } from '../../src/config.ts'
import { startedOf, startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { connect } from '../../src/opened-store.ts'
import { databaseFile } from '../../src/storage/store.ts'

/** How a command ended, with what it wrote. */
export interface CommandResult {
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

type Environment = Readonly<Record<string, string>>

const MAIN = join(packageRoot(), 'dist', 'src', 'main.js')

/**
 * Runs `rollcall …` to its end: within the test's own process, since starting Node takes longer than most commands do; a
 * server always in a process of its own. Progress goes to the test's own standard error.
 */
export async function runRollcall(args: readonly string[], env: Environment): Promise<CommandResult> {
  if (args[0] === 'serve') return runRollcallProcess(args, env)
  const texts = { stdout: '', stderr: '' }
  const out = (text: string): void => {
    texts.stdout += text
  }
  const status = await runCommandLine(args, {
    env,
    out,
    err(text) {
      texts.stderr += text
    },
    write: async (text) => out(text),
    serve: () => Promise.reject(new Error('A server needs a process of its own')),
  })
  return { status, ...texts }
}

/** A gateway that `rollcall serve` runs, in a process of its own or within the test's. */
export interface Served {
  /** Everything written to standard output and error so far. */
  readonly output: () => string
  /** Sends a signal and waits for the end. @returns the exit status, or the signal that ended it */
  readonly end: (signal: NodeJS.Signals) => Promise<number | string>
}

/**
 * Runs `rollcall serve` within the test's own process: everything of a start but the process around it, in a tenth of the
 * time. Any signal stops it, and is not answered as a process answers it (test/system/stop.test.ts is).
 *
 * @throws Error with what it wrote when it does not serve
 */
export async function serveHere(env: Environment): Promise<Served> {
  let text = ''
  const take = (more: string): void => {
    text += more
  }
  let end: () => void = () => undefined
  const told = new Promise<void>((resolve) => {
    end = resolve
  })
  let serving: () => void = () => undefined
  const served = new Promise<void>((resolve) => {
    serving = resolve
  })
  const exited = runCommandLine(['serve'], {
    ...{ env, out: take, err: take, write: async (piece) => take(piece) },
    async serve(config, show) {
      const gateway = await startGateway(config, createLogger(config.log.level))
      show(startedOf(gateway))
      serving()
      await told
      await gateway.stop()
    },
  })
  await Promise.race([served, exited.then((status) => Promise.reject(new Error(`ended with ${status}: ${text}`)))])
  return {
    output: () => text,
    end() {
      end()
      return exited
    },
  }
}

/** Runs `rollcall …` from the built tree to its end, as an operator does. */
export function runRollcallProcess(args: readonly string[], env: Environment): Promise<CommandResult> {
  return runProgram(process.execPath, [MAIN, ...args], env)
}

/** Runs a program to its end with nothing but the given environment and what finding programs needs. */
export function runProgram(program: string, args: readonly string[], env: Environment): Promise<CommandResult> {
  const { PATH = '', HOME = '' } = process.env
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        texts[name] += chunk
      })
    }
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ status: code ?? signal ?? 'unknown', ...texts })
    })
  })
}

/** Runs a command with `--json` that must go well. @returns its answer */
export async function askRollcall<T>(args: readonly string[], env: Environment): Promise<T> {
  const { status, stdout, stderr } = await runRollcall([...args, '--json'], env)
  if (status !== 0) throw new Error(`rollcall ${args.join(' ')} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as T
}

/** A record as `log tail --json` shows it. */
export interface ShownRecord {
  readonly seq: number
  readonly epoch: number
  readonly time: string
  readonly hash: string
  readonly record: {
    readonly action: string
    readonly actor: { readonly type: string; readonly id?: string }
    readonly targets: readonly { readonly type: string; readonly id: string }[]
  }
}

/** The newest 1,000 records of an org, oldest first. */
export async function recordsOf(env: Environment, org = 'default'): Promise<readonly ShownRecord[]> {
  const { status, stdout, stderr } = await runRollcall(['log', 'tail', '-n', '1000', '--json', '--org', org], env)
  if (status !== 0) throw new Error(`rollcall log tail ended with ${status}: ${stderr}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ShownRecord)
}

/** What an organisation's actions were, oldest first. */
export async function actionsOf(env: Environment, org = 'default'): Promise<readonly string[]> {
  return (await recordsOf(env, org)).map(({ record }) => record.action)
}

const TABLES = ['org', 'connection', 'connection_token', 'deployment', 'provisioning_event', 'org_chain'] as const

/** Changes with anything that is written: the bytes of an embedded file that nobody has open, or rows of PostgreSQL. */
export async function fingerprint(env: Environment): Promise<string> {
  if (env['DATABASE_URL'] === undefined) {
    return createHash('sha256')
      .update(readFileSync(databaseFile(env['ROLLCALL_DATA_DIR']!)))
      .digest('hex')
  }
  return withDatabase(env, async (db) => {
    const contents = []
    for (const table of [...TABLES, 'kysely_migration']) {
      const { rows } = await sql<{ text: string }>`
        select string_agg(t::text, '|' order by t::text) as text from ${sql.table(table)} t`.execute(db)
      contents.push(rows[0]?.text ?? '')
    }
    return contents.join('\n')
  })
}

/** The store's database, past all our own checks. */
export async function withDatabase<T>(
  env: Environment,
  run: (db: ReturnType<typeof connect>['writer']) => Promise<T>,
): Promise<T> {
  const connections = connect(loadConfig(env), () => undefined)
  try {
    return await run(connections.writer)
  } finally {
    await connections.close()
  }
}

/** The status of a list request with a bearer token. */
export async function statusOf(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, connection: 'close' }
  const answer = await fetch(`${url}/scim/v2/Users?count=1`, { headers })
  await answer.arrayBuffer()
  return answer.status
}

/** Waits until a condition holds. @throws Error with what it says after 20 s */
export async function until(holds: () => boolean | Promise<boolean>, otherwise: () => string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(otherwise())
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
