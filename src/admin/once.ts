import { createHash } from 'node:crypto'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { KeptAnswer, OnceAnswer, OnceKey } from '../domain/kept-answer.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { HttpProblem } from '../http/http-problem.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'

/** 1 to 255 printable ASCII characters. */
const FORM = /^[\x20-\x7e]{1,255}$/

/** A request that carried an `Idempotency-Key`. */
export interface OnceRequest {
  readonly orgId: OrgId
  readonly key: OnceKey
  readonly requestHash: Uint8Array
}

/** Reads the header. @throws DomainError `invalid-value` */
export function onceKeyOf(header: string | undefined): string | undefined {
  if (header === undefined || FORM.test(header)) return header
  throw new DomainError('invalid-value', 'Idempotency-Key must be 1 to 255 printable ASCII characters')
}

/** What makes two requests the same: method, path with query, and body. */
export function requestHash(method: string, url: string, body: unknown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, url, body ?? null]))
    .digest()
}

/**
 * What was answered before under this key; undefined for a new one.
 * @throws HttpProblem 422 for another request under the same key, 409 where the first one's answer is not known
 */
export function earlierAnswer(kept: KeptAnswer | undefined, hash: Uint8Array): OnceAnswer | undefined {
  if (kept === undefined) return undefined
  if (Buffer.compare(kept.requestHash, hash) !== 0) {
    throw new HttpProblem(422, 'This Idempotency-Key was used for another request; take a fresh one', {}, 'once.other')
  }
  if (kept.answer === undefined) throw answerUnknown()
  return kept.answer
}

/**
 * The use cases' parts for such a request: the first unit of work also claims the key, in its own transaction. So the
 * key stands exactly if the work was done, whatever is cut off in between, and of two requests at once one does it.
 */
export function doneOnce(provisioning: Provisioning, { orgId, key, requestHash: hash }: OnceRequest): Provisioning {
  let claimed = false
  const claiming =
    <T>(unit: (stores: WriteStores) => Promise<T>) =>
    async (stores: WriteStores): Promise<T> => {
      // The same unit may run again after a lost race: then the claim was rolled back as well.
      if (!claimed && !(await stores.answers.claim(orgId, key, hash, stores.now))) throw answerUnknown()
      return unit(stores)
    }
  const noting = <T>(submitted: Submitted<T>): Submitted<T> => {
    submitted.durable.then(
      () => (claimed = true),
      () => undefined,
    )
    return submitted
  }
  const { work } = provisioning
  return {
    ...provisioning,
    work: {
      submit: (org, unit, onRefusal) => noting(work.submit(org, claiming(unit), onRefusal)),
      found: (org, unit) => noting(work.found(org, claiming(unit))),
    },
  }
}

function answerUnknown(): HttpProblem {
  return new HttpProblem(
    409,
    'A request under this Idempotency-Key was done, or is being done; its answer is not there. Read what it was to make',
    {},
    'once.unanswered',
  )
}
