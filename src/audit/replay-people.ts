import { attributePaths, recordedValue } from '../domain/attribute-paths.ts'
import { isId, type OrgId } from '../domain/ids.ts'
import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import { ERASED_NAME } from '../domain/privacy.ts'
import type { KeptPerson, ReplayReads, SealedPlace, SeqRange } from '../domain/replay-ports.ts'
import type { SealedValues } from '../domain/sealed-values.ts'
import type { ValueOpener } from './opened-values.ts'
import type { PiiTriple } from './commitment.ts'
import type { ReplayFinding } from './replay-finding.ts'

export interface PeopleParts {
  readonly replay: Pick<ReplayReads, 'people' | 'sealedOf' | 'texts' | 'erased'>
  readonly values: Pick<ValueOpener, 'openOne'>
}

/** People compared at a time, and what is sealed of them read at a time: nothing more is held. */
const PEOPLE_AT_ONCE = 500
const SEALED_AT_ONCE = 500

/** How often somebody who is being changed is looked at anew, until what was read of them is of one moment. */
const TRIES = 5

/** What the log says of one person's own values. */
interface Told {
  /** Whether it says that they were made; else they were before what is left of it. */
  made: boolean
  /** By path: the last value, undefined for one that was taken away, and the record that says so. */
  readonly values: Map<string, { readonly value: Json | undefined; readonly seq: number }>
}

const NOTHING: Told = { made: false, values: new Map() }

interface Place {
  readonly orgId: OrgId
  readonly range: SeqRange
}

/**
 * Holds each person's row against the last values that records say of them: the values are opened one person after
 * another, so as many are held as people are compared at a time. Of who was erased, the row must be empty. After a purge
 * only what was said since can be compared of those who were made before.
 * @returns how many were compared, and the first row that differs
 */
export async function checkPeople(
  parts: PeopleParts,
  orgId: OrgId,
  range: SeqRange,
): Promise<{ readonly people: number; readonly finding: ReplayFinding | undefined }> {
  const place = { orgId, range }
  const erased = await parts.replay.erased(orgId)
  let people = 0
  for (let after = '', more = true; more;) {
    const page = await parts.replay.people(orgId, after, PEOPLE_AT_ONCE)
    more = page.length === PEOPLE_AT_ONCE
    // Behind the last row is room for people whom the log knows of and who have none.
    const upTo = more ? page.at(-1)!.user.id : undefined
    const told = await toldOf(parts, place, after, upTo)
    if (typeof told === 'number') return { people, finding: { seq: told, table: 'event_pii' } }
    const rows = new Map<string, KeptPerson>(page.map((person) => [person.user.id, person]))
    for (const id of new Set([...rows.keys(), ...told.keys()])) {
      const compared = { id, row: rows.get(id), told: told.get(id) ?? NOTHING, isErased: erased.has(id) }
      if (differenceOf(range, compared) === undefined) continue
      const finding = await lookAgain(parts, place, id)
      if (finding !== undefined) return { people, finding }
    }
    people += page.length
    after = upTo ?? after
  }
  return { people, finding: undefined }
}

/** What was read of somebody may be of two moments: a difference counts once their row stayed the same meanwhile. */
async function lookAgain(parts: PeopleParts, place: Place, id: string): Promise<ReplayFinding | undefined> {
  const { replay } = parts
  const { orgId } = place
  for (let n = 0; n < TRIES; n++) {
    const row = await rowOf(parts, orgId, id)
    const told = await toldOf(parts, place, justBefore(id), id)
    const isErased = (await replay.erased(orgId)).has(id)
    if (row?.user.version !== (await rowOf(parts, orgId, id))?.user.version) continue
    if (typeof told === 'number') return { seq: told, table: 'event_pii' }
    return differenceOf(place.range, { id, row, told: told.get(id) ?? NOTHING, isErased })
  }
  return undefined
}

async function rowOf({ replay }: PeopleParts, orgId: OrgId, id: string): Promise<KeptPerson | undefined> {
  const [row] = await replay.people(orgId, justBefore(id), 1)
  return row?.user.id === id ? row : undefined
}

/** An id that the next one follows: ids are lower-case hexadecimal, and `/` stands right before the digits. */
function justBefore(id: string): string {
  return `${id.slice(0, -1)}${id.endsWith('0') ? '/' : String.fromCharCode(id.charCodeAt(id.length - 1) - 1)}`
}

/** By person, in (after, upTo]; the seq of the first record whose values do not open. */
async function toldOf(
  { replay, values }: PeopleParts,
  { orgId, range }: Place,
  after: string,
  upTo: string | undefined,
): Promise<ReadonlyMap<string, Told> | number> {
  const told = new Map<string, Told>()
  let from: SealedPlace = { person: after, seq: Number.MAX_SAFE_INTEGER }
  for (;;) {
    const page = await replay.sealedOf(orgId, from, upTo, SEALED_AT_ONCE)
    const last = page.at(-1)
    if (last === undefined) return told
    const since = page.filter(({ seq, person }) => seq > range.after && isId(person))
    const records = await recordsOf(replay, orgId, since)
    for (const sealed of since) {
      const record = records.get(sealed.seq)
      if (record === undefined) continue
      const triples = opened(values, { orgId, recordId: record.id }, sealed)
      if (triples === undefined) return sealed.seq
      const one = told.get(sealed.person) ?? { made: false, values: new Map() }
      told.set(sealed.person, one)
      fold(one, sealed.seq, record.changes, triples)
    }
    if (page.length < SEALED_AT_ONCE) return told
    from = last
  }
}

interface ReadChanges {
  readonly id: string
  readonly changes: readonly Json[]
}

async function recordsOf(
  replay: PeopleParts['replay'],
  orgId: OrgId,
  sealed: readonly SealedValues[],
): Promise<ReadonlyMap<number, ReadChanges>> {
  const texts = await replay.texts(orgId, [...new Set(sealed.map(({ seq }) => seq))])
  return new Map(
    texts.map(({ seq, id, body }) => {
      const { changes } = JSON.parse(body) as JsonObject
      return [seq, { id, changes: Array.isArray(changes) ? (changes as readonly Json[]) : [] }]
    }),
  )
}

function opened(
  values: PeopleParts['values'],
  { orgId, recordId }: { readonly orgId: OrgId; readonly recordId: string },
  sealed: SealedValues,
): readonly PiiTriple[] | undefined {
  try {
    return values.openOne(orgId, recordId, sealed)
  } catch {
    return undefined
  }
}

const VALUE_REF = /^\/changes\/(\d+)\/(old|new)$/

/** Why something was done to somebody is sealed under their key too, and no value of theirs. */
const REASON = 'reason'

function fold(told: Told, seq: number, changes: readonly Json[], triples: readonly PiiTriple[]): void {
  for (const [ref, , value] of triples) {
    const [, at, side] = VALUE_REF.exec(ref) ?? []
    const change = at === undefined ? undefined : changes[Number(at)]
    if (!isJsonObject(change)) continue
    const { path, old, new: now } = change
    if (typeof path !== 'string' || path === REASON) continue
    if (side === 'new') told.values.set(path, { value, seq })
    else if (now === undefined) told.values.set(path, { value: undefined, seq })
    // Nobody is without a userName before or after but who is not there.
    if (path === 'userName' && old === undefined) told.made = true
  }
}

/** One person as read: their row, what is said of them, and whether they were erased. */
interface Compared {
  readonly id: string
  readonly row: KeptPerson | undefined
  readonly told: Told
  readonly isErased: boolean
}

function differenceOf(range: SeqRange, { id, row, told, isErased }: Compared): ReplayFinding | undefined {
  const finding = { person: id, table: 'user' }
  // Whoever was made elsewhere may have acted here, and have an address kept with it.
  if (row === undefined) return told.made ? { ...finding, seq: lastOf(told) } : undefined
  const paths = attributePaths(row.user)
  if (!isErased && !told.made && range.after === 0) return { ...finding, seq: range.upTo }
  const path = isErased ? leftPath(paths) : differingPath(paths, told)
  if (path !== undefined) return { ...finding, seq: told.values.get(path)?.seq ?? range.upTo, column: path }
  return row.stray && { person: id, seq: range.upTo, ...row.stray }
}

function leftPath(paths: ReadonlyMap<string, Json>): string | undefined {
  return [...paths].find(([path, value]) => path !== 'userName' || value !== ERASED_NAME)?.[0]
}

function differingPath(paths: ReadonlyMap<string, Json>, told: Told): string | undefined {
  const said = told.values
  const compared = told.made ? new Set([...said.keys(), ...paths.keys()]) : said.keys()
  return [...compared].find((path) => {
    const kept = paths.get(path)
    return !equalJson(kept === undefined ? undefined : recordedValue(kept), said.get(path)?.value)
  })
}

function lastOf({ values }: Told): number {
  return Math.max(...Array.from(values.values(), ({ seq }) => seq))
}
