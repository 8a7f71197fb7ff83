import type { DomainErrorCode } from './errors.ts'

/**
 * The HTTP status of each expected failure (RFC 7644 §3.12, table 8, and RFC 9110 §15), the same at every edge and in the
 * log.
 */
export const ERROR_STATUS: Readonly<Record<DomainErrorCode, number>> = {
  'invalid-syntax': 400,
  'invalid-value': 400,
  'invalid-filter': 400,
  'invalid-path': 400,
  'invalid-cursor': 400,
  'expired-cursor': 400,
  'invalid-count': 400,
  gone: 410,
  'no-target': 400,
  mutability: 400,
  uniqueness: 409,
  'not-found': 404,
  'version-mismatch': 412,
  'too-many': 400,
  'too-soon': 429,
  'too-large': 413,
  forbidden: 403,
  'last-admin': 409,
  conflict: 409,
  'seat-limit': 403,
  held: 503,
  unsupported: 501,
  unavailable: 503,
}
