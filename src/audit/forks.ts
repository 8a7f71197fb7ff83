import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OnRefusal, RecordReads, UnitOfWork } from '../domain/ports.ts'
import type { ChainHead } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { forkIn } from './anchors.ts'
import { checkpointFacts } from './checkpoint.ts'

/** A chain that does not go on from the newest checkpoint of it that is kept outside the store. */
export interface ForkedChain {
  readonly orgId: OrgId
  /** What the checkpoint says; `hash` in hex. */
  readonly outside: { readonly epoch: number; readonly seq: number; readonly hash: string }
  /** Where the store's chain stands; undefined when the store has none of that org. */
  readonly head: ChainHead | undefined
}

/**
 * Holds the newest outside checkpoint of each org against its chain: an older copy of the store, or another one, does
 * not have the record that the checkpoint names. A fork that a record of the chain accepted is none.
 */
export async function findForks(reads: RecordReads, outside: Iterable<Checkpoint>): Promise<readonly ForkedChain[]> {
  const forked: ForkedChain[] = []
  for (const { orgId, body } of outside) {
    const facts = checkpointFacts(body)
    if (facts === undefined) continue
    const { epoch, seq, hash } = facts
    const [record] = await reads.page(orgId, seq - 1, seq, 1)
    if (record?.epoch === epoch && Buffer.from(record.hash).toString('hex') === hash) continue
    if (await isAccepted(reads, orgId, facts)) continue
    forked.push({ orgId, outside: { epoch, seq, hash }, head: await reads.head(orgId) })
  }
  return forked
}

async function isAccepted(
  reads: RecordReads,
  orgId: OrgId,
  { epoch, seq }: { readonly epoch: number; readonly seq: number },
): Promise<boolean> {
  for (const action of ['log.fork', 'log.restore']) {
    for (const record of await reads.ofAction(orgId, action, 1_000)) {
      const { lost, epoch: later } = forkIn(record)
      if (later > epoch && lost !== undefined && lost.epoch >= epoch && lost.seq >= seq) return true
    }
  }
  return false
}

/** Keeps chains that forked from being written on. */
export interface ForkGuard {
  /** The same work, refused for orgs whose chain forked. */
  readonly work: UnitOfWork
  /** Those that forked and were not accepted. */
  forked(): readonly ForkedChain[]
  has(orgId: OrgId): boolean
  /** Lets one org be written again: its fork is accepted, or is about to be. */
  lift(orgId: OrgId): void
  /** Looks again whether forks were accepted meanwhile, by another process. */
  recheck(): Promise<void>
}

/**
 * @param work the store's own
 * @param outside the newest checkpoint of each org that is kept outside the store
 */
export async function guardForks(
  work: UnitOfWork,
  reads: RecordReads,
  outside: readonly Checkpoint[],
): Promise<ForkGuard> {
  const stopped = new Map((await findForks(reads, outside)).map((fork) => [fork.orgId, fork]))

  function problem(orgId: OrgId): DomainError | undefined {
    const fork = stopped.get(orgId)
    if (fork === undefined) return undefined
    const { epoch, seq } = fork.outside
    const place = `record ${seq} of epoch ${epoch}`
    return new DomainError(
      'unavailable',
      `The provisioning log does not go on from its newest checkpoint outside the store (${place}): an older or another store is open. Nothing is written until an operator runs: rollcall log accept-fork`,
      { reason: 'log.forked', retryAfter: 60 },
    )
  }

  return {
    work: {
      submit<T>(orgId: OrgId, unit: (stores: WriteStores) => Promise<T>, onRefusal?: OnRefusal) {
        const error = problem(orgId)
        if (error !== undefined) return refused<T>(error)
        return work.submit(orgId, unit, onRefusal)
      },
      found: (org, unit) => work.found(org, unit),
    },
    forked: () => [...stopped.values()],
    has: (orgId) => stopped.has(orgId),
    lift: (orgId) => {
      stopped.delete(orgId)
    },
    async recheck() {
      if (stopped.size === 0) return
      const still = new Set((await findForks(reads, outside)).map(({ orgId }) => orgId))
      for (const orgId of stopped.keys()) if (!still.has(orgId)) stopped.delete(orgId)
    },
  }
}

function refused<T>(error: DomainError): { readonly value: Promise<T>; readonly durable: Promise<T> } {
  const rejected = Promise.reject<T>(error)
  rejected.catch(() => undefined)
  return { value: rejected, durable: rejected }
}
