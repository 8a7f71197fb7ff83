import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { kekIdOf } from './audit/person-key.ts'
import { key32 } from './config-values.ts'
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
  const { storeKeyId, mayCreate } = request
  const known = request.configured ?? (mayCreate ? readKeyFile(file) : undefined)
  if (known === undefined) {
    if (storeKeyId === undefined && mayCreate) return makeKeyFile(file)
    throw keyMissing(request)
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

function keyMissing({ storeKeyId, mayCreate, dataDir }: MasterKeyRequest): StartError {
  if (storeKeyId === undefined) {
    return new StartError(
      EXIT_CONFIG,
      'ROLLCALL_MASTER_KEY is not set: give 32 bytes as hex or base64url (openssl rand -hex 32), kept outside the database',
    )
  }
  const back = mayCreate ? `set ROLLCALL_MASTER_KEY or put ${masterKeyFile(dataDir)} back` : 'set ROLLCALL_MASTER_KEY'
  return new StartError(EXIT_CONFIG, `The store was made with the master key ${storeKeyId}, and none is given: ${back}`)
}

function readKeyFile(file: string): Uint8Array | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StartError(EXIT_CONFIG, `The master key in ${file} cannot be read; check who may read it`, error)
  }
  const key = key32().safeParse(text)
  if (key.success) return key.data
  throw new StartError(
    EXIT_CONFIG,
    `${file} holds no master key: 64 hexadecimal or 43 base64url characters are wanted; put the file back`,
  )
}

/** On disk, whole and under its name before anything is sealed with it; of two processes that try, one wins. */
function makeKeyFile(file: string): MasterKey {
  const key = randomBytes(KEY_BYTES)
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  try {
    writeFileSync(draft, `${key.toString('hex')}\n`, { mode: 0o600, flush: true })
    linkSync(draft, file)
    syncFolder(dirname(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const other = readKeyFile(file)
    if (other === undefined) throw error
    return { key: other, madeAt: undefined }
  } finally {
    unlinkSync(draft)
  }
  return { key, madeAt: file }
}

/** Makes a new name in a folder last through a power cut; Windows has no such call for folders. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
