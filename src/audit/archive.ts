import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip, createGzip } from 'node:zlib'
import type { ArchiveRow, ArchiveTable, ArchiveValue, TableRow } from '../domain/backup.ts'
import { DomainError } from '../domain/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'

/*
 * A backup: gzip over lines of JSON. The first is the header; then a line a row, `[table, value, …]`, bytes in base64; the
 * last says how many rows there were and the SHA-256 of every byte before it, so that what is cut off or changed shows.
 */

const FORM = 'rollcall.backup/1'

export interface ArchiveHeader {
  /** `store` holds no person's key, `keys` little else. */
  readonly kind: 'store' | 'keys'
  readonly deployment: string
  /** Id of the master key that everything secret is wrapped with. */
  readonly kekId: string
  /** Epoch milliseconds. */
  readonly made: number
  readonly migrations: readonly string[]
  readonly tables: readonly ArchiveTable[]
}

const ROWS_A_PIECE = 500

/**
 * Writes an archive under another name first: what has the name asked for is whole and on its disk.
 * @returns how many rows it has
 * @throws DomainError `invalid-value` where the file is there already or cannot be written
 */
export async function writeArchive(
  file: string,
  header: ArchiveHeader,
  rowsOf: (table: ArchiveTable) => AsyncIterable<readonly ArchiveRow[]>,
): Promise<number> {
  const draft = `${file}.partial`
  const count = { rows: 0 }
  try {
    await refuseExisting(file)
    const out = await open(draft, 'wx', 0o600)
    try {
      await pipeline(Readable.from(pieces(header, rowsOf, count)), createGzip({ level: 4 }), async (source) => {
        for await (const chunk of source) await out.write(chunk as Buffer)
      })
      await out.sync()
    } finally {
      await out.close()
    }
    await rename(draft, file)
    return count.rows
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') await rm(draft, { force: true })
    throw code === undefined ? error : unusable(file, 'written', code === 'EEXIST' ? 'it is there already' : code)
  }
}

async function refuseExisting(file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  await handle.close()
  await rm(file)
}

async function* pieces(
  header: ArchiveHeader,
  rowsOf: (table: ArchiveTable) => AsyncIterable<readonly ArchiveRow[]>,
  count: { rows: number },
): AsyncGenerator<string> {
  const hash = createHash('sha256')
  const hashed = (text: string): string => {
    hash.update(text)
    return text
  }
  yield hashed(`${JSON.stringify({ rollcall: FORM, ...header })}\n`)
  for (const [at, table] of header.tables.entries()) {
    for await (const page of rowsOf(table)) {
      count.rows += page.length
      for (let from = 0; from < page.length; from += ROWS_A_PIECE) {
        yield hashed(
          page
            .slice(from, from + ROWS_A_PIECE)
            .map((row) => rowLine(at, row))
            .join(''),
        )
      }
    }
  }
  yield `${JSON.stringify({ end: { rows: count.rows, sha256: hash.digest('hex') } })}\n`
}

function rowLine(at: number, row: ArchiveRow): string {
  return `${JSON.stringify([at, ...row.map((value) => (value instanceof Uint8Array ? base64(value) : value))])}\n`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * The header of an archive, once all of the file is found to be whole.
 * @throws DomainError `invalid-value` that says what is wrong with the file
 */
export async function checkArchive(file: string): Promise<ArchiveHeader> {
  let header: ArchiveHeader | undefined
  let rows = 0
  let end: JsonObject | undefined
  const hash = createHash('sha256')
  for await (const line of linesOf(file)) {
    if (end !== undefined) throw unusable(file, 'used', 'something follows its end')
    if (header === undefined) header = headerOf(file, line)
    else if (line.startsWith('[')) rows++
    else end = endOf(line)
    if (end === undefined) addLine(hash, line)
  }
  if (header === undefined) throw unusable(file, 'used', 'it is empty')
  if (end === undefined) throw unusable(file, 'used', 'it is cut off: its last line is missing')
  if (end['rows'] === rows && end['sha256'] === hash.digest('hex')) return header
  throw unusable(file, 'used', 'it was changed or damaged after it was made: its SHA-256 is another one')
}

/** The rows of an archive that was checked. */
export async function* archiveRows(file: string, { tables }: ArchiveHeader): AsyncGenerator<TableRow> {
  for await (const line of linesOf(file)) {
    if (!line.startsWith('[')) continue
    const [at, ...values] = JSON.parse(line) as [number, ...(string | number | null)[]]
    const table = tables[at]
    if (table === undefined) throw unusable(file, 'used', 'a row is of no table')
    const row: ArchiveValue[] = values
    for (const blob of table.blobs) {
      const value = values[blob]
      if (typeof value === 'string') row[blob] = Buffer.from(value, 'base64')
    }
    yield { table, row }
  }
}

function addLine(hash: Hash, line: string): void {
  hash.update(line)
  hash.update('\n')
}

function headerOf(file: string, line: string): ArchiveHeader {
  const value = parsed(line)
  const form = isJsonObject(value) ? value['rollcall'] : undefined
  if (form === FORM) return value as unknown as ArchiveHeader
  const isOurs = typeof form === 'string' && form.startsWith('rollcall.backup/')
  throw unusable(file, 'used', isOurs ? `its form ${form} is of a newer version` : 'it is no backup of Rollcall')
}

function endOf(line: string): JsonObject | undefined {
  const value = parsed(line)
  const end = isJsonObject(value) ? value['end'] : undefined
  return isJsonObject(end) ? end : undefined
}

function parsed(line: string): Json | undefined {
  try {
    return JSON.parse(line) as Json
  } catch {
    return undefined
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const unzipped = createGunzip()
  source.once('error', (error) => unzipped.destroy(error))
  source.pipe(unzipped)
  const decoder = new StringDecoder('utf8')
  let rest = ''
  try {
    for await (const chunk of unzipped) {
      const lines = (rest + decoder.write(chunk as Buffer)).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    throw unreadable(file, error)
  } finally {
    source.destroy()
  }
  if (rest !== '') throw unusable(file, 'used', 'it is cut off in the middle of a line')
}

function unreadable(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof DomainError || code === undefined) return error
  if (code === 'Z_BUF_ERROR') return unusable(file, 'used', 'it is cut off')
  if (code === 'Z_DATA_ERROR') return unusable(file, 'used', 'it is no backup of Rollcall, or damaged')
  return unusable(file, 'read', code)
}

function unusable(file: string, what: 'used' | 'read' | 'written', why: string): DomainError {
  return new DomainError('invalid-value', `The backup ${file} cannot be ${what}: ${why}`)
}
