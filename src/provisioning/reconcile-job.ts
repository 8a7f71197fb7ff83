import { type JobId, newId, type OrgId, type RecordId, type UserId } from '../domain/ids.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { Job, WriteStores } from '../domain/write-ports.ts'
import { guardGroupLosses, type Remover } from './guard-removals.ts'
import { type Extent, reconcilePeople } from './reconcile-people.ts'

/** People of one batch: small, so that requests get in between. */
const BATCH = 100

export interface JobStart {
  readonly reason: string
  readonly cause: { readonly id: RecordId; readonly seq: number }
  readonly people: readonly UserId[]
}

/** Commits, with the change that caused it, which people are still to be reconciled. */
export async function startReconcileJob(stores: WriteStores, orgId: OrgId, start: JobStart): Promise<void> {
  const { reason, cause, people } = start
  const job = { id: newId<JobId>(stores.now), reason, causeId: cause.id, causeSeq: cause.seq, cursor: LOSERS_FIRST }
  await stores.jobs.start(orgId, job, people, stores.now)
}

/**
 * How far a job is: `1:<user id>` while it goes through its people for those who lose something, then `2:<user id>` for
 * everybody. Whoever must no longer have something waits for nobody who gets something.
 */
const LOSERS_FIRST = '1:'

interface Cursor {
  readonly extent: Extent
  readonly after: string
}

/** A cursor without a pass is that of a job that was started when there was one only. */
function cursorOf(text: string): Cursor {
  const [, pass = '2', after = ''] = /^(?:([12]):)?(.*)$/.exec(text) ?? []
  return { extent: pass === '1' ? 'losers' : 'everybody', after }
}

/**
 * Runs an org's jobs to their end, a batch a transaction with its record, requests in between. A job goes on where it
 * stood after a restart; a person whom a request reconciled meanwhile has nothing left to change.
 */
export async function runReconcileJobs(work: UnitOfWork, orgId: OrgId, stopped: () => boolean): Promise<void> {
  for (let more = true; more && !stopped();) {
    more = await work.submit(orgId, (stores) => runBatch(stores, orgId)).durable
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

async function runBatch(stores: WriteStores, orgId: OrgId): Promise<boolean> {
  const job = await stores.jobs.next(orgId)
  if (job === undefined) return false
  const { extent, after } = cursorOf(job.cursor)
  const people = await stores.jobs.people(orgId, job.id, after, BATCH)
  const last = people.at(-1)
  if (last === undefined) {
    if (extent === 'losers') await stores.jobs.advance(orgId, job.id, '2:')
    else await stores.jobs.finish(orgId, job.id)
    return true
  }
  const effects = await reconcilePeople(stores, orgId, people, extent)
  if (effects.length > 0) {
    await stores.journal.append(orgId, {
      action: 'access.apply',
      actor: { type: 'system' },
      outcome: { result: 'success', reason: job.reason },
      cause: job.causeId,
      targets: [{ type: 'job', id: job.id }],
      effects,
    })
    await guardGroupLosses(stores, remover(orgId, job), effects)
  }
  await stores.users.touch(orgId, [...new Set(effects.flatMap((effect) => effect.people))], stores.now)
  await stores.jobs.advance(orgId, job.id, `${extent === 'losers' ? '1' : '2'}:${last}`)
  return true
}

/** The connection that changed the group of which the job applies the effects. */
function remover(orgId: OrgId, { reason, connection }: Job): Remover | undefined {
  if (connection === undefined || !reason.startsWith('group.')) return undefined
  return { orgId, connection, actor: { type: 'system', connectionId: connection } }
}
