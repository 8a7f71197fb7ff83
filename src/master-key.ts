import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kekIdOf } from './audit/person-key.ts'
import { EXIT_CONFIG } from './config.ts'
import { StartError } from './start-error.ts'

const KEY_BYTES = 32

export interface MasterKeyRequest {
  /** 32 bytes from the environment or its file. */
  readonly configured: Uint8Array | undefined
  readonly dataDir: string
  /** Id of the key the store was made with; undefined for a new store. */
  readonly storeKeyId: string | undefined
  /** Whether a missing key may be made: only for the embedded store. */
  readonly mayCreate: boolean
}

export interface MasterKey {
  readonly key: Uint8Array
  /** The file, when the key was made just now. */
  readonly madeAt: string | undefined
}

/** The key file of the embedded default. */
export function masterKeyFile(dataDir: string): string {
  return join(dataDir, 'master.key')
}

/**
 * The key that wraps everything secret in the store: configured, or the data folder's own, or made at the first start.
 * Checked before anything is written.
 * @throws StartError 78 when it is missing, unreadable or not the store's
 */
export function findMasterKey(request: MasterKeyRequest): MasterKey {
  const file = masterKeyFile(request.dataDir)
  const known = request.configured ?? (request.mayCreate ? readKeyFile(file) : undefined)
  const { storeKeyId } = request
  if (known === undefined) {
    if (storeKeyId === undefined && request.mayCreate) return { key: makeKeyFile(file), madeAt: file }
    throw new StartError(
      EXIT_CONFIG,
      storeKeyId === undefined
        ? 'ROLLCALL_MASTER_KEY is not set: give 32 bytes as hex or base64url (openssl rand -hex 32), kept outside the database'
        : `The store was made with the master key ${storeKeyId}, and none is given: set ROLLCALL_MASTER_KEY or put ${file} back`,
    )
  }
  const id = kekIdOf(known)
  if (storeKeyId !== undefined && storeKeyId !== id) {
    throw new StartError(
      EXIT_CONFIG,
      `The master key ${id} is not the store's: it was made with ${storeKeyId}. Nothing was written. Give the store's own key`,
    )
  }
  return { key: known, madeAt: undefined }
}

function readKeyFile(file: string): Uint8Array | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StartError(EXIT_CONFIG, `The master key in ${file} cannot be read; check who may read it`, error)
  }
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new StartError(EXIT_CONFIG, `${file} holds no master key: 64 hexadecimal digits are wanted; put the file back`)
  }
  return Buffer.from(text, 'hex')
}

function makeKeyFile(file: string): Uint8Array {
  const key = randomBytes(KEY_BYTES)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  return key
}
