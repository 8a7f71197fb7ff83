import type { AccessPeriod, HeldKind, HistoryReads } from '../domain/history-ports.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import { unknownPerson } from '../domain/record.ts'
import type { ReplayReads, SeqRange } from '../domain/replay-ports.ts'
import { type HeldDigest, heldDigest } from './held-digest.ts'
import { pagesOf } from './log-query.ts'
import type { ReplayFinding } from './replay-finding.ts'
import { checkPeople } from './replay-people.ts'
import { isCommitted, type ValueOpener } from './opened-values.ts'
import type { PiiTriple } from './commitment.ts'
import type { ReadBody } from './effect-walk.ts'

export interface ReplayReport {
  /** Records replayed. */
  readonly records: number
  /** Changes of access that they made. */
  readonly changes: number
  /** Personal values that were opened and are those that were committed to. */
  readonly values: number
  /** People whose rows are what was last said of them. */
  readonly people: number
  readonly finding: ReplayFinding | undefined
}

export interface ReplayParts {
  readonly records: RecordReads
  readonly replay: ReplayReads
  readonly values: ValueOpener
  /** Of a log that was purged: what everybody held where it begins, as the record of the purge says. */
  readonly begun?: { readonly held: HeldDigest; readonly history: Pick<HistoryReads, 'heldAt'> } | undefined
  readonly onPage?: (records: number) => void
}

interface Replaying extends ReplayParts {
  readonly orgId: OrgId
  readonly erased: ReadonlySet<string>
  readonly done: { records: number; values: number; targets: number; begun: number; ended: number }
}

/**
 * Makes anew, from the bodies alone, what is kept beside an org's log: under which ids records are found, the personal
 * values that open, and who held what from which record to which. Each is compared with what is kept, what is held today
 * with the tables that say so, and the last values of each person with their row. For a log that verifies: its bodies are taken for true.
 * @param range (after, upTo]; up to the head that was verified
 */
export async function replayLog(parts: ReplayParts, orgId: OrgId, range: SeqRange): Promise<ReplayReport> {
  const done = { records: 0, values: 0, targets: 0, begun: 0, ended: 0 }
  const replaying: Replaying = { ...parts, orgId, done, erased: await parts.replay.erased(orgId) }
  let finding = await checkBeginning(parts, orgId, range)
  if (finding !== undefined) return { records: 0, changes: 0, values: 0, people: 0, finding }
  for await (const page of pagesOf(parts.records, orgId, range)) {
    finding = await replayPage(replaying, page)
    if (finding !== undefined) break
    done.records += page.length
    parts.onPage?.(done.records)
  }
  finding ??= await checkWhole(replaying, range)
  const rows = finding === undefined ? await checkPeople(parts, orgId, range) : { people: 0, finding }
  return { records: done.records, changes: done.begun + done.ended, values: done.values, ...rows }
}

/** That what is kept of the time before a purge is what was held at its end. */
async function checkBeginning(
  { begun }: ReplayParts,
  orgId: OrgId,
  { after }: SeqRange,
): Promise<ReplayFinding | undefined> {
  if (begun === undefined) return undefined
  const { count, sha256 } = await heldDigest(begun.history, orgId, after)
  const same = count === begun.held.count && sha256 === begun.held.sha256
  return same ? undefined : { seq: after, table: 'access_period' }
}

/** That nothing is kept which no record made, and that what is held today is what the log comes to. */
async function checkWhole({ replay, orgId, done }: Replaying, range: SeqRange): Promise<ReplayFinding | undefined> {
  const { begun, ended, targets } = await replay.count(orgId, range)
  if (targets !== done.targets) return { seq: range.upTo, table: 'event_target' }
  if (begun !== done.begun || ended !== done.ended) return { seq: range.upTo, table: 'access_period' }
  const [table] = await replay.strayTables(orgId)
  return table === undefined ? undefined : { seq: range.upTo, table }
}

async function replayPage(replaying: Replaying, page: readonly StoredRecord[]): Promise<ReplayFinding | undefined> {
  const bodies: JsonObject[] = []
  for (const { seq, body } of page) {
    const read = readBody(body)
    // Whoever computes a chain anew can have any text in it.
    if (read === undefined) return { seq, table: 'provisioning_event', column: 'body' }
    bodies.push(read)
  }
  return (
    (await checkTargets(replaying, page, bodies)) ??
    (await checkValues(replaying, page, bodies)) ??
    (await checkAccess(replaying, page, bodies))
  )
}

function readBody(text: string): JsonObject | undefined {
  try {
    const body = JSON.parse(text) as Json
    return isJsonObject(body) ? body : undefined
  } catch {
    return undefined
  }
}

function rangeOfPage(page: readonly StoredRecord[]): SeqRange {
  return { after: page[0]!.seq - 1, upTo: page.at(-1)!.seq }
}

async function checkTargets(
  { replay, orgId, done }: Replaying,
  page: readonly StoredRecord[],
  bodies: readonly JsonObject[],
): Promise<ReplayFinding | undefined> {
  const wanted = bodies.map(idsIn)
  const all = [...new Set(wanted.flatMap((ids) => [...ids]))]
  const kept = new Set((await replay.targets(orgId, all, rangeOfPage(page))).map(({ seq, id }) => `${seq} ${id}`))
  for (const [at, { seq }] of page.entries()) {
    for (const id of wanted[at]!) if (!kept.has(`${seq} ${id}`)) return { seq, table: 'event_target' }
    done.targets += wanted[at]!.size
  }
  return undefined
}

/** The ids that a record is found by, as its body says them. */
function idsIn(body: JsonObject): ReadonlySet<string> {
  const ids = new Set<string>()
  const add = (list: Json | undefined): void => {
    for (const id of Array.isArray(list) ? list : []) if (typeof id === 'string') ids.add(id)
  }
  for (const target of objectsIn(body['targets'])) add([target['id'] ?? null])
  for (const effect of objectsIn(body['effects'])) add(effect['people'])
  for (const change of objectsIn(body['changes'])) {
    add(change['added'])
    add(change['removed'])
  }
  return ids
}

function objectsIn(list: Json | undefined): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

async function checkValues(
  { values, orgId, erased, done }: Replaying,
  page: readonly StoredRecord[],
  bodies: readonly JsonObject[],
): Promise<ReplayFinding | undefined> {
  const opened = await openedOf(values, orgId, page)
  if (typeof opened === 'number') return { seq: opened, table: 'event_pii' }
  for (const [at, { seq, time }] of page.entries()) {
    const triples = opened.get(seq) ?? []
    const body = bodies[at]!
    if (!triples.every((triple) => isCommitted(body, triple))) return { seq, table: 'event_pii' }
    const withheld = commitmentsIn(body) - triples.length
    // Whose a commitment is cannot be told from it: a record that speaks of somebody erased may lack values.
    if (withheld > 0 && !speaksOf(body, time, erased)) return { seq, table: 'event_pii' }
    done.values += triples.length
  }
  return undefined
}

/** The values of a page by seq; the seq of the first record whose values do not open. */
async function openedOf(
  values: ValueOpener,
  orgId: OrgId,
  page: readonly StoredRecord[],
): Promise<ReadonlyMap<number, readonly PiiTriple[]> | number> {
  try {
    return await values.open(orgId, page)
  } catch {
    for (const record of page) {
      const failed = await values.open(orgId, [record]).then(
        () => false,
        () => true,
      )
      if (failed) return record.seq
    }
    return page[0]!.seq
  }
}

function commitmentsIn(value: Json | undefined): number {
  if (typeof value === 'string') return /^c1:[\w-]{43}$/.test(value) ? 1 : 0
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, each) => sum + commitmentsIn(each as Json), 0)
}

function speaksOf(body: JsonObject, time: number, erased: ReadonlySet<string>): boolean {
  const actor = isJsonObject(body['actor']) ? body['actor']['id'] : undefined
  const nobody = [unknownPerson(time), unknownPerson(Date.parse(textAt(body, 'receivedAt')))]
  return [...nobody, ...idsIn(body), ...(typeof actor === 'string' ? [actor] : [])].some((id) => erased.has(id))
}

function textAt(body: JsonObject, key: string): string {
  const value = body[key]
  return typeof value === 'string' ? value : ''
}

/** What one record did to one value of one person. */
interface Turn {
  readonly seq: number
  readonly time: number
  readonly user: UserId
  readonly kind: HeldKind
  readonly target: string
  readonly old: string | null
  readonly new: string | null
}

const PEOPLE_AT_ONCE = 500

async function checkAccess(
  { replay, orgId, done }: Replaying,
  page: readonly StoredRecord[],
  bodies: readonly JsonObject[],
): Promise<ReplayFinding | undefined> {
  const turns = page.flatMap((record, at) => turnsOf(record, bodies[at] as unknown as ReadBody))
  const people = [...new Set(turns.map(({ user }) => user))]
  const kept = new Set<string>()
  for (let from = 0; from < people.length; from += PEOPLE_AT_ONCE) {
    const periods = await replay.edges(orgId, people.slice(from, from + PEOPLE_AT_ONCE), rangeOfPage(page))
    for (const period of periods) for (const edge of edgesOf(period)) kept.add(edge)
  }
  for (const { seq, time, user, kind, target, old, new: now } of turns) {
    const of = `${user} ${kind} ${target}`
    if (old !== null && !kept.has(`end ${of} ${old} ${seq} ${time}`)) return { seq, table: 'access_period' }
    if (now !== null && !kept.has(`begin ${of} ${now} ${seq} ${time}`)) return { seq, table: 'access_period' }
    done.ended += old === null ? 0 : 1
    done.begun += now === null ? 0 : 1
  }
  return undefined
}

function edgesOf({ user, kind, target, value, fromSeq, toSeq, from, to }: AccessPeriod): readonly string[] {
  const of = `${user} ${kind} ${target} ${value}`
  return [`begin ${of} ${fromSeq} ${from}`, ...(toSeq === undefined ? [] : [`end ${of} ${toSeq} ${to}`])]
}

/** Two changes of one value by one record come to one: what was before the first, and what is after the last. */
function turnsOf({ seq, time }: StoredRecord, { effects = [] }: ReadBody): readonly Turn[] {
  const turns = new Map<string, Turn>()
  for (const { kind, target, old, new: now, people } of effects) {
    if (old === now) continue
    for (const user of people) {
      const key = `${user} ${kind} ${target}`
      turns.set(key, { seq, time, user, kind, target, old: (turns.get(key) ?? { old }).old, new: now })
    }
  }
  return [...turns.values()]
}
