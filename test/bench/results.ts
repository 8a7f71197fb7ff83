import type { ChangeBytes } from './change-bytes.ts'
import type { ImportResult } from './import-people.ts'
import type { LargeAnswers } from './large-answers.ts'
import type { Latency, Load } from './measure.ts'
import type { OneOrgResult } from './one-org.ts'
import type { RuleChangeResult } from './rule-change.ts'
import type { Server } from './servers.ts'
import type { VerifyResult } from './verify-log.ts'

/** What one case took at one server. */
export interface CaseResult {
  readonly name: string
  readonly server: Server['name']
  readonly latency: Latency | undefined
  readonly load: Load | undefined
  /** Requests a second of each round's slice; what servers are compared by, since a machine is slower now and then. */
  readonly rounds?: readonly number[]
}

/** One directory's figures. Memory is MiB. */
export interface DirectoryResult {
  readonly users: number
  /** Sizes of the groups that members were added to. */
  readonly sized: readonly number[]
  readonly buildSeconds: number
  readonly memory: Readonly<Partial<Record<Server['name'], { readonly now: number; readonly peak: number }>>>
  /** Absent in runs that were narrowed to other cases. */
  readonly verify?: VerifyResult
  readonly large?: LargeAnswers
  /** Access of one person at an instant. */
  readonly accessAt?: Latency
  /** Absent in directories of more than 100,000 people. */
  readonly changeBytes?: readonly ChangeBytes[]
  /** On PostgreSQL. */
  readonly oneOrg?: OneOrgResult
  readonly cases: readonly CaseResult[]
}

/** A whole run, as it is kept in `accepted.json`. */
export interface RunResult {
  readonly node: string
  readonly cpus: number
  /** Absent for the embedded store. */
  readonly store?: 'postgres'
  readonly logLevel: string
  /** What each sync of a file took more than the machine's disk does, milliseconds. */
  readonly syncMs: number
  readonly directories: readonly DirectoryResult[]
  /** Absent where the run was narrowed to other cases. */
  readonly ruleChange?: RuleChangeResult
  readonly importing?: ImportResult
}

/** A case that takes longer than in the accepted run, or serves less. */
export interface Slower {
  readonly users: number
  readonly name: string
  readonly figure: string
  /** 1.2 is a fifth slower. */
  readonly times: number
}

const TOLERANCE = 1.15

/**
 * What got slower than in the accepted run by more than 15 %. Machines differ, so each of the gateway's figures is
 * first divided by the bare handler's of the same run: of the same case, or of its nearest kin.
 */
export function slowerThan(accepted: RunResult, now: RunResult): readonly Slower[] {
  const slower: Slower[] = []
  for (const directory of now.directories) {
    const before = accepted.directories.find(({ users }) => users === directory.users)
    if (before === undefined) continue
    for (const { name, server } of directory.cases) {
      if (server !== 'gateway') continue
      const p50 = relative(directory, name, 'p50') / relative(before, name, 'p50')
      const rate = relative(before, name, 'rate') / relative(directory, name, 'rate')
      if (p50 > TOLERANCE) slower.push({ users: directory.users, name, figure: 'p50', times: p50 })
      if (rate > TOLERANCE) slower.push({ users: directory.users, name, figure: 'requests/s', times: rate })
    }
  }
  return slower
}

type Figure = 'p50' | 'rate'

function relative(directory: DirectoryResult, name: string, figure: Figure): number {
  const of = (server: Server['name'], wanted: string): number => {
    const found = directory.cases.find((it) => it.name === wanted && it.server === server)
    return (figure === 'p50' ? found?.latency?.p50 : found?.load?.perSecond) ?? NaN
  }
  const kin = [
    name,
    /^(get|filter|group)/.test(name) ? 'get by id' : /^page/.test(name) ? 'page of 100, first' : 'create',
  ]
  // Where there is no bare handler, what a create takes without records is the measure of the machine.
  const units = [...kin.map((wanted) => of('bare', wanted)), of('unlogged', 'create')]
  const unit = units.find((value) => !Number.isNaN(value)) ?? NaN
  return of('gateway', name) / unit
}
