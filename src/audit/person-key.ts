import { hash, randomBytes } from 'node:crypto'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { WrappedKey } from '../domain/record.ts'
import { openBytes, sealBytes } from './gcm.ts'

const KEY_BYTES = 32
const KEK_ID_LENGTH = 16
const MAX_CACHED_KEYS = 10_000

/** The id of a master key (32 bytes): the first 16 hex characters of its SHA-256. It may be shown and stored. */
export function kekIdOf(kek: Uint8Array): string {
  if (kek.length !== KEY_BYTES) throw new Error(`A master key must have ${KEY_BYTES} bytes, this one has ${kek.length}`)
  return hash('sha256', kek, 'hex').slice(0, KEK_ID_LENGTH)
}

/** A person's key (32 bytes) under the master key: nonce ‖ ciphertext ‖ tag, bound to the org and the person. */
export function wrapPersonKey(kek: Uint8Array, orgId: OrgId, person: UserId, key: Uint8Array): Buffer {
  return sealBytes(kek, personLabel(orgId, person), key)
}

/**
 * The inverse of `wrapPersonKey`.
 * @throws Error when the bytes are another person's, another master key's, or damaged.
 */
export function unwrapPersonKey(kek: Uint8Array, orgId: OrgId, person: UserId, wrapped: Uint8Array): Buffer {
  const key = openBytes(kek, personLabel(orgId, person), wrapped)
  if (key?.length !== KEY_BYTES) throw new Error(`The key of person ${person} in org ${orgId} cannot be unwrapped`)
  return key
}

/**
 * A secret of the deployment under the master key: nonce ‖ ciphertext ‖ tag.
 * @param label what the secret is, such as `token-signing`; unwrapping asks for the same
 */
export function wrapSecret(kek: Uint8Array, label: string, bytes: Uint8Array): Buffer {
  return sealBytes(kek, secretLabel(label), bytes)
}

/**
 * The inverse of `wrapSecret`.
 * @throws Error when the bytes are another label's, another master key's, or damaged.
 */
export function unwrapSecret(kek: Uint8Array, label: string, wrapped: Uint8Array): Buffer {
  const bytes = openBytes(kek, secretLabel(label), wrapped)
  if (bytes === undefined) throw new Error(`The secret "${label}" cannot be unwrapped with this master key`)
  return bytes
}

/** The keys of people, opened with one master key. */
export interface PersonKeys {
  /** The id of the master key. */
  readonly kekId: string
  /** A fresh random key, wrapped. */
  create(orgId: OrgId, person: UserId): WrappedKey
  /**
   * The key itself, or undefined once the person was erased.
   * @throws Error when it was wrapped by another master key or is damaged.
   */
  open(orgId: OrgId, person: UserId, key: WrappedKey): Buffer | undefined
}

export interface PersonKeysOptions {
  /** The master key, 32 bytes. */
  readonly kek: Uint8Array
  /** How many opened keys are remembered, the least recently used dropped first. Default 10,000 (about 3 MB). */
  readonly cacheSize?: number
}

/** @throws Error when the master key has not 32 bytes. */
export function createPersonKeys({ kek, cacheSize = MAX_CACHED_KEYS }: PersonKeysOptions): PersonKeys {
  const kekId = kekIdOf(kek)
  const opened = new Map<string, Buffer>()

  function remember(name: string, key: Buffer): Buffer {
    opened.delete(name)
    opened.set(name, key)
    if (opened.size > cacheSize) {
      for (const oldest of opened.keys()) {
        opened.delete(oldest)
        break
      }
    }
    return key
  }

  return {
    kekId,
    create(orgId, person) {
      const key = randomBytes(KEY_BYTES)
      const wrapped = wrapPersonKey(kek, orgId, person, key)
      // The record that mentions them first is sealed with it in a moment.
      remember(nameOf(orgId, person, wrapped), key)
      return { kekId, wrapped }
    },
    open(orgId, person, key) {
      if (key.wrapped === undefined) return undefined
      if (key.kekId !== kekId) {
        throw new Error(
          `The key of person ${person} in org ${orgId} is wrapped by master key ${key.kekId ?? 'unknown'}, not ${kekId}`,
        )
      }
      const name = nameOf(orgId, person, key.wrapped)
      return remember(name, opened.get(name) ?? unwrapPersonKey(kek, orgId, person, key.wrapped))
    },
  }
}

/** Named by the wrapped bytes too: a person's key that was replaced must never be answered from memory. */
function nameOf(orgId: OrgId, person: UserId, wrapped: Uint8Array): string {
  return `${orgId}|${person}|${Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength).toString('base64')}`
}

function personLabel(orgId: OrgId, person: UserId): string {
  return `rollcall-key-1|${orgId}|${person}`
}

function secretLabel(label: string): string {
  return `rollcall-secret-1|${label}`
}
