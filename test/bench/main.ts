/*
 * npm run bench [-- options]: builds a directory in an embedded store, serves it by the gateway and by a bare handler,
 * each a process of its own, and measures both over HTTP in turns, so that a busy machine slows both.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../src/config.ts'
import { measureAccessAt } from './access-at.ts'
import { budgetsOf, LOGGED } from './budgets.ts'
import { type Case, casesOf, createCounters, offeredCases } from './cases.ts'
import { measureChangeBytes } from './change-bytes.ts'
import { Connection, type Request } from './http-client.ts'
import { measureImport } from './import-people.ts'
import { type LargeAnswers, measureLargeAnswers } from './large-answers.ts'
import {
  askInTurns,
  type Asked,
  askTogether,
  latencyOf,
  type Load,
  median,
  type NextIndex,
  untilIdle,
} from './measure.ts'
import { reportText } from './report.ts'
import { measureOneOrg } from './one-org.ts'
import { measureRuleChange } from './rule-change.ts'
import { type CaseResult, type DirectoryResult, type RunResult, slowerThan } from './results.ts'
import type { Server } from './servers.ts'
import { type Bench, startBench } from './start-bench.ts'
import { measureVerify } from './verify-log.ts'

const ROUNDS = 5
const SAMPLES = 300
/** People for whom a rule is changed. */
const RULED_PEOPLE = 5_000
const RULE_CHANGE = 'rule change'
const VERIFY = 'log verify'
/** People of a CSV that is imported. */
const IMPORTED_PEOPLE = 10_000
const IMPORT = 'import of people'
const LARGE = 'large answers'
const CHANGE_BYTES = 'bytes of a change'
const ONE_ORG = 'one org'
/** People in the largest directory whose every page is looked at. */
const MOST_WEIGHED = 100_000
const ACCESS_AT = 'access at an instant'
const USAGE = `npm run bench -- [options]
  --users N[,N…]     people in the directory, or in several side by side (10000; at most 1000000)
  --seconds S        of 16 clients for each case, server and round (3)
  --postgres         in a PostgreSQL of the bench's own instead of the embedded store
  --sync-ms MS       each sync of a file takes so much longer, as on a disk over a network (0)
  --only TEXT[|TEXT] only cases whose name holds one of the texts
  --log-level LEVEL  the gateway's LOG_LEVEL (info)
  --main FILE        the built gateway to measure (dist/src/main.js)
  --dir DIR          build there and leave it; a later run with the same DIR does not build again
  --profile DIR      write a CPU profile of the gateway there
  --json FILE        write the figures there as well
  --accept           keep this run as the one that later runs are compared with`

const { values: options } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '3' },
    'sync-ms': { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
    'log-level': { type: 'string', default: 'info' },
    main: { type: 'string', default: join(packageRoot(), 'dist', 'src', 'main.js') },
    postgres: { type: 'boolean', default: false },
    dir: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'string' },
    accept: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const ACCEPTED = join(packageRoot(), 'test', 'bench', options.postgres ? 'accepted-postgres.json' : 'accepted.json')

interface Running {
  readonly users: number
  readonly bench: Bench
  readonly cases: readonly Case[]
}

/** What was seen of one case at one server, over all rounds. */
interface Seen {
  readonly times: number[]
  readonly loads: Load[]
}

async function main(): Promise<void> {
  const sizes = options.users.split(',').map(Number)
  if (!(Number(options['sync-ms']) >= 0)) throw new Error('--sync-ms wants a number of milliseconds')
  if (sizes.some((size) => !Number.isInteger(size) || size < 100 || size > 1_000_000)) {
    throw new Error('--users wants whole numbers from 100 to 1000000')
  }
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const running: Running[] = []
  try {
    for (const users of sizes) running.push(await run(join(dir, String(users)), users))
    const directories = await measure(running)
    const rule = isWanted(RULE_CHANGE)
      ? await measureRuleChange(mkdtempSync(join(dir, 'rules-')), RULED_PEOPLE)
      : undefined
    const importing = isWanted(IMPORT)
      ? await measureImport(options.main, mkdtempSync(join(dir, 'import-')), IMPORTED_PEOPLE)
      : undefined
    report({
      node: process.version,
      cpus: availableParallelism(),
      ...(options.postgres ? { store: 'postgres' as const } : {}),
      logLevel: options['log-level'],
      syncMs: Number(options['sync-ms']),
      directories,
      ...(rule === undefined ? {} : { ruleChange: rule }),
      ...(importing === undefined ? {} : { importing }),
    })
  } finally {
    for (const { bench } of running) await bench.stop()
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
  }
}

function isWanted(name: string): boolean {
  return options.only.split('|').some((text) => name.includes(text))
}

async function run(dir: string, users: number): Promise<Running> {
  say(`building a directory of ${users} people`)
  const nodeArgs = options.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', options.profile]
  const { main, 'log-level': logLevel, 'sync-ms': syncMs, postgres } = options
  const bench = await startBench({ dir, users, main, logLevel, nodeArgs, syncMs: Number(syncMs), postgres })
  const connection = new Connection(bench.gateway.port, bench.gateway.token)
  const offered = await offeredCases(bench.directory, (request: Request) => connection.send(request))
  connection.close()
  const cases = [...casesOf(bench.directory, bench.writers), ...offered].filter(({ name }) => isWanted(name))
  return { users, bench, cases }
}

async function measure(running: readonly Running[]): Promise<readonly DirectoryResult[]> {
  const seen = new Map<Case, Map<Server, Seen>>()
  const seenOf = (it: Case, server: Server): Seen => {
    const ofCase = seen.get(it) ?? new Map<Server, Seen>()
    seen.set(it, ofCase)
    const found = ofCase.get(server) ?? { times: [], loads: [] }
    ofCase.set(server, found)
    return found
  }
  const next = createCounters()
  // The first round warms both up: what it takes is not kept.
  for (let round = 0; round <= ROUNDS; round++) {
    say(round === 0 ? 'warming up' : `round ${round} of ${ROUNDS}`)
    for (const asked of inSeries(running)) {
      for (const { server } of asked) await untilIdle(server)
      const times = await askInTurns(asked, samplesInRound, next)
      if (round > 0) asked.forEach(({ it, server }, at) => seenOf(it, server).times.push(...times[at]!))
    }
    for (const { it, server } of askedOf(running)) {
      if (it.load !== true) continue
      await untilIdle(server)
      const load = await askTogether(server, it, Number(options.seconds), next)
      if (round > 0) seenOf(it, server).loads.push(load)
    }
  }
  const results: DirectoryResult[] = []
  for (const each of running) results.push(await resultsOf(each, seen, next))
  return results
}

async function resultsOf(
  { users, bench, cases }: Running,
  seen: ReadonlyMap<Case, ReadonlyMap<Server, Seen>>,
  next: NextIndex,
): Promise<DirectoryResult> {
  const { postgres } = bench
  return {
    users,
    sized: [...bench.directory.sized.keys()],
    buildSeconds: bench.buildSeconds,
    memory: Object.fromEntries(bench.servers.map((one) => [one.name, one.memory()])),
    ...(isWanted(VERIFY) ? { verify: await measureVerify(options.main, bench.env) } : {}),
    ...(isWanted(ACCESS_AT) ? { accessAt: await measureAccessAt(bench.gateway, bench.adminKey, bench.directory) } : {}),
    ...(isWanted(CHANGE_BYTES) && users <= MOST_WEIGHED
      ? { changeBytes: await measureChangeBytes(bench, casesOf(bench.directory, bench.writers), next) }
      : {}),
    ...(isWanted(ONE_ORG) && postgres !== undefined ? { oneOrg: await measureOneOrg(options.main, postgres) } : {}),
    ...(isWanted(LARGE) ? { large: await largeAnswersOf(bench) } : {}),
    cases: cases.flatMap((it) => [...(seen.get(it) ?? [])].map(([server, found]) => resultOf(it, server, found))),
  }
}

/** The gateway that answered the cases is stopped for it: what they left in its memory would count. */
async function largeAnswersOf(bench: Bench): Promise<LargeAnswers> {
  say('asking for lists of everybody')
  const server = await bench.serveAnew()
  try {
    return await measureLargeAnswers(server, bench.adminKey, bench.directory)
  } finally {
    await server.stop()
  }
}

function samplesInRound({ samples = SAMPLES }: Case): number {
  return Math.ceil(samples / ROUNDS)
}

/** What is asked in turns: the cases of a series, at every server and of every directory. */
function inSeries(running: readonly Running[]): readonly (readonly Asked[])[] {
  const series = new Map<string, Asked[]>()
  for (const asked of askedOf(running)) {
    const name = asked.it.series ?? asked.it.name
    series.set(name, [...(series.get(name) ?? []), asked])
  }
  return [...series.values()]
}

/** Each case at each server that answers it; the same case of several directories one after the other. */
function* askedOf(running: readonly Running[]): Generator<Asked> {
  const names = new Set(running.flatMap(({ cases }) => cases.map(({ name }) => name)))
  for (const name of names) {
    for (const { bench, cases } of running) {
      const it = cases.find((one) => one.name === name)
      if (it === undefined) continue
      yield { it, server: bench.gateway }
      if (it.both === true && bench.bare !== undefined) yield { it, server: bench.bare }
      if (LOGGED.includes(name) && bench.unlogged !== undefined) yield { it, server: bench.unlogged }
    }
  }
}

function resultOf(it: Case, server: Server, { times, loads }: Seen): CaseResult {
  const middle = (figure: (load: Load) => number): number => median(loads.map(figure))
  return {
    name: it.name,
    server: server.name,
    latency: times.length === 0 ? undefined : latencyOf(times),
    load:
      loads.length === 0
        ? undefined
        : {
            perSecond: middle((load) => load.perSecond),
            p50: middle((load) => load.p50),
            p99: middle((load) => load.p99),
            cpuMs: middle((load) => load.cpuMs),
            livezMs: Math.max(...loads.map((load) => load.livezMs)),
            holdMs: Math.max(...loads.map((load) => load.holdMs)),
          },
    ...(loads.length === 0 ? {} : { rounds: loads.map((load) => Math.round(load.perSecond)) }),
  }
}

function report(result: RunResult): void {
  const accepted = existsSync(ACCEPTED) ? (JSON.parse(readFileSync(ACCEPTED, 'utf8')) as RunResult) : undefined
  const budgets = budgetsOf(result)
  const slower = accepted && slowerThan(accepted, result)
  process.stdout.write(`${reportText(result, budgets, slower)}\n`)
  const { json } = options
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...result, budgets, slower }, undefined, 2)}\n`)
  if (options.accept) writeFileSync(ACCEPTED, acceptedText(result))
}

/** As the formatter of the checkout wants it: short lists of numbers on one line. */
function acceptedText(result: RunResult): string {
  const text = JSON.stringify(result, rounded, 2)
  return `${text.replace(/\[\s+([\d,\s]+?)\s+\]/g, (_all, list: string) => `[${list.split(/,\s*/).join(', ')}]`)}\n`
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value
}

function say(message: string): void {
  process.stderr.write(`bench: ${message}\n`)
}

if (options.help) process.stdout.write(`${USAGE}\n`)
else await main()
