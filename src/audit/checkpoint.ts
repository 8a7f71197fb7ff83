import { hash } from 'node:crypto'
import type { Checkpoint } from '../domain/checkpoint.ts'
import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json } from '../domain/json.ts'
import type { ChainHead } from '../domain/record.ts'
import { canonicalJson } from './canonical-json.ts'
import { type LogKey, logKeyId, verifiesLogSignature } from './log-key.ts'

const TYPE = 'rollcall.checkpoint/1'
const SIGNED_TAG = 'rollcall-checkpoint-1\n'
const HASH = /^[0-9a-f]{64}$/

/** What a checkpoint says. */
export interface CheckpointFacts {
  readonly deployment: string
  readonly org: OrgId
  readonly epoch: number
  readonly seq: number
  /** The chain's hash at that seq, 64 hex characters. */
  readonly hash: string
  /** When it was signed, epoch milliseconds. */
  readonly time: number
  /** SHA-256 of the body of the org's checkpoint before it, 64 hex characters; null for the first. */
  readonly prev: string | null
  readonly keyId: string
}

/** What is signed beside where the chain stands. */
export interface Signing {
  readonly key: LogKey
  /** Name of the deployment. */
  readonly deployment: string
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Signs where an org's chain stands. The body is canonical JSON (RFC 8785); the signature is over
 * `rollcall-checkpoint-1\n` and the body.
 * @param last the org's checkpoint before it
 */
export function signCheckpoint(
  orgId: OrgId,
  at: Pick<ChainHead, 'epoch' | 'seq' | 'hash'>,
  last: Pick<Checkpoint, 'body'> | undefined,
  { key, deployment, now }: Signing,
): Checkpoint {
  const { epoch, seq } = at
  const body = canonicalJson({
    type: TYPE,
    deployment,
    org: orgId,
    epoch,
    seq,
    hash: Buffer.from(at.hash).toString('hex'),
    time: new Date(now).toISOString(),
    prevCheckpoint: last === undefined ? null : checkpointHash(last.body),
    keyId: key.keyId,
  })
  const { keyId, publicKey } = key
  return { orgId, epoch, seq, time: now, keyId, publicKey, body, signature: key.sign(SIGNED_TAG + body) }
}

/** SHA-256 of a checkpoint's body, 64 hex characters: what the next one names. */
export function checkpointHash(body: string): string {
  return hash('sha256', body, 'hex')
}

/** Whether the signature is that of the key the checkpoint names, over exactly this body. */
export function isSigned({ body, publicKey, keyId, signature }: Checkpoint): boolean {
  return logKeyId(publicKey) === keyId && verifiesLogSignature(publicKey, SIGNED_TAG + body, signature)
}

/** What a body says; undefined for what is no checkpoint. */
export function checkpointFacts(body: string): CheckpointFacts | undefined {
  const value = parsed(body)
  if (!isJsonObject(value) || value['type'] !== TYPE) return undefined
  const { deployment, org, epoch, seq, hash: chainHash, prevCheckpoint: prev, keyId } = value
  const time = timeIn(value['time'])
  if (typeof deployment !== 'string' || typeof org !== 'string' || time === undefined) return undefined
  if (!isCount(epoch) || !isCount(seq) || !isHash(chainHash) || !isHash(keyId)) return undefined
  if (prev !== null && !isHash(prev)) return undefined
  return { deployment, org: org as OrgId, epoch, seq, hash: chainHash, time, prev, keyId }
}

function timeIn(value: Json | undefined): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isHash(value: Json | undefined): value is string {
  return typeof value === 'string' && HASH.test(value)
}

/** A checkpoint as one line of JSON for a file or a stream: the exact body as a string, key and signature in base64url. */
export function checkpointLine({ body, publicKey, signature }: Checkpoint): string {
  return JSON.stringify(checkpointEntry({ body, publicKey, signature }))
}

/** The same as an object, for a line of a process log. */
export function checkpointEntry({ body, publicKey, signature }: Pick<Checkpoint, 'body' | 'publicKey' | 'signature'>): {
  readonly checkpoint: string
  readonly key: string
  readonly signature: string
} {
  return { checkpoint: body, key: base64url(publicKey), signature: base64url(signature) }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

/**
 * Reads a line of `checkpointLine`, or one of a process log that carries the same three members.
 * @returns undefined for a line that is about something else
 * @throws Error with a sentence for one that is damaged
 */
export function readCheckpointLine(line: string): Checkpoint | undefined {
  const value = parsed(line)
  if (value === undefined) {
    if (line.includes('"checkpoint"')) throw new Error('is no whole line of JSON')
    return undefined
  }
  if (!isJsonObject(value) || value['checkpoint'] === undefined) return undefined
  const { checkpoint: body, key, signature } = value
  const facts = typeof body === 'string' ? checkpointFacts(body) : undefined
  if (facts === undefined || typeof body !== 'string') throw new Error('holds no checkpoint of a known form')
  if (typeof key !== 'string' || typeof signature !== 'string') throw new Error('lacks its key or its signature')
  return {
    ...{ orgId: facts.org, epoch: facts.epoch, seq: facts.seq, time: facts.time, keyId: facts.keyId, body },
    publicKey: Buffer.from(key, 'base64url'),
    signature: Buffer.from(signature, 'base64url'),
  }
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
