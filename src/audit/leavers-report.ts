import type { AccessPeriod, StagedRemoval } from '../domain/history-ports.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { partsOf, type ReadRecord, recordPages } from './effect-walk.ts'
import { rangeFacts } from './grants-report.ts'
import { Names } from './report-names.ts'
import { type Column, type Report, REPORT_PAGE, type ReportRow } from './report.ts'
import type { Range } from './report-time.ts'

/** Which leavers, and how long a removal may take, milliseconds. */
export interface LeaversQuestion extends Range {
  readonly limitMs: number
}

const COLUMNS: readonly Column[] = [
  { name: 'user', label: 'Person, by id' },
  { name: 'userName', label: 'Person' },
  { name: 'action', label: 'Action' },
  { name: 'received', label: 'Received', kind: 'time' },
  { name: 'effective', label: 'Effective', kind: 'time' },
  { name: 'accessEnded', label: 'Last session and key ended', kind: 'time' },
  { name: 'latencyMs', label: 'Latency, ms', kind: 'number' },
  { name: 'breach', label: 'Over the limit' },
  { name: 'held', label: 'Was held' },
  { name: 'byName', label: 'By' },
  { name: 'request', label: 'Request' },
  { name: 'record', label: 'Record', kind: 'number' },
]

/**
 * Who lost their account in a time, and how long it took from when the removal was received: of one that was held for an
 * admin, from when it was first asked for. Sessions and keys end in the transaction of the removal, so the last of them
 * ended when it took effect.
 */
export function leaversReport(
  reads: Pick<ReadStores, 'history' | 'records'>,
  orgId: OrgId,
  { limitMs, ...range }: LeaversQuestion,
): Report {
  const latencies: number[] = []
  return {
    name: 'leavers',
    title: 'Leavers, and how fast they lost their access',
    facts: [...rangeFacts(range), { name: 'limitMs', label: 'Limit, ms', kind: 'number', value: limitMs }],
    columns: COLUMNS,
    async *rows() {
      for await (const page of recordPages(reads, orgId, range)) {
        for (const part of partsOf(leaversIn(page), REPORT_PAGE)) {
          const leavers = await withReceipt(reads, orgId, part)
          for (const { latencyMs } of leavers) latencies.push(latencyMs)
          yield await rowsOf(reads, orgId, leavers, limitMs)
        }
      }
    },
    summary: () => {
      const sorted = Float64Array.from(latencies).sort()
      return [
        { name: 'leavers', label: 'Leavers', kind: 'number', value: sorted.length },
        { name: 'p50Ms', label: 'Latency p50, ms', kind: 'number', value: quantile(sorted, 0.5) },
        { name: 'p95Ms', label: 'Latency p95, ms', kind: 'number', value: quantile(sorted, 0.95) },
        { name: 'maxMs', label: 'Latency max, ms', kind: 'number', value: quantile(sorted, 1) },
        {
          name: 'breaches',
          label: 'Over the limit',
          kind: 'number',
          value: latencies.filter((ms) => ms > limitMs).length,
        },
      ]
    },
  }
}

/** The smallest value that at least this share of all do not exceed; null of none. */
function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

interface Left extends ReadRecord {
  readonly user: UserId
}

interface Leaver extends Left {
  /** Epoch milliseconds. */
  readonly received: number
  readonly latencyMs: number
  readonly wasHeld: boolean
}

function* leaversIn(page: readonly ReadRecord[]): Generator<Left> {
  for (const read of page) {
    for (const effect of read.body.effects ?? []) {
      if (effect.kind !== 'active' || effect.new !== null) continue
      for (const user of effect.people) yield { ...read, user }
    }
  }
}

async function withReceipt(
  { history }: Pick<ReadStores, 'history'>,
  orgId: OrgId,
  part: readonly Left[],
): Promise<readonly Leaver[]> {
  const people = [...new Set(part.map(({ user }) => user))]
  const accounts = await history.endedAccounts(
    orgId,
    part.map(({ user, record }) => ({ user, seq: record.seq })),
  )
  const staged = await history.staged(orgId, people)
  return part.map((left) => {
    const asked = firstAsked(left, accounts.get(left.user) ?? [], staged)
    return receiptOf(left, asked)
  })
}

/** When the removal of this very account, since it last came to be, was first held. */
function firstAsked(
  { record, user }: Left,
  accounts: readonly AccessPeriod[],
  staged: readonly StagedRemoval[],
): StagedRemoval | undefined {
  const account = accounts.find(({ toSeq }) => toSeq === record.seq)
  const since = account?.fromSeq ?? 0
  return staged.find((one) => one.user === user && one.seq > since && one.seq < record.seq)
}

function receiptOf(left: Left, asked: StagedRemoval | undefined): Leaver {
  const { record, body } = left
  if (asked !== undefined) {
    return { ...left, received: asked.time, latencyMs: record.time - asked.time, wasHeld: true }
  }
  // The clock that only runs forward has measured it; the two times may be of two clocks.
  const latencyMs = Math.round((body.latencyUs ?? 0) / 1_000)
  return { ...left, received: Math.min(Date.parse(body.receivedAt), record.time), latencyMs, wasHeld: false }
}

async function rowsOf(
  { history }: Pick<ReadStores, 'history'>,
  orgId: OrgId,
  leavers: readonly Leaver[],
  limitMs: number,
): Promise<readonly ReportRow[]> {
  const names = await Names.read(
    history,
    orgId,
    leavers.flatMap(({ user, body }) => [user, body.actor.id]),
  )
  return leavers.map(({ record, body, user, received, latencyMs, wasHeld }) => [
    ...[user, names.of(user), body.action, received, record.time, record.time, latencyMs],
    ...[latencyMs > limitMs ? 'yes' : 'no', wasHeld ? 'yes' : 'no'],
    names.actor({ actorType: body.actor.type, actorId: body.actor.id }),
    ...[body.request?.id ?? null, record.seq],
  ])
}
