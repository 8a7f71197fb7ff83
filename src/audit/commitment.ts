import { hash } from 'node:crypto'
import type { Json } from '../domain/json.ts'
import { canonicalJson } from './canonical-json.ts'
import { randomPooled } from './random.ts'

const DOMAIN_TAG = 'rollcall-pii-1'
const SALT_BYTES = 16

/**
 * A personal value taken out of a record: `ref` is the JSON pointer (RFC 6901) of its place in the body, `salt` 16
 * random bytes in base64url. Whoever is given all three can check the commitment; without the salt it tells nothing.
 */
export type PiiTriple = readonly [ref: string, salt: string, value: Json]

/** A fresh salt: 16 random bytes, base64url without padding (22 characters). */
export function newSalt(): string {
  return randomPooled(SALT_BYTES).toString('base64url')
}

/**
 * What stands in the hashed body for a personal value: `c1:` and, in base64url, the SHA-256 of
 * `rollcall-pii-1\n<salt>\n` followed by the canonical JSON of `[ref, value]`. The salt is one value's own, so equal
 * values do not show as equal.
 */
export function commitmentOf([ref, salt, value]: PiiTriple): string {
  return `c1:${hash('sha256', `${DOMAIN_TAG}\n${salt}\n${canonicalJson([ref, value])}`, 'base64url')}`
}
