import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DomainError } from '../domain/errors.ts'

/**
 * Writes a pack into a file of its own, so that it is on the disk with its name; what could not be written whole is taken
 * away again.
 * @param make begins the pack, once there is a file for it
 * @throws DomainError `invalid-value` for a file that is there already or cannot be made
 */
export async function writePackFile(file: string, make: () => Promise<NodeJS.ReadableStream>): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw unwritable(file, error)
  })
  try {
    const target = handle.createWriteStream({ flush: true })
    await pipeline(await made(make, target), target)
    await keepName(file)
  } catch (error) {
    await rm(file, { force: true }).catch(() => undefined)
    throw unwritable(file, error)
  }
}

async function made(
  make: () => Promise<NodeJS.ReadableStream>,
  target: { destroy(): unknown },
): Promise<NodeJS.ReadableStream> {
  try {
    return await make()
  } catch (error) {
    target.destroy()
    throw error
  }
}

/** A file that was flushed may still lose its name with the power. Not every system flushes folders: most do it unasked. */
async function keepName(file: string): Promise<void> {
  try {
    const folder = await open(dirname(file), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') throw error
  }
}

const WHY: Readonly<Record<string, string>> = {
  EEXIST: 'it is there already',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'its folder may not be written to',
  EPERM: 'its folder may not be written to',
  EROFS: 'its disk may only be read',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk is full',
}

function unwritable(file: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  // Of the pack's own making: a failure of the store says so itself.
  if (code === undefined || syscall === undefined) return error
  return new DomainError('invalid-value', `The pack ${file} cannot be written: ${WHY[code] ?? code}`)
}
