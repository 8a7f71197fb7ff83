import type { PiiTriple } from '../audit/commitment.ts'
import { disclosed } from '../audit/opened-values.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'

/** A record on its way, with the personal values that its receiver may see. */
export interface Carried {
  readonly record: StoredRecord
  readonly pii: readonly PiiTriple[]
}

/** Why something did not arrive. `error` is a sentence for admins, with nothing of the record in it. */
export interface CarryFailure {
  /** `refused`: the receiver will not have this record; `down`: nothing would arrive just now. */
  readonly kind: 'refused' | 'down'
  readonly status: number | undefined
  readonly error: string
  /** How long the receiver asks to be left alone. */
  readonly retryAfterMs?: number | undefined
}

/** How many of a batch arrived, from its first on, and why no more did. */
export interface CarryResult {
  readonly arrived: number
  readonly failure: CarryFailure | undefined
}

/** Takes records to one receiver. It never throws for anything that the receiver or the network does. */
export interface Carrier {
  /** Records that go in one batch. */
  readonly most: number
  carry(batch: readonly Carried[], signal: AbortSignal): Promise<CarryResult>
  /** A message that is no record, to see whether the receiver takes it. */
  test(signal: AbortSignal): Promise<CarryFailure | undefined>
}

/** What an HTTP receiver answered. */
export interface PostAnswer {
  readonly status: number
  /** `Retry-After` as it came. */
  readonly retryAfter: string | null
}

/** Sends a body to a receiver's address, guarded against addresses inside this network. @throws Error with a sentence */
export type Post = (
  url: string,
  sent: { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly signal: AbortSignal },
) => Promise<PostAnswer>

/** A record as receivers read it: an object, with disclosed values in the places of their commitments. */
export function shownRecord(orgId: OrgId, { record, pii }: Carried): Readonly<Record<string, Json>> {
  return {
    ...{ org: orgId, epoch: record.epoch, seq: record.seq, time: new Date(record.time).toISOString() },
    hash: Buffer.from(record.hash).toString('hex'),
    record: disclosed(record.body, pii),
  }
}

/** Sends one body. @returns undefined once it was taken */
export async function postOnce(post: Post, url: string, sent: Parameters<Post>[1]): Promise<CarryFailure | undefined> {
  let answer: PostAnswer
  try {
    answer = await post(url, sent)
  } catch (error) {
    return { kind: 'down', status: undefined, error: sentence(error) }
  }
  const { status, retryAfter } = answer
  if (status >= 200 && status < 300) return undefined
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429
  const error = `The receiver answered ${status}`
  if (isRefusal) return { kind: 'refused', status, error }
  return { kind: 'down', status, error, retryAfterMs: retryAfterOf(retryAfter) }
}

/** One line of an error, as an admin may see it. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 300)
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}
