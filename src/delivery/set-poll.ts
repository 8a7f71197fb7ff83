import { isJsonObject, type Json } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { DeadLetter, PollState, SinkQueue, StoredSink } from '../domain/sink.ts'
import type { HeadWatch } from './head-watch.ts'
import { readTokenId, securityEventOf } from './security-event.ts'
import type { SignEvent } from './set-push.ts'
import { isWanted } from './sink-config.ts'

const MOST_EVENTS = 100
const WAIT_MS = 25_000
/** Records that are looked at beyond the first that is not acknowledged. */
const WINDOW = 2_000
const MOST_NAMED = 1_000
const MOST_RACES = 5

export interface PollParts {
  readonly queue: SinkQueue
  readonly records: RecordReads
  readonly sign: SignEvent
  readonly watch: HeadWatch
  readonly noteRead: (sink: StoredSink) => Promise<void>
  readonly now: () => number
}

/** What a receiver asks for (RFC 8936 §2.2). */
export interface PollRequest {
  readonly maxEvents: number
  readonly returnImmediately: boolean
  readonly ack: readonly string[]
  /** What it could not take, by `jti`, with the code it gives (RFC 8935 §2.4). */
  readonly errors: ReadonlyMap<string, string>
}

/** What it is answered (RFC 8936 §2.3). */
export interface PollAnswer {
  /** Tokens by `jti`. */
  readonly sets: Readonly<Record<string, string>>
  readonly moreAvailable: boolean
}

/** @returns undefined for what is no request of RFC 8936 */
export function readPollRequest(body: unknown): PollRequest | undefined {
  if (!isJsonObject(body)) return undefined
  const { maxEvents = MOST_EVENTS, returnImmediately = false, ack = [], setErrs = {} } = body
  if (!isCount(maxEvents)) return undefined
  if (typeof returnImmediately !== 'boolean' || !isTexts(ack) || !isJsonObject(setErrs)) return undefined
  const errors = Object.entries(setErrs).map(([jti, said]) => [jti, codeIn(said)] as const)
  if (ack.length + errors.length > MOST_NAMED) return undefined
  return { maxEvents: Math.min(maxEvents, MOST_EVENTS), returnImmediately, ack, errors: new Map(errors) }
}

function isCount(value: Json): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((one: Json) => typeof one === 'string')
}

/** The code alone: a description is free text of somebody else's. */
function codeIn(said: Json | undefined): string {
  const code = isJsonObject(said) ? said['err'] : undefined
  return typeof code === 'string' && /^[\w.-]{1,60}$/.test(code) ? code : 'unspecified'
}

/** Takes what a polling receiver acknowledges, and gives it what it does not have yet. */
export async function answerPoll(
  parts: PollParts,
  sink: StoredSink,
  asked: PollRequest,
  signal: AbortSignal,
): Promise<PollAnswer> {
  await parts.noteRead(sink)
  await acknowledge(parts, sink, asked)
  if (sink.state !== 'active') return { sets: {}, moreAvailable: false }
  if (asked.maxEvents === 0) return { sets: {}, moreAvailable: (await outstanding(parts, sink)).events.length > 0 }
  let found = await outstanding(parts, sink)
  const until = performance.now() + WAIT_MS
  while (found.events.length === 0 && !asked.returnImmediately) {
    const ms = until - performance.now()
    if (!(await parts.watch.past(sink.orgId, found.upTo, { ms, signal }))) break
    found = await outstanding(parts, sink)
  }
  const audience = sink.config['audience'] as string | undefined
  const sets: Record<string, string> = {}
  for (const { event } of found.events.slice(0, asked.maxEvents)) sets[event.jti] = await parts.sign(event, audience)
  return { sets, moreAvailable: found.more || found.events.length > asked.maxEvents }
}

interface Outstanding {
  readonly events: readonly { readonly event: NonNullable<ReturnType<typeof securityEventOf>> }[]
  /** The last record looked at. */
  readonly upTo: number
  readonly more: boolean
}

/** Tokens that were not acknowledged; what is none to this receiver is passed over for good. */
async function outstanding(parts: PollParts, sink: StoredSink): Promise<Outstanding> {
  const { records, queue } = parts
  const { orgId, id } = sink
  for (let races = 0; ;) {
    const state = await queue.pollState(orgId, id)
    const head = await records.head(orgId)
    if (state === undefined || head === undefined) return { events: [], upTo: 0, more: false }
    const page = await records.page(orgId, state.acked.seq, head.seq, WINDOW)
    const last = page.at(-1)
    const ahead = new Set(state.ahead)
    const events = page.flatMap((record) => {
      const event = ahead.has(record.seq) ? undefined : eventFor(sink, record)
      return event === undefined ? [] : [{ event }]
    })
    if (events.length > 0 || last === undefined) {
      return { events, upTo: last?.seq ?? head.seq, more: last !== undefined && last.seq < head.seq }
    }
    const after = { ...state, acked: { epoch: last.epoch, seq: last.seq }, ahead: [] }
    const moved = await queue.acknowledge(state, after, undefined, [])
    if (!moved && ++races > MOST_RACES) return { events: [], upTo: last.seq, more: last.seq < head.seq }
  }
}

function eventFor(sink: StoredSink, record: StoredRecord) {
  return isWanted(sink, record) ? securityEventOf({ record, pii: [] }) : undefined
}

/** Acknowledged in any order; the place moves behind the last of an unbroken row. */
async function acknowledge(parts: PollParts, sink: StoredSink, { ack, errors }: PollRequest): Promise<void> {
  const { queue, records, now } = parts
  const { orgId, id } = sink
  const named = [...ack, ...errors.keys()].map(readTokenId).filter((one) => one !== undefined)
  if (named.length === 0) return
  for (let races = 0; races < MOST_RACES; races++) {
    const state = await queue.pollState(orgId, id)
    if (state === undefined) return
    const page = await records.page(orgId, state.acked.seq, state.acked.seq + WINDOW, WINDOW)
    const bySeq = new Map(page.map((record) => [record.seq, record]))
    const fresh = named.filter(({ id: record, seq }) => bySeq.get(seq)?.id === record)
    if (fresh.length === 0) return
    const done = new Set([...state.ahead, ...fresh.map(({ seq }) => seq)])
    const dead = fresh.flatMap((one) => deadLetter(bySeq.get(one.seq)!, errors, now()))
    if (await queue.acknowledge(state, advanced(sink, state, page, done), now(), dead)) return
  }
}

function deadLetter(
  { id, epoch, seq }: StoredRecord,
  errors: PollRequest['errors'],
  at: number,
): readonly Omit<DeadLetter, 'again'>[] {
  const code = errors.get(`${id}.${seq}`)
  const error = `The receiver could not take it: ${code}`
  return code === undefined ? [] : [{ position: { epoch, seq }, status: undefined, error, at }]
}

function advanced(
  sink: StoredSink,
  state: PollState,
  page: readonly StoredRecord[],
  done: ReadonlySet<number>,
): PollState {
  let { acked } = state
  for (const record of page) {
    if (!done.has(record.seq) && eventFor(sink, record) !== undefined) break
    acked = { epoch: record.epoch, seq: record.seq }
  }
  return { ...state, acked, ahead: [...done].filter((seq) => seq > acked.seq).sort((a, b) => a - b) }
}
