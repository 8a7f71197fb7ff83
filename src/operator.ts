import { performance } from 'node:perf_hooks'
import { createTally } from './audit/tally.ts'
import { STRETCH } from './audit/verify.ts'
import { mintResetLink, mintSetupLink } from './auth/one-time-link.ts'
import { mintToken } from './auth/token.ts'
import { trustProblem } from './auth/trust-problem.ts'
import { makeBackup } from './backup.ts'
import { createCheckpointing } from './checkpointing.ts'
import type { Operator } from './cli/ports.ts'
import type { Config } from './config.ts'
import { newId, type OrgId } from './domain/ids.ts'
import { connect, type OpenedStore, openCheckedStore } from './opened-store.ts'
import { runReconcileJobs } from './provisioning/reconcile-job.ts'
import { mailProbe, unreachableDirectories } from './reachability.ts'
import { createProofLookUp } from './signin/domain-proof.ts'
import { sinkPorts } from './sink-wiring.ts'
import { databaseFile } from './storage/store.ts'
import { createVerifyThreads } from './verify-threads.ts'
import { checkedProviderConfig, providerProblem, sealProviderSecret } from './sign-in-wiring.ts'

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

async function runCommand<T>(config: Config, opened: OpenedStore, run: (operator: Operator) => Promise<T>): Promise<T> {
  const { store, logKey, forks } = opened
  const checkpoints = createCheckpointing({ opened, file: config.log.checkpointFile, logger: undefined })
  const jobs: Promise<void>[] = []
  const wakeJobs = (orgId: OrgId): void => {
    const job = runReconcileJobs(store.work, orgId, () => false)
    // Heard of when the command is done; until then it is no unhandled rejection, which would end the process.
    job.catch(() => undefined)
    jobs.push(job)
  }
  const [result] = await Promise.allSettled([
    run({
      reads: store.reads,
      provisioning: { work: store.work, tally: createTally({ now: Date.now }), wakeJobs },
      log: {
        checkpoints: checkpoints.parts,
        write: () => checkpoints.write(),
        publicKey: logKey.publicKey,
        values: opened.values,
        startThreads(longest) {
          const { url: databaseUrl, dataDir } = config.database
          const threads = createVerifyThreads({ databaseUrl, file: databaseFile(dataDir) })
          if (longest >= STRETCH) threads.begin()
          return threads
        },
        forks,
      },
      async finishErasure(full) {
        await checkpoints.write()
        return { ...(await opened.connections.scrub(full)), outside: config.log.checkpointFile !== undefined }
      },
      sinks: sinkPorts({ config, opened, publicUrl: config.server.publicUrl }),
      async backup(request) {
        // So that what is in it is signed.
        await checkpoints.write(true)
        return makeBackup(opened, operation(), request)
      },
      mail: mailProbe(config),
      packDir: config.log.packDir,
      unreachableDirectories: (orgId) => unreachableDirectories(config, opened, orgId),
      providers: {
        checked: (kind, given) => checkedProviderConfig(config, kind, given),
        seal: (of, secret) => sealProviderSecret(opened.secrets, of, secret),
        problem: (provider) => providerProblem(config, opened, provider),
      },
      operation,
      mintToken,
      mintSetupLink: () => mintSetupLink(Date.now()),
      mintResetLink: (user) => mintResetLink(user, Date.now()),
      lookUpProof: createProofLookUp(config.signIn.dnsServers),
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
export function operation(): ReturnType<Operator['operation']> {
  const receivedAt = Date.now()
  const uid = process.getuid?.()
  return {
    actor: { type: 'cli', ...(uid === undefined ? {} : { id: `uid:${uid}` }) },
    request: { id: newId(receivedAt), receivedAt, started: performance.now() },
  }
}
