import { closeSync, createReadStream, existsSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { checkpointLine, isSigned, readCheckpointLine } from './checkpoint.ts'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Erasure } from '../domain/privacy.ts'

/**
 * Adds checkpoints to the end of a file, a line each, and has them on its disk before it returns. The file and its
 * folder are made. @throws the system's error
 */
export function appendCheckpoints(file: string, checkpoints: readonly Checkpoint[]): void {
  appendLines(file, checkpoints.map(checkpointLine))
}

/**
 * Adds who was erased to the same file, for a restore of a backup that still has them. A line holds ids and a time.
 * @param deployment name of the deployment
 */
export function appendErasures(file: string, deployment: string, erasures: readonly Erasure[]): void {
  const lines = erasures.map(({ orgId, person, seq, at }) =>
    JSON.stringify({ erasure: { deployment, org: orgId, person, record: seq, time: new Date(at).toISOString() } }),
  )
  appendLines(file, lines)
}

function appendLines(file: string, lines: readonly string[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const descriptor = openSync(file, 'a', 0o640)
  try {
    writeSync(descriptor, lines.map((line) => `${line}\n`).join(''))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Whom a file says this deployment erased. A file that is not there has nobody. */
export async function erasedOutside(
  file: string | undefined,
  deployment: string,
): Promise<readonly Pick<Erasure, 'orgId' | 'person'>[]> {
  const erased: Pick<Erasure, 'orgId' | 'person'>[] = []
  if (file === undefined || !existsSync(file)) return erased
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (!line.includes('"erasure"')) continue
    const { erasure } = JSON.parse(line) as { erasure?: { deployment: string; org: OrgId; person: UserId } }
    if (erasure?.deployment === deployment) erased.push({ orgId: erasure.org, person: erasure.person })
  }
  return erased
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
