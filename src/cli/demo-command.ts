import { Command } from 'commander'
import { DomainError } from '../domain/errors.ts'
import { newId, type TokenId } from '../domain/ids.ts'
import { createConnection } from '../provisioning/create-connection.ts'
import { revokeConnection } from '../provisioning/revoke-connection.ts'
import { streamProgress } from './demo/progress.ts'
import { type DemoSummary, runDemo } from './demo/run-demo.ts'
import { interruptSignal } from './interrupt.ts'
import { getOrg } from './lookup.ts'
import { json } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const CONNECTION = 'demo'
const PROBE_MS = 5_000

interface DemoCommandOptions {
  readonly url?: string
  readonly token?: string
  readonly org: string
  readonly json?: true
}

/** `rollcall demo`: a scripted identity provider in a process of its own, beside the gateway it drives over HTTP. */
export function demoCommand(ports: CommandPorts): Command {
  return new Command('demo')
    .description("push 200 people and 20 groups with Okta's and Entra ID's own requests, and check what came of it")
    .option('--url <url>', 'SCIM base URL of a running gateway (default: the local one)')
    .option('--token <token>', 'its bearer token (default: a connection "demo" is made for it and revoked at the end)')
    .option('--org <org>', 'organisation of the local store', 'default')
    .option('--json', 'answer in JSON')
    .action(async (options: DemoCommandOptions) => {
      const summary = await pushDemo(ports, options)
      ports.out(options.json === true ? json(summary) : sentences(summary))
      if (summary.mismatches.length > 0) {
        throw new DomainError(
          'invalid-value',
          'The gateway does not hold what was pushed; the differences are listed above',
        )
      }
    })
}

interface DemoResult extends DemoSummary {
  /** What the local store holds over all, when it was opened. */
  readonly store?: Readonly<Record<string, number>>
}

function pushDemo(ports: CommandPorts, options: DemoCommandOptions): Promise<DemoResult> {
  const { url, token } = options
  if ((url === undefined) !== (token === undefined)) {
    throw new DomainError('invalid-value', 'Give --url and --token together, or neither')
  }
  const signal = interruptSignal()
  const push = (base: string, bearer: string): Promise<DemoSummary> => {
    const progress = streamProgress(process.stderr)
    return runDemo({ url: base, token: bearer, progress, signal }).catch((error: unknown) => {
      throw signal.aborted ? new DomainError('unavailable', 'The demo was interrupted') : error
    })
  }
  if (url !== undefined && token !== undefined) return push(url, token)
  const base = `${ports.publicUrl()}/scim/v2`
  return ports.withStore(async (operator) => {
    await probe(base)
    return withDemoConnection(operator, options.org, async (minted, counts) => {
      const summary = await push(base, minted)
      return { ...summary, store: { ...(await counts()) } }
    })
  })
}

/** Any answer will do: what matters is that somebody listens, before anything is written for it. */
async function probe(base: string): Promise<void> {
  try {
    const answer = await fetch(`${base}/ServiceProviderConfig`, { signal: AbortSignal.timeout(PROBE_MS) })
    await answer.body?.cancel()
  } catch (cause) {
    const hint = 'start one with "npm start" in another terminal, or give --url and --token'
    throw new DomainError('unavailable', `No gateway answers at ${base}: ${hint}`, { cause })
  }
}

/** The connection lives as long as the demo, also when it fails. */
async function withDemoConnection<T>(
  operator: Operator,
  orgName: string,
  run: (token: string, counts: () => ReturnType<Operator['reads']['orgs']['counts']>) => Promise<T>,
): Promise<T> {
  const org = await getOrg(operator, orgName)
  const { provisioning, reads } = operator
  const id = newId<TokenId>(Date.now())
  const { text, secretHash } = operator.mintToken(id)
  const connection = await createConnection(provisioning, operator.operation(), org.id, {
    name: CONNECTION,
    kind: 'idp',
    mayGrantAdmin: false,
    scopes: ['users', 'groups'],
    trust: undefined,
    token: { id, secretHash, origin: 'minted', expires: undefined },
  }).durable.catch((error: unknown) => {
    throw demoIsThere(error, org.id)
  })
  try {
    return await run(text, () => reads.orgs.counts(org.id))
  } finally {
    await revokeConnection(provisioning, operator.operation(), org.id, connection.id).durable
  }
}

/** It may be another demo's that runs now, or somebody's own: not ours to end. */
function demoIsThere(error: unknown, org: string): unknown {
  if (!(error instanceof DomainError && error.code === 'uniqueness')) return error
  return new DomainError(
    'uniqueness',
    `There is a connection "${CONNECTION}" already: another demo runs, or one was killed before its end. ` +
      `To go on: rollcall connection revoke ${CONNECTION} --org ${org}`,
    { reason: error.reason, cause: error },
  )
}

function sentences(summary: DemoResult): string {
  const { active, deactivated, groups, memberships, requests, ms, mismatches, store } = summary
  const seconds = (ms / 1000).toFixed(1)
  const lines = [
    `Pushed ${active + deactivated} people (${active} active, ${deactivated} deactivated), ${groups} groups and ` +
      `${memberships} memberships with ${requests} requests in ${seconds} s`,
  ]
  if (store !== undefined) {
    const { users = 0, activeUsers = 0, teams = 0, memberships: derived = 0, records = 0 } = store
    lines.push(
      `The store now holds ${users} people (${activeUsers} active), ${teams} teams, ${derived} team memberships and ` +
        `${records} records in the provisioning log`,
    )
  }
  if (mismatches.length === 0) lines.push('Read back over SCIM: exactly what was pushed')
  else lines.push('Read back over SCIM, these differ:', ...mismatches.map((mismatch) => `  ${mismatch}`))
  return lines.join('\n')
}
