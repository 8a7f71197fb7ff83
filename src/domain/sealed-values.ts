import type { UserId } from './ids.ts'
import type { WrappedKey } from './record.ts'

/** The personal values a record holds of one person, as they are stored: under that person's key. */
export interface SealedValues {
  readonly seq: number
  readonly person: UserId
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
  /** The person's key; its parts are absent once the person was erased. */
  readonly key: WrappedKey
}
