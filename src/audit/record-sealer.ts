import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import { newId } from '../domain/ids.ts'
import type { Personal, RecordDraft, RecordSealer, SealedRecord, WrappedKey } from '../domain/record.ts'
import { canonicalJson } from './canonical-json.ts'
import { contentHashOf, linkHash } from './chain.ts'
import { commitmentOf, newSalt, type PiiTriple } from './commitment.ts'
import { sealPii } from './event-pii.ts'
import { createPersonKeys, type PersonKeys } from './person-key.ts'
import { createPseudonyms } from './pseudonym.ts'
import { bodyOf, peopleIn, targetIdsOf, type BodyStamp } from './record-body.ts'

/** The size a body should stay under, in UTF-8 bytes: whoever drafts records splits a larger change into several. */
export const MAX_BODY_BYTES = 64 * 1024

/** A body over this, in UTF-8 bytes, was never split: a bug, refused before it becomes a row. */
const REFUSED_BODY_BYTES = 1024 * 1024

const MICROSECONDS = 1000

export interface RecordSealerOptions {
  /** The master key, 32 bytes. */
  readonly kek: Uint8Array
  /** Wall clock, epoch milliseconds: `receivedAt` of records that came with no request. */
  readonly now: () => number
  /** The clock `RequestFacts.started` was read from, milliseconds. Default `performance.now`. */
  readonly monotonic?: () => number
}

/**
 * Turns drafts into stored records: personal values out of the text and under their person's key, the text hashed, the
 * hash linked to the head. `seal` throws a plain Error for what only a bug can cause: a person without a key, time
 * before the head's, a body over 1 MiB, a value that is no canonical JSON.
 * @throws Error when the master key has not 32 bytes.
 */
export function createRecordSealer({
  kek,
  now,
  monotonic = () => performance.now(),
}: RecordSealerOptions): RecordSealer {
  const personKeys = createPersonKeys({ kek })
  const pseudonym = createPseudonyms(kek)

  function stampOf(orgId: OrgId, draft: RecordDraft, time: number): BodyStamp {
    const { request } = draft
    return {
      id: newId<RecordId>(time),
      orgId,
      receivedAt: request?.receivedAt ?? now(),
      latencyUs: request && Math.max(0, Math.round((monotonic() - request.started) * MICROSECONDS)),
    }
  }

  return {
    newKey: (orgId, person) => personKeys.create(orgId, person),
    peopleIn,
    pseudonym,
    // eslint-disable-next-line @typescript-eslint/max-params -- the port's own signature
    seal(orgId, draft, head, time, keys) {
      if (time < head.time) throw new Error('The time of a record must not lie before its chain')
      const stamp = stampOf(orgId, draft, time)
      const opened = new Map<UserId, PiiTriple[]>()
      const body = canonicalJson(bodyOf(draft, stamp, (ref, personal) => committed(ref, personal, opened)))
      if (Buffer.byteLength(body) > REFUSED_BODY_BYTES) throw new Error('The body of a record is over 1 MiB')
      const contentHash = contentHashOf(body)
      const place = { epoch: head.epoch, seq: head.seq + 1, time }
      return {
        ...place,
        ...columnsOf(draft),
        id: stamp.id,
        body,
        contentHash,
        hash: linkHash({ org: orgId, ...place, prev: head.hash, contentHash }),
        targets: targetIdsOf(draft),
        pii: sealAll(personKeys, stamp, opened, keys),
      }
    },
  }
}

function committed(ref: string, { person, value }: Personal, opened: Map<UserId, PiiTriple[]>): string {
  const triple: PiiTriple = [ref, newSalt(), value]
  const triples = opened.get(person)
  if (triples === undefined) opened.set(person, [triple])
  else triples.push(triple)
  return commitmentOf(triple)
}

function sealAll(
  personKeys: PersonKeys,
  { orgId, id: recordId }: BodyStamp,
  opened: ReadonlyMap<UserId, readonly PiiTriple[]>,
  keys: ReadonlyMap<UserId, WrappedKey>,
): SealedRecord['pii'] {
  const pii: SealedRecord['pii'][number][] = []
  for (const [person, triples] of opened) {
    const wrapped = keys.get(person)
    if (wrapped === undefined) throw new Error(`The key of person ${person} was not given to the sealer`)
    const key = personKeys.open(orgId, person, wrapped)
    // An erased person's values stay committed with salts that end here: nobody can ever open or guess them.
    if (key !== undefined) pii.push({ person, ...sealPii(key, { orgId, recordId, person }, triples) })
  }
  return pii
}

/** The search keys beside a body; `verifyChain` holds them equal to it. */
function columnsOf(draft: RecordDraft) {
  return {
    action: draft.action,
    result: draft.outcome.result,
    actorType: draft.actor.type,
    actorId: draft.actor.id,
    connectionId: draft.actor.connectionId,
    requestId: draft.request?.id,
    causeId: draft.cause,
  }
}
