import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { DomainError } from '../domain/errors.ts'

/** Signatures and sizes of PKWARE's APPNOTE.TXT 6.3.10, §4.3. */
const END = 0x06054b50
const END_BYTES = 22
const CENTRAL = 0x02014b50
const CENTRAL_BYTES = 46
const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8
/** Files of a pack; more is another kind of ZIP. */
const MOST_ENTRIES = 100

/** A ZIP that is read from a file, an entry at a time. */
export interface ZipReader {
  readonly names: readonly string[]
  /** The bytes of an entry. @throws DomainError `not-found` */
  read(name: string): AsyncIterable<Buffer>
  close(): Promise<void>
}

interface Entry {
  readonly method: number
  readonly compressed: number
  readonly at: number
}

/**
 * Opens a ZIP. Entries may be stored or deflated, and the whole below 4 GiB.
 * @throws DomainError `invalid-value` for what cannot be read or is no ZIP
 */
export async function openZip(file: string): Promise<ZipReader> {
  const handle = await open(file).catch((error: unknown) => {
    throw wrong(file, `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  })
  try {
    const entries = await readEntries(handle, file)
    return {
      names: [...entries.keys()],
      read(name) {
        const entry = entries.get(name)
        if (entry === undefined) throw wrong(file, `it has no ${name}`)
        return entryBytes(handle, file, entry)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readEntries(handle: FileHandle, file: string): Promise<ReadonlyMap<string, Entry>> {
  const { size } = await handle.stat()
  const tail = await bytesAt(handle, Math.max(0, size - END_BYTES - 0xffff), Math.min(size, END_BYTES + 0xffff))
  let end = tail.length - END_BYTES
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--
  if (end < 0) throw wrong(file, 'it is no ZIP, or not a whole one')
  const [count, length, start] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)]
  if (count > MOST_ENTRIES || start + length > size) throw wrong(file, 'it is a ZIP of another kind')
  const directory = await bytesAt(handle, start, length)
  const entries = new Map<string, Entry>()
  for (let at = 0; at < directory.length;) {
    if (directory.length - at < CENTRAL_BYTES || directory.readUInt32LE(at) !== CENTRAL)
      throw wrong(file, 'its directory is damaged')
    const name = directory.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + directory.readUInt16LE(at + 28))
    if (entries.has(name)) throw wrong(file, `${name} is in it twice`)
    entries.set(name, {
      method: directory.readUInt16LE(at + 10),
      compressed: directory.readUInt32LE(at + 20),
      at: directory.readUInt32LE(at + 42),
    })
    at +=
      CENTRAL_BYTES +
      directory.readUInt16LE(at + 28) +
      directory.readUInt16LE(at + 30) +
      directory.readUInt16LE(at + 32)
  }
  return entries
}

async function* entryBytes(
  handle: FileHandle,
  file: string,
  { method, compressed, at }: Entry,
): AsyncGenerator<Buffer> {
  const local = await bytesAt(handle, at, LOCAL_BYTES)
  if (local.length < LOCAL_BYTES || local.readUInt32LE(0) !== LOCAL) throw wrong(file, 'an entry is damaged')
  if (method !== STORED && method !== DEFLATED) throw wrong(file, 'an entry is compressed in another way')
  const start = at + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
  const raw = Readable.from(slices(handle, start, compressed))
  try {
    yield* method === STORED ? raw : raw.pipe(createInflateRaw())
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw wrong(file, 'an entry is damaged')
  }
}

async function* slices(handle: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length;) {
    const slice = await bytesAt(handle, start + done, Math.min(65_536, length - done))
    if (slice.length === 0) return
    done += slice.length
    yield slice
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

function wrong(file: string, why: string): DomainError {
  return new DomainError('invalid-value', `The pack ${file} cannot be used: ${why}`)
}
