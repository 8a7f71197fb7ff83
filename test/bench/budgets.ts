import { median } from './measure.ts'
import type { CaseResult, DirectoryResult, RunResult } from './results.ts'
import type { RuleChangeResult } from './rule-change.ts'

/** One budget: a figure of this run and what it may be at most, or at least. */
export interface Budget {
  readonly what: string
  readonly value: number
  readonly limit: number
  readonly most: boolean
  readonly met: boolean
}

/** Cases that are asked of a gateway without records too. */
export const LOGGED: readonly string[] = [
  ...['create', 'patch active', 'add 1 member, 16 clients', 'create, 16 orgs', 'add 10000 members'],
]

type Find = (name: string, server?: CaseResult['server']) => CaseResult | undefined

/** The project's budgets: ratios within one run, since machines are shared, and a few absolute bounds. */
export function budgetsOf({ directories: results, ruleChange, store }: RunResult): readonly Budget[] {
  const last = results.at(-1)!
  const find: Find = (name, server = 'gateway') => last.cases.find((it) => it.name === name && it.server === server)
  return [
    ...againstBare(find),
    ...ofMembers(last, find),
    ...ofPages(find),
    ...ofMemory(last),
    ...ofLog(last, find, store === 'postgres' ? VERIFIED.postgres : VERIFIED.sqlite),
    ...ofOneWriter(find),
    ...ofChangeBytes(last),
    ...ofOneOrg(last),
    ...ofLargeAnswers(last),
    ...ofAccess(last),
    ...flat(results[0]!, last),
    ...ofRules(ruleChange),
  ].filter(({ value }) => !Number.isNaN(value))
}

function atMost(what: string, value: number, limit: number): Budget {
  return { what, value, limit, most: true, met: value <= limit }
}

function atLeast(what: string, value: number, limit: number): Budget {
  return { what, value, limit, most: false, met: value >= limit }
}

function againstBare(find: Find): readonly Budget[] {
  const wanted = [
    ['get by id', 0.7],
    ['filter userName eq', 0.7],
    ['page of 100, first', 0.7],
    ['create', 1],
    ['patch active', 1.5],
  ] as const
  return wanted.map(([name, limit]) =>
    atLeast(
      `${name}: requests/s of 16 clients, over the bare handler's`,
      besides(find(name), find(name, 'bare')),
      limit,
    ),
  )
}

/** Requests a second of one over those of the other: the middle one of the rounds, in which one followed the other. */
function besides(ours: CaseResult | undefined, theirs: CaseResult | undefined): number {
  const against = theirs?.rounds ?? []
  const ratios = (ours?.rounds ?? []).flatMap((rate, round) => {
    const other = against[round]
    return other === undefined ? [] : [rate / other]
  })
  return median(ratios)
}

function ofMembers({ sized }: DirectoryResult, find: Find): readonly Budget[] {
  const p50 = (name: string): number => find(name)?.latency?.p50 ?? NaN
  const [small, big] = [sized[0]!, sized.at(-1)!]
  const ratios = ['add 1 member to', 'remove 1 member of'].map((name) =>
    atMost(`${name} ${big}, over ${small} (p50)`, p50(`${name} ${big}`) / p50(`${name} ${small}`), 1.3),
  )
  const excluded = (size: number): number => p50(`group of ${size} without members`)
  return [
    ...ratios,
    atMost('add 100 members, over adding 1 (p50)', p50('add 100 members to 100') / p50('add 1 member to 100'), 20),
    atMost(`group of ${big} without members, over ${small} (p50)`, excluded(big) / excluded(small), 1.3),
    atMost(`group of ${big}: first byte, ms`, p50(`group of ${big}, first byte`), 50),
  ]
}

function ofPages(find: Find): readonly Budget[] {
  const p50 = (name: string): number => find(`page of 100, ${name}`)?.latency?.p50 ?? NaN
  return [
    atMost('last page by index, over the first (p50)', p50('last by index') / p50('first'), 5),
    atMost('deep page by cursor, over the second (p50)', p50('deep by cursor') / p50('second by cursor'), 1.3),
    atMost('Bulk of 1,000 creates, ms', find('bulk of 1000 creates')?.latency?.p50 ?? NaN, 2_000),
  ]
}

function ofMemory(last: DirectoryResult): readonly Budget[] {
  const holds = last.cases.flatMap(({ server, load }) => (server === 'gateway' && load ? [load.holdMs] : []))
  return [
    atMost('resident memory of the gateway at its highest, MiB', last.memory.gateway?.peak ?? NaN, 250),
    atMost('longest hold of the event loop under 16 clients, ms', holds.length > 0 ? Math.max(...holds) : NaN, 50),
  ]
}

function ofAccess({ accessAt }: DirectoryResult): readonly Budget[] {
  return accessAt === undefined ? [] : [atMost('access of one person at an instant, ms (p95)', accessAt.p95, 150)]
}

function ofLargeAnswers({ large }: DirectoryResult): readonly Budget[] {
  if (large === undefined) return []
  const { usersCsv, preview } = large
  const csv = atMost(`resident memory while ${usersCsv.rows} people are exported, MiB`, usersCsv.peakMiB, 250)
  if (preview === undefined) return [csv]
  return [
    csv,
    atMost(`resident memory while a rule for ${preview.touched} people is previewed, MiB`, preview.peakMiB, 250),
  ]
}

/** Records a second. */
const VERIFIED = { sqlite: 100_000, postgres: 40_000 } as const

/** One client, which waits for each answer. */
function ofOneWriter(find: Find): readonly Budget[] {
  const p50 = (name: string, server: CaseResult['server']): number => find(name, server)?.latency?.p50 ?? NaN
  const written = ['create', 'patch active'].map((name) =>
    atLeast(
      `${name}: requests/s of 1 client, over the same without records`,
      p50(name, 'unlogged') / p50(name, 'gateway'),
      0.7,
    ),
  )
  const many = 'add 10000 members'
  return [
    ...written,
    atMost(`${many}, over the same without records (p50)`, p50(many, 'gateway') / p50(many, 'unlogged'), 1.5),
  ]
}

/** Making a person is none of them: with it come the key and the first access. */
function ofChangeBytes({ changeBytes = [] }: DirectoryResult): readonly Budget[] {
  return changeBytes
    .filter(({ name }) => name !== 'create')
    .map(({ name, bytes }) => atMost(`${name}: bytes of the log, with all indexes`, bytes, 2_500))
}

function ofOneOrg({ oneOrg }: DirectoryResult): readonly Budget[] {
  if (oneOrg === undefined) return []
  const { oneProcess, twoProcesses, deadlocks } = oneOrg
  return [
    atLeast('16 writers of one org: changes/s', oneProcess.perSecond, 800),
    atMost('16 writers of one org: ms until durable (p99)', oneProcess.p99, 100),
    atMost('16 writers of one org by two processes: ms until durable (p99)', twoProcesses.p99, 100),
    atMost('16 writers of one org: deadlocks', deadlocks, 0),
  ]
}

/** The log's own. A command takes a second to start, so that few records say nothing of its speed. */
function ofLog({ verify }: DirectoryResult, find: Find, verified: number): readonly Budget[] {
  const written = LOGGED.map((name) =>
    atLeast(
      `${name}: requests/s of 16 clients, over the same without records`,
      besides(find(name), find(name, 'unlogged')),
      0.7,
    ),
  )
  if (verify === undefined) return written
  const speed = verify.records < 100_000 ? [] : [atLeast('records verified a second', verify.perSecond, verified)]
  return [...written, ...speed, atMost('resident memory of log verify at its highest, MiB', verify.peakMiB, 200)]
}

function ofRules(ruleChange: RuleChangeResult | undefined): readonly Budget[] {
  if (ruleChange === undefined) return []
  return [atMost(`a rule for ${ruleChange.people} people changed and applied, ms`, ruleChange.appliedMs, 10_000)]
}

/** Only when directories of several sizes were measured side by side. */
function flat(first: DirectoryResult, last: DirectoryResult): readonly Budget[] {
  if (first === last) return []
  return first.cases
    .filter(({ name, server }) => server === 'gateway' && /^(get|filter)/.test(name))
    .map(({ name, latency }) => {
      const there = last.cases.find((it) => it.name === name && it.server === 'gateway')
      const ratio = (there?.latency?.p50 ?? NaN) / (latency?.p50 ?? NaN)
      return atMost(`${name}: ${last.users} people, over ${first.users} (p50)`, ratio, 1.3)
    })
}
