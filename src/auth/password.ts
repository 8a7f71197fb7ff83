import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Passwords are kept as scrypt makes them (RFC 7914): slow and hungry for memory, to whoever guesses. */
export interface Passwords {
  /** A salted hash that says how it was made: `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`. */
  hash(password: string): Promise<string>
  /**
   * Whether the password is the one that was hashed. Without a hash it takes as long and says no: how long an answer
   * takes tells nobody whether there is such an account.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>
}

const BLOCK = 8
const PARALLEL = 1
const KEY_BYTES = 32
const FORM = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/
/** So many at once: each takes memory, and a thread of the four that files and names are looked up with. */
const AT_ONCE = 2

/** @param cost log2 of scrypt's N; 17 takes 128 MiB for a moment */
export function createPasswords(cost: number): Passwords {
  const inTurn = turns(AT_ONCE)
  const dummy = randomBytes(16)
  const derive = (password: string, salt: Uint8Array, [logN, r, p]: readonly [number, number, number]) =>
    inTurn(() => key(password, salt, { N: 2 ** logN, r, p, maxmem: 256 * r * 2 ** logN }))
  return {
    async hash(password) {
      const salt = randomBytes(16)
      const derived = await derive(password, salt, [cost, BLOCK, PARALLEL])
      return ['scrypt', cost, BLOCK, PARALLEL, salt.toString('base64url'), derived.toString('base64url')].join('$')
    },
    async verify(password, hash) {
      const match = hash === undefined ? null : FORM.exec(hash)
      if (match === null) {
        await derive(password, dummy, [cost, BLOCK, PARALLEL])
        return false
      }
      const [, logN, r, p, salt, wanted] = match
      const derived = await derive(password, Buffer.from(salt!, 'base64url'), [Number(logN), Number(r), Number(p)])
      const known = Buffer.from(wanted!, 'base64url')
      return known.length === derived.length && timingSafeEqual(known, derived)
    },
  }
}

function key(password: string, salt: Uint8Array, options: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same text typed on two machines may come composed or not (NIST SP 800-63B-4 §3.1.1.2).
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, derived) => {
      if (error === null) resolve(derived)
      else reject(error)
    })
  })
}

function turns(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    running += 1
    try {
      return await work()
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }
}
