import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { contentHashOf, linkHash } from '../../src/audit/chain.ts'
import { type LogKey, logKeyOf } from '../../src/audit/log-key.ts'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import { type CheckpointParts, writeCheckpoints } from '../../src/audit/write-checkpoints.ts'
import type { Checkpoint } from '../../src/domain/checkpoint.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import type { OpenedStore } from '../../src/opened-store.ts'
import type { TestStore } from './databases.ts'

/** A fresh key for checkpoints. */
export function freshLogKey(): LogKey {
  return logKeyOf(randomBytes(32))
}

/** What an opened store has for its log, over a test's store: nothing forked. */
export function openedLog({
  store,
  kek,
}: TestStore): Pick<OpenedStore, 'logKey' | 'previousLogKey' | 'deployment' | 'forks' | 'values' | 'eventSeeds'> {
  const forks: OpenedStore['forks'] = {
    ...{ work: store.work, forked: () => [], has: () => false, lift: () => undefined },
    recheck: () => Promise.resolve(),
  }
  const values = createValueOpener(kek, store.reads.records)
  return {
    values,
    logKey: freshLogKey(),
    previousLogKey: undefined,
    deployment: 'test',
    forks,
    eventSeeds: [randomBytes(32), randomBytes(32)],
  }
}

/** What signs checkpoints over a test's store; `outside` collects what would have left it. */
export function checkpointParts(test: TestStore, key: LogKey, outside: Checkpoint[] = []): CheckpointParts {
  const { reads, checkpoints } = test.store
  return {
    ...{ key, deployment: 'test', records: reads.records, reads: reads.checkpoints, writes: checkpoints },
    ...{ now: Date.now, mayWrite: () => true, onWritten: (checkpoint) => outside.push(checkpoint) },
  }
}

/** Signs every chain that moved. @returns what was signed */
export async function signAll(test: TestStore, key: LogKey): Promise<readonly Checkpoint[]> {
  const outside: Checkpoint[] = []
  await writeCheckpoints(checkpointParts(test, key, outside), true)
  return outside
}

/** Lets the rows of the log be changed, as whoever owns the database can. */
export async function unguard({ connections: { writer }, dialect }: TestStore): Promise<void> {
  if (dialect === 'sqlite') await sql`drop trigger if exists provisioning_event_append_only`.execute(writer)
  else await sql`alter table provisioning_event disable trigger user`.execute(writer)
}

/** Links an org's records anew in the order they have, from the first on, and sets the head: a forger's last step. */
export async function relink({ connections: { writer } }: TestStore, org: OrgId): Promise<void> {
  const rows = await writer
    .selectFrom('provisioning_event')
    .selectAll()
    .where('org_id', '=', org)
    .orderBy('seq')
    .execute()
  let prev: Uint8Array = Buffer.alloc(32)
  for (const { seq, epoch, time_ms: time, body } of rows) {
    const contentHash = contentHashOf(body)
    const hash = linkHash({ org, epoch, seq, time, prev, contentHash })
    await writer
      .updateTable('provisioning_event')
      .set({ content_hash: contentHash, hash })
      .where('org_id', '=', org)
      .where('seq', '=', seq)
      .execute()
    prev = hash
  }
  const last = rows.at(-1)!
  const head = { epoch: last.epoch, seq: last.seq, time_ms: last.time_ms, hash: prev }
  await writer.updateTable('org_chain').set(head).where('org_id', '=', org).execute()
}
