import type { OrgId, UserId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { SealedValues } from '../domain/sealed-values.ts'
import { commitmentOf, type PiiTriple } from './commitment.ts'
import { openPii } from './event-pii.ts'
import { createPersonKeys } from './person-key.ts'

/** Opens the personal values that stand beside records. */
export interface ValueOpener {
  /**
   * The triples of each of some records that follow one another, by seq; those of erased people are not among them.
   * @param only the one person whose values are opened; everybody's if absent
   */
  open(
    orgId: OrgId,
    records: readonly StoredRecord[],
    only?: UserId,
  ): Promise<ReadonlyMap<number, readonly PiiTriple[]>>
  /**
   * The triples that one record holds of one person; none once they were erased.
   * @throws Error when the bytes are of another record or person, or damaged.
   */
  openOne(orgId: OrgId, recordId: string, sealed: SealedValues): readonly PiiTriple[]
}

/** @param kek the master key, 32 bytes */
export function createValueOpener(kek: Uint8Array, reads: Pick<RecordReads, 'sealedValues'>): ValueOpener {
  const keys = createPersonKeys({ kek })

  function openOne(orgId: OrgId, recordId: string, { person, key, nonce, ciphertext }: SealedValues) {
    const opened = keys.open(orgId, person, key)
    return opened === undefined ? [] : openPii(opened, { orgId, recordId, person }, { nonce, ciphertext })
  }

  return {
    openOne,

    async open(orgId, records, only) {
      const [first, last] = [records[0], records.at(-1)]
      const triples = new Map<number, PiiTriple[]>()
      if (first === undefined || last === undefined) return triples
      const bySeq = new Map(records.map((record) => [record.seq, record]))
      for (const sealed of await reads.sealedValues(orgId, first.seq - 1, last.seq)) {
        const record = bySeq.get(sealed.seq)
        if (record === undefined || (only !== undefined && sealed.person !== only)) continue
        const known = triples.get(sealed.seq) ?? []
        triples.set(sealed.seq, [...known, ...openOne(orgId, record.id, sealed)])
      }
      return triples
    },
  }
}

/** What a disclosed triple is worth: the body at its pointer holds the commitment of exactly this value. */
export function isCommitted(body: Json, triple: PiiTriple): boolean {
  return valueAt(body, triple[0]) === commitmentOf(triple)
}

/** The value at a JSON pointer (RFC 6901) of a body, whose keys need no escapes. */
export function valueAt(body: Json, pointer: string): Json | undefined {
  let value: Json | undefined = body
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, Json | undefined>>)[part]
  }
  return value
}

/** A body with the disclosed values in the places of their commitments, for reading. */
export function disclosed(body: string, triples: readonly PiiTriple[]): Json {
  const value = JSON.parse(body) as Json
  for (const [ref, , open] of triples) {
    const cut = ref.lastIndexOf('/')
    const holder = valueAt(value, ref.slice(0, cut))
    if (typeof holder === 'object' && holder !== null) (holder as Record<string, Json>)[ref.slice(cut + 1)] = open
  }
  return value
}
