import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4096

const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * `size` random bytes (at most 256) for salts and nonces, drawn from the system's generator 4 KiB at a time: a record
 * with personal values needs half a dozen, and a call costs as much for 16 bytes as for 4,096. Keys never come from
 * here. What was handed out is wiped from the pool.
 */
export function randomPooled(size: number): Buffer {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + size))
  pool.fill(0, used, used + size)
  used += size
  return bytes
}
