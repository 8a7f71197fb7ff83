/*
 * Proves the Dockerfile without a container engine: reads it and does its steps in a temporary folder, one subfolder a
 * stage, then starts its CMD as its USER would, waits for its HEALTHCHECK and stops it by its STOPSIGNAL.
 *
 * Not proved: the base image (this machine's Node stands in), and the apt-get lines (their tools must be on the PATH).
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, run, stop, until } from './process.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const AS_ROOT = process.getuid?.() === 0
/** Stands in for the image's user `node`, which this machine may not have. */
const NOBODY = 65534
const work = fs.mkdtempSync(join(tmpdir(), 'rollcall-image-'))
fs.chmodSync(work, 0o755)

const instructions = fs
  .readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => /^(\w+)\s+(.*)$/.exec(line))
  .map(([, name, rest]) => ({ name, rest }))

const stages = new Map()
let stage

const inStage = (path) => join(stage.root, isAbsolute(path) ? path : join(stage.workdir, path))

/** The build context: what git tracks or would, as far as .dockerignore (a list of exceptions to `*`) lets it in. */
function makeContext() {
  const context = join(work, 'context')
  const exceptions = fs
    .readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
  const roots = exceptions.map((line) => line.slice(1))
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
  for (const file of listed.split('\0').filter((name) => roots.includes(name.split('/')[0]))) {
    if (fs.existsSync(join(ROOT, file))) fs.cpSync(join(ROOT, file), join(context, file))
  }
  return context
}

const context = makeContext()

const steps = {
  FROM(rest) {
    const [, , alias = `stage${stages.size}`] = rest.split(/\s+/)
    stage = { root: join(work, alias), workdir: '/', env: {}, user: 'root' }
    fs.mkdirSync(stage.root)
    stages.set(alias, stage)
  },
  ENV(rest) {
    for (const [, key, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
  },
  WORKDIR(rest) {
    stage.workdir = rest
    fs.mkdirSync(inStage('.'), { recursive: true })
  },
  COPY(rest) {
    const from = /^--from=(\w+)\s+/.exec(rest)
    const parts = rest.replace(/^--\S+\s+/, '').split(/\s+/)
    const target = parts.pop()
    for (const source of parts) {
      const path = join(from ? stages.get(from[1]).root : context, source)
      const place = target.endsWith('/') ? join(inStage(target), basename(source)) : inStage(target)
      fs.cpSync(path, place, { recursive: true, verbatimSymlinks: true })
    }
  },
  async RUN(rest) {
    if (rest.startsWith('apt-get ')) return needTools(['python3', 'make', 'g++'])
    const owner = AS_ROOT ? `-o ${NOBODY} -g ${NOBODY}` : ''
    const command = rest.replace('-o node -g node', owner).replace(/(^|\s)(\/(?:app|data)\b)/g, `$1${stage.root}$2`)
    await run('sh', ['-c', command], { cwd: inStage('.'), env: { ...process.env, ...stage.env } })
  },
  USER(rest) {
    stage.user = rest
  },
  VOLUME() {},
  EXPOSE() {},
  STOPSIGNAL(rest) {
    if (rest !== 'SIGTERM') throw new Error('the gateway drains at SIGTERM')
  },
  HEALTHCHECK(rest) {
    stage.health = JSON.parse(rest.slice(rest.indexOf('[')))
  },
  CMD(rest) {
    stage.command = JSON.parse(rest)
  },
}

function needTools(names) {
  for (const name of names) {
    if (spawnSync(name, ['--version']).status !== 0) throw new Error(`${name}, which the image installs, is not here`)
  }
}

async function serve() {
  if (stage.user === 'root') throw new Error('the image runs as root')
  if (fs.existsSync(inStage('node_modules/typescript'))) throw new Error('the image holds development packages')
  const { PATH } = process.env
  const own = {
    PORT: String(await freePort()),
    PUBLIC_URL: 'https://rollcall.example.com',
    ROLLCALL_DATA_DIR: join(stage.root, 'data'),
  }
  const identity = AS_ROOT ? { uid: NOBODY, gid: NOBODY } : {}
  const options = { cwd: inStage('.'), env: { PATH, ...stage.env, ...own }, ...identity }
  const [command, ...args] = stage.command
  const gateway = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await until(() => spawnSync(stage.health[0], stage.health.slice(1), options).status === 0, gateway)
  } finally {
    await stop(gateway)
  }
}

try {
  for (const { name, rest } of instructions) {
    console.log(`${name} ${rest}`)
    if (!Object.hasOwn(steps, name)) throw new Error(`do not know how to prove ${name}`)
    const since = Date.now()
    await steps[name](rest)
    const seconds = Math.round((Date.now() - since) / 1000)
    if (seconds > 0) console.log(`    ${seconds} s`)
  }
  await serve()
  console.log('the Dockerfile builds a gateway that starts as a user without rights, answers its healthcheck and stops')
} finally {
  fs.rmSync(work, { recursive: true, force: true })
}
