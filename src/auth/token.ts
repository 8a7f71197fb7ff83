import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { InviteId, KeyId, SinkId, TokenId } from '../domain/ids.ts'

const FORM =
  /^(rollcall_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_[0-9A-Za-z]{43})_([0-9a-f]{8})$/
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_LENGTH = 43

/** What every token minted here begins with, so secret scanners and support recognise it. */
export const TOKEN_PREFIX = 'rollcall_'

/** A fresh token. `text` is shown once and never stored; `secretHash` is what the store keeps. */
export interface MintedToken {
  readonly text: string
  /** SHA-256 of `text`, 32 bytes. */
  readonly secretHash: Buffer
}

/**
 * A fresh bearer token `rollcall_<id>_<secret>_<checksum>`: the id as 32 hex digits, 256 random bits as 43 base62
 * digits, and the CRC-32 of all before it as 8 hex digits.
 * @param id the id of the token's row, or of a key's
 */
export function mintToken(id: TokenId | KeyId | InviteId | SinkId): MintedToken {
  const body = `${TOKEN_PREFIX}${id.replaceAll('-', '')}_${randomSecret()}`
  const text = `${body}_${checksum(body)}`
  return { text, secretHash: hashToken(text) }
}

/**
 * Reads the id from a token of our form; says nothing about whether such a token was ever minted.
 * @returns undefined when the form or the checksum is wrong
 */
export function parseToken(text: string): { readonly id: TokenId } | undefined {
  const match = FORM.exec(text)
  if (match === null || checksum(match[1]!) !== match[7]) return undefined
  return { id: match.slice(2, 7).join('-') as TokenId }
}

/** SHA-256 (32 bytes) of the whole text in UTF-8: all the store ever holds of a token. */
export function hashToken(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

/** Whether two hashes are the same bytes, in a time that tells nothing about where they differ. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0')
}

function randomSecret(): string {
  let rest = BigInt(`0x${randomBytes(32).toString('hex')}`)
  let digits = ''
  for (let i = 0; i < SECRET_LENGTH; i++) {
    digits = DIGITS[Number(rest % 62n)]! + digits
    rest /= 62n
  }
  return digits
}
