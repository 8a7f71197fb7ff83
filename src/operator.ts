import { performance } from 'node:perf_hooks'
import { createTally } from './audit/tally.ts'
import { isPinnedEnough } from './auth/jwt-claims.ts'
import { keyAddressProblem } from './auth/key-fetch.ts'
import { mintToken } from './auth/token.ts'
import type { Operator, TrustDraft } from './cli/ports.ts'
import type { Config } from './config.ts'
import { newId, type OrgId } from './domain/ids.ts'
import { connect, type OpenedStore, openCheckedStore } from './opened-store.ts'
import { runReconcileJobs } from './provisioning/reconcile-job.ts'

/** What the operator is told beside a command's answer. */
export interface OperatorNotices {
  readonly warn: (error: Error) => void
  /** The embedded store's key was made just now, in this file. */
  readonly keyMade: (file: string) => void
}

/** Opens the store beside a running server for one command of the local operator, and closes it. */
export async function withOperator<T>(
  config: Config,
  notices: OperatorNotices,
  run: (operator: Operator) => Promise<T>,
): Promise<T> {
  const connections = connect(config, notices.warn)
  try {
    const opened = await openCheckedStore(config, connections)
    if (opened.keyMadeAt !== undefined) notices.keyMade(opened.keyMadeAt)
    return await runCommand(config, opened, run)
  } finally {
    await connections.close()
  }
}

async function runCommand<T>(
  config: Config,
  { store }: OpenedStore,
  run: (operator: Operator) => Promise<T>,
): Promise<T> {
  const jobs: Promise<void>[] = []
  const wakeJobs = (orgId: OrgId): void => {
    jobs.push(runReconcileJobs(store.work, orgId, () => false))
  }
  const [result] = await Promise.allSettled([
    run({
      reads: store.reads,
      provisioning: { work: store.work, tally: createTally({ now: Date.now }), wakeJobs },
      operation,
      mintToken,
      trustProblem: (trust) => trustProblem(trust, config.auth.allowPrivateIssuers),
    }),
  ])
  // Also after a failure: what was submitted is committed or refused before the connections close.
  const ended = await Promise.allSettled(jobs)
  await store.work.idle()
  if (result.status === 'rejected') throw result.reason
  const failed = ended.find((job) => job.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return result.value
}

/** The local operator: the number of the operating system's user, never a name. */
function operation(): ReturnType<Operator['operation']> {
  const receivedAt = Date.now()
  const uid = process.getuid?.()
  return {
    actor: { type: 'cli', ...(uid === undefined ? {} : { id: `uid:${uid}` }) },
    request: { id: newId(receivedAt), receivedAt, started: performance.now() },
  }
}

/** What no token could ever satisfy, or too many could: said when the trust is made, not at the first 401. */
function trustProblem(trust: TrustDraft, allowPrivateIssuers: boolean): string | undefined {
  if (!/^[\x21-\x7e]{1,2048}$/.test(trust.issuer)) return 'The issuer must be 1 to 2048 printable ASCII characters'
  if (trust.audience.trim() === '') return 'The audience is empty; give it exactly as in the aud of the JWTs'
  if (!isPinnedEnough(trust)) {
    return (
      'This audience is shared by every application of Entra ID: pin the tenant and the application or its ' +
      'service principal (--pin tid=… and --pin appid=… or --pin oid=…)'
    )
  }
  const problem = keyAddressProblem(trust.jwksUri ?? trust.issuer, allowPrivateIssuers)
  if (problem === undefined) return undefined
  return `Keys cannot be fetched from the ${trust.jwksUri === undefined ? 'issuer' : 'JWKS address'}: ${problem}`
}
