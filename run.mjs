/*
 * The commands behind package.json's scripts. Needs nothing but Node, so that `npm start` and `npm test` work on a fresh
 * clone: each installs and builds what is missing, then runs; what is up to date is skipped.
 *
 *   node run.mjs start [arguments of rollcall serve]
 *   node run.mjs test [arguments of mocha; with files named, only those]
 *   node run.mjs check | deps | install | build | config-example
 *   node run.mjs conformance -- --url URL --token TOKEN
 *   node run.mjs bench -- --help
 *   node run.mjs conformance-ci sqlite|postgres
 */

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(fileURLToPath(import.meta.url))
const MAIN = join('dist', 'src', 'main.js')
const BUILD_INPUTS = ['src', 'db', 'conformance', 'tsconfig.json', 'tsconfig.build.json', 'package.json']
const INSTALL_STAMP = join(ROOT, 'node_modules', '.rollcall-installed')
const BUILD_STAMP = join(ROOT, 'dist', '.built')
/** dependency-cruiser can read nothing and report success; below this many files of ours its answer means nothing. */
const FEWEST_MODULES = 60
/** All of them share one PostgreSQL of 200 connections, and disks are not faster by there being more processors. */
const MOST_TEST_PROCESSES = 4
/** First of all, so that all processes end together: these start gateways in processes of their own. */
const LONG_TESTS = ['start', 'system']
const WINDOWS = process.platform === 'win32'

class Stop extends Error {
  constructor(message, status = 1) {
    super(message)
    this.status = status
  }
}

const say = (message) => process.stderr.write(`rollcall: ${message}\n`)
const bin = (pkg, file) => join('node_modules', pkg, file)

/** Runs to the end with our input and output; answers whether it went well. */
function run(command, args, env = process.env) {
  const done = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit', shell: WINDOWS && command === 'npm' })
  return done.status === 0
}

function sha256(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}

const stampIs = (file, stamp) => fs.existsSync(file) && fs.readFileSync(file, 'utf8') === stamp

// --- install ---------------------------------------------------------------------------------------------------------

function assertNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const good = major >= 24 || (major === 22 && minor >= 13) || (major === 20 && minor >= 19)
  if (!good)
    throw new Stop(`Node ${process.versions.node} is too old or unsupported: install Node 20.19, 22.13, 24 or newer.`)
}

const bindingLoads = () =>
  spawnSync(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:').close()"], { cwd: ROOT }).status === 0

/** What node-gyp needs to compile SQLite and this machine does not have. */
function missingBuildTools() {
  if (WINDOWS) return []
  const has = (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0
  const kinds = [
    ['python3', 'python'],
    ['make', 'gmake'],
    ['c++', 'g++', 'clang++'],
  ]
  return kinds.filter((names) => !names.some(has)).map(([name]) => name)
}

function installHint() {
  const missing = missingBuildTools()
  const cause = missing.length > 0 ? `this machine lacks ${missing.join(', ')}` : 'its output above says why'
  return `${cause}. better-sqlite3 compiles SQLite: it needs Python 3, make and a C++ compiler (Debian and Ubuntu: apt-get install python3 make g++; macOS: xcode-select --install).`
}

function ensureInstalled() {
  assertNode()
  const lock = fs.readFileSync(join(ROOT, 'package-lock.json'))
  const stamp = sha256(lock, process.version, process.platform, process.arch)
  if (stampIs(INSTALL_STAMP, stamp)) return
  // npm ci empties the folder it finds, and follows a link to do so: the packages of another checkout would be gone.
  if (fs.lstatSync(join(ROOT, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Stop('node_modules is a link to a folder elsewhere: npm ci would empty that one. Remove the link')
  }
  say('installing packages (npm ci; about a minute, most of it compiling SQLite)')
  // node-gyp compiles with one processor unless it is told.
  const env = { JOBS: 'max', ...process.env }
  if (!run('npm', ['ci', '--no-audit', '--no-fund'], env)) throw new Stop(`npm ci failed: ${installHint()}`)
  if (!bindingLoads()) {
    say('the SQLite binding does not load; compiling it again')
    if (!run('npm', ['rebuild', 'better-sqlite3']) || !bindingLoads()) {
      throw new Stop(`better-sqlite3 was not built: ${installHint()}`)
    }
  }
  fs.writeFileSync(INSTALL_STAMP, stamp)
}

// --- build -----------------------------------------------------------------------------------------------------------

function filesUnder(path) {
  if (!fs.statSync(path).isDirectory()) return [path]
  const entries = fs.readdirSync(path, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

function buildStamp() {
  const files = BUILD_INPUTS.map((name) => join(ROOT, name))
    .filter((path) => fs.existsSync(path))
    .flatMap(filesUnder)
    .sort()
  return sha256(process.version, ...files.flatMap((file) => [relative(ROOT, file), fs.readFileSync(file)]))
}

function ensureBuilt() {
  ensureInstalled()
  const stamp = buildStamp()
  if (!stampIs(BUILD_STAMP, stamp)) {
    say('building (tsc)')
    fs.rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
    const built = run(process.execPath, [bin('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json'])
    if (!built) throw new Stop('the build failed: tsc lists the reasons above.')
    if (!fs.existsSync(join(ROOT, MAIN))) throw new Stop(`the build made no ${MAIN}.`)
    fs.chmodSync(join(ROOT, MAIN), 0o755)
    fs.writeFileSync(BUILD_STAMP, stamp)
  }
  linkCommand()
}

/** Puts `rollcall` where npx looks first, as npm does for the commands of installed packages. */
function linkCommand() {
  const link = join(ROOT, 'node_modules', '.bin', WINDOWS ? 'rollcall.cmd' : 'rollcall')
  if (fs.existsSync(link)) return
  fs.rmSync(link, { force: true })
  if (WINDOWS) fs.writeFileSync(link, `@node "%~dp0\\..\\..\\dist\\src\\main.js" %*\r\n`)
  else fs.symlinkSync(join('..', '..', MAIN), link)
}

// --- run -------------------------------------------------------------------------------------------------------------

/**
 * Runs in the foreground: signals go to the child, its exit status becomes ours. A terminal sends Ctrl-C to both of us;
 * passing it on as well would make it look like an impatient second one.
 */
function become(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: 'inherit', ...options })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  stopWithNpm(child)
  child.on('error', (error) => {
    say(error.message)
    process.exitCode = 1
  })
  child.on('exit', (status, signal) => {
    process.exitCode = status ?? 128 + (constants.signals[signal] ?? 0)
  })
}

/** npm passes a signal to the shell between us and it, which dies of it silently: told by our having another parent. */
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined || WINDOWS) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 100).unref()
}

function start(args) {
  ensureBuilt()
  become([join(ROOT, MAIN), 'serve', ...args])
}

function conformance(args) {
  ensureBuilt()
  become([join(ROOT, 'dist', 'conformance', 'main.js'), ...args.filter((arg) => arg !== '--')])
}

function test(args) {
  ensureBuilt()
  const named = args.some((arg) => /\.ts$/.test(arg))
  const mocha = [bin('mocha', 'bin/mocha.js'), '--reporter', './test/support/reporter.cjs']
  become([...mocha, ...args, ...(named ? [] : everyTest())], { cwd: ROOT })
}

/** All files in one process more than there are processors, since tests wait as well: for disks, timers, other processes. */
function everyTest() {
  const jobs = Math.min(availableParallelism() + 1, MOST_TEST_PROCESSES)
  const files = fs.readdirSync(join(ROOT, 'test'), { recursive: true }).filter((name) => name.endsWith('.test.ts'))
  const rank = (name) => (LONG_TESTS.includes(name.split(sep)[0]) ? 0 : 1)
  files.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  return ['--parallel', '--jobs', String(jobs), ...files.map((name) => join('test', name))]
}

function bench(args) {
  ensureBuilt()
  become(['--import', 'tsx', join('test', 'bench', 'main.ts'), ...args.filter((arg) => arg !== '--')], { cwd: ROOT })
}

function configExample() {
  ensureBuilt()
  const script = "process.stdout.write((await import('./dist/src/config-text.js')).exampleEnv())"
  const made = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' })
  if (made.status !== 0) throw new Stop(made.stderr)
  fs.writeFileSync(join(ROOT, 'config', 'example.env'), made.stdout)
}

// --- check -----------------------------------------------------------------------------------------------------------

/** Runs a tool of ours with its output kept, so that several run side by side and report one after another. */
function capture(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (status) => resolve({ ok: status === 0, output }))
  })
}

async function checkDirections() {
  const folders = ['src', 'db', 'conformance', 'test']
  const cruise = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders]
  const { output } = await capture([bin('dependency-cruiser', 'bin/dependency-cruise.mjs'), ...cruise])
  let report
  try {
    report = JSON.parse(output)
  } catch {
    return { ok: false, output }
  }
  const read = report.modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`))).length
  const broken = report.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)
  if (read < FEWEST_MODULES) broken.push(`only ${read} files were read, expected at least ${FEWEST_MODULES}`)
  return { ok: broken.length === 0, output: [...broken, `${read} files read`].join('\n') }
}

const CHECKS = [
  ['types', () => capture([bin('typescript', 'bin/tsc'), '--noEmit'])],
  ['lint', () => capture([bin('eslint', 'bin/eslint.js'), '--max-warnings', '0', '.'])],
  ['format', () => capture([bin('prettier', 'bin/prettier.cjs'), '--check', '.'])],
  ['directions', checkDirections],
]

async function report(checks) {
  const failed = []
  const waiting = [...checks]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, check] = next
      const { ok, output } = await check()
      if (!ok) failed.push(name)
      process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name}\n${ok ? '' : `${output.trimEnd()}\n\n`}`)
    }
  }
  await Promise.all([worker(), worker()])
  if (failed.length > 0) throw new Stop(`failed: ${failed.join(', ')}`)
}

async function check() {
  ensureInstalled()
  await report(CHECKS)
}

async function deps() {
  ensureInstalled()
  await report(CHECKS.filter(([name]) => name === 'directions'))
}

// --- commands --------------------------------------------------------------------------------------------------------

const COMMANDS = {
  start,
  test,
  check,
  deps,
  install: ensureInstalled,
  build: ensureBuilt,
  conformance,
  bench,
  'conformance-ci': (args) => {
    ensureBuilt()
    become([join(ROOT, '.ci', 'conformance.mjs'), ...args])
  },
  'config-example': configExample,
}

const [name = '', ...args] = process.argv.slice(2)
try {
  if (!Object.hasOwn(COMMANDS, name))
    throw new Stop(`unknown command "${name}"; known: ${Object.keys(COMMANDS).join(', ')}`)
  await COMMANDS[name](args)
} catch (error) {
  if (!(error instanceof Stop)) throw error
  say(error.message)
  process.exitCode = error.status
}
