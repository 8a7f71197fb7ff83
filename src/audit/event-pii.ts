import type { OrgId, UserId } from '../domain/ids.ts'
import { canonicalJson } from './canonical-json.ts'
import type { PiiTriple } from './commitment.ts'
import { open, seal, type Sealed } from './gcm.ts'

/** Which record, and whose values of it: what the sealed bytes are bound to. */
export interface PiiPlace {
  readonly orgId: OrgId
  readonly recordId: string
  readonly person: UserId
}

/** The personal values one record holds of one person, under that person's key (32 bytes). */
export function sealPii(key: Uint8Array, place: PiiPlace, triples: readonly PiiTriple[]): Sealed {
  return seal(key, labelOf(place), Buffer.from(canonicalJson(triples), 'utf8'))
}

/**
 * The inverse of `sealPii`.
 * @throws Error when the bytes are of another record or person, or damaged.
 */
export function openPii(key: Uint8Array, place: PiiPlace, sealed: Sealed): readonly PiiTriple[] {
  const plaintext = open(key, labelOf(place), sealed)
  if (plaintext === undefined) {
    throw new Error(`The personal values of person ${place.person} in record ${place.recordId} cannot be opened`)
  }
  return JSON.parse(plaintext.toString('utf8')) as readonly PiiTriple[]
}

function labelOf({ orgId, recordId, person }: PiiPlace): string {
  return `${orgId}|${recordId}|${person}`
}
