import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { checkpointLine, isSigned, readCheckpointLine } from './checkpoint.ts'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'

/**
 * Adds checkpoints to the end of a file, a line each, and has them on its disk before it returns. The file and its
 * folder are made. @throws the system's error
 */
export function appendCheckpoints(file: string, checkpoints: readonly Checkpoint[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const descriptor = openSync(file, 'a', 0o640)
  try {
    writeSync(descriptor, checkpoints.map((checkpoint) => `${checkpointLine(checkpoint)}\n`).join(''))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * All checkpoints in a file of them, or in a process log that tells of them, in its order.
 * @throws DomainError `invalid-value` for a file that cannot be read or a line that is damaged
 */
export async function* readCheckpoints(file: string): AsyncGenerator<Checkpoint> {
  let number = 0
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number++
      const checkpoint = readCheckpointLine(line)
      if (checkpoint !== undefined) yield checkpoint
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const why = code === undefined ? `line ${number} ${(error as Error).message}` : `it cannot be read (${code})`
    throw new DomainError('invalid-value', `The checkpoints in ${file} cannot be used: ${why}`, { cause: error })
  }
}

/**
 * The newest checkpoint of each org in a file, as long as it is one of this deployment and its signature is whole.
 * A file that is not there yet has none.
 */
export async function newestOutside(file: string | undefined, deployment: string): Promise<readonly Checkpoint[]> {
  const newest = new Map<OrgId, Checkpoint>()
  if (file === undefined) return []
  try {
    for await (const checkpoint of readCheckpoints(file)) {
      const last = newest.get(checkpoint.orgId)
      const isOurs = (JSON.parse(checkpoint.body) as { deployment: string }).deployment === deployment
      if (isOurs && (last === undefined || isLater(checkpoint, last))) newest.set(checkpoint.orgId, checkpoint)
    }
  } catch (error) {
    const { cause } = error as { cause?: NodeJS.ErrnoException }
    if (cause?.code !== 'ENOENT') throw error
  }
  return [...newest.values()].filter(isSigned)
}

function isLater(a: Checkpoint, b: Checkpoint): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq >= b.seq)
}
