import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { ValueOpener } from './audit/opened-values.ts'
import { findPurgePlace, makePurgePack } from './audit/purge-pack.ts'
import { checkpointNow } from './audit/write-checkpoints.ts'
import type { Checkpointing } from './checkpointing.ts'
import type { Caller } from './domain/caller.ts'
import { DomainError } from './domain/errors.ts'
import { newId, type OrgId } from './domain/ids.ts'
import type { OrgSummary } from './domain/ports.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { beginPurge, checkPurge, finishPurge } from './provisioning/purge-log.ts'
import { recordExport } from './provisioning/record-log-use.ts'
import type { Store } from './storage/store.ts'

const DAY_MS = 86_400_000

export interface RetentionParts {
  readonly store: Pick<Store, 'reads' | 'work'>
  readonly tally: Provisioning['tally']
  readonly checkpoints: Checkpointing
  readonly values: ValueOpener
  /** Where evidence packs of what is purged are kept; without one nothing is purged. */
  readonly folder: string | undefined
  readonly logger: Pick<Logger, 'info' | 'warn'>
}

/** Purges logs of what is older than their orgs keep. */
export interface Retention {
  /** @param now epoch milliseconds */
  apply(now: number): Promise<void>
}

/**
 * Purges, org by org and at most once a day each, what is older than the org's `log.keepDays`: into an evidence pack in
 * the folder, which is verified first. What a hold or a receiver that is behind keeps stays, which the log says. Purges
 * that were cut off are gone on with. Of several instances the first that begins decides.
 */
export function createRetention(parts: RetentionParts): Retention {
  const tried = new Map<OrgId, number>()

  async function applyTo(org: OrgSummary, now: number): Promise<void> {
    const { reads, work } = parts.store
    const last = await reads.records.purged(org.id)
    if (last?.done === false) await finishPurge({ work }, org.id)
    const { logKeepDays } = (await reads.orgs.policy(org.id)).settings
    if (logKeepDays === undefined || now - Math.max(last?.at ?? 0, tried.get(org.id) ?? 0) < DAY_MS) return
    const after = last?.upTo ?? 0
    const before = now - logKeepDays * DAY_MS
    const place = findPurgePlace(await reads.checkpoints.all(org.id), { before }, after)
    if (place === undefined) return
    tried.set(org.id, now)
    await purgeRange(parts, org, { after, upTo: place.seq })
  }

  return {
    async apply(now) {
      for (const org of await parts.store.reads.orgs.list()) {
        try {
          await applyTo(org, now)
        } catch (error) {
          if (!(error instanceof DomainError)) throw error
          parts.logger.warn({ orgId: org.id, why: error.message }, 'the log of an org was not purged')
        }
      }
    },
  }
}

interface Range {
  readonly after: number
  readonly upTo: number
}

async function purgeRange(parts: RetentionParts, { id, name }: OrgSummary, range: Range): Promise<void> {
  const { store, tally, checkpoints, values, folder, logger } = parts
  if (folder === undefined) {
    throw new DomainError('invalid-value', 'No folder for evidence packs is set: set ROLLCALL_PACK_DIR')
  }
  const provisioning = { work: store.work, tally, wakeJobs: () => undefined }
  const caller = systemCaller(id)
  await checkPurge(provisioning, caller, range.upTo).durable
  await recordExport(provisioning, caller, id, { form: 'pack', personal: true }).durable
  // A name of its own: what another instance writes, or a crash left, is never touched.
  const file = join(folder, `${id}-${range.after + 1}-${range.upTo}-${caller.request.id}.zip`)
  try {
    const order = await makePurgePack(
      { reads: store.reads, checkpoints: checkpoints.parts },
      { orgId: id, orgName: name, values, by: 'system', file, ...range },
    )
    await beginPurge(provisioning, caller, order).durable
  } catch (error) {
    // Whether an outage came before or after the commit is not known: then the pack may be the only copy.
    if (error instanceof DomainError && error.code !== 'unavailable') await rm(file, { force: true })
    throw error
  }
  // Signed before anything goes.
  await checkpointNow(checkpoints.parts, id)
  await checkpoints.write()
  await finishPurge(provisioning, id)
  logger.info({ orgId: id, upTo: range.upTo, file }, 'the log of an org was purged')
}

function systemCaller(orgId: OrgId): Caller {
  const receivedAt = Date.now()
  const request = { id: newId<string>(receivedAt), receivedAt, started: performance.now() }
  return { orgId, actor: { type: 'system' }, connection: undefined, request }
}
