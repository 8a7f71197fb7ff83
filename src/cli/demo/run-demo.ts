import { DemoClient, DemoError } from './client.ts'
import { entraProvider } from './entra.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { oktaProvider } from './okta.ts'
import { DEMO_SIZE, expectedState, planDemo, type DemoSize, type PlannedPerson, type PlannedShare } from './plan.ts'
import { SILENT, type DemoProgress } from './progress.ts'
import { verifyState } from './verify.ts'

/** Where and how much to push. */
export interface DemoOptions {
  /** The SCIM base, e.g. `http://127.0.0.1:8080/scim/v2`. */
  readonly url: string
  readonly token: string
  readonly people?: number
  readonly groups?: number
  readonly progress?: DemoProgress
  /** Stops the demo between and within requests; `runDemo` then throws the signal's reason. */
  readonly signal?: AbortSignal
}

/** What was pushed, and how the gateway's own lists differ from it (`mismatches` is empty when all is well). */
export interface DemoSummary {
  readonly active: number
  readonly deactivated: number
  readonly groups: number
  /** Members over all groups, deactivated people included. */
  readonly memberships: number
  readonly requests: number
  readonly ms: number
  readonly mismatches: readonly string[]
  /** What the gateway holds that is not the demo's. */
  readonly others: { readonly people: number; readonly groups: number }
}

interface Half {
  readonly provider: IdentityProvider
  readonly share: PlannedShare
}

interface Job {
  readonly phase: string
  readonly run: () => Promise<void>
}

const PARALLEL = 8
const MOST = 100_000

/**
 * Drives a running gateway over HTTP as Okta (first half of people and groups) and Entra ID (second half) do, and
 * reads everything back at the end. Run twice it ends in the same state: both match by filter before they create.
 * @throws DemoError naming request and answer for any answer an identity provider would not accept.
 */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const size = readSize(options)
  const progress = options.progress ?? SILENT
  const client = new DemoClient(options.url, options.token, options.signal ?? new AbortController().signal)
  const started = performance.now()
  const plan = planDemo(size)
  const halves: Half[] = [
    { provider: oktaProvider(client), share: plan.okta },
    { provider: entraProvider(client), share: plan.entra },
  ]
  await pushAll(halves, progress)
  const expected = expectedState(size)
  const { mismatches, others } = await verifyState(client, expected)
  const active = expected.users.filter((user) => user.active).length
  return {
    active,
    deactivated: expected.users.length - active,
    groups: expected.groups.length,
    memberships: expected.groups.reduce((sum, group) => sum + group.members.length, 0),
    requests: client.requests,
    ms: performance.now() - started,
    mismatches,
    others,
  }
}

function readSize({ people = DEMO_SIZE.people, groups = DEMO_SIZE.groups }: DemoOptions): DemoSize {
  for (const [name, count] of Object.entries({ people, groups })) {
    if (!Number.isInteger(count) || count < 0 || count > MOST) {
      throw new DemoError(`${name} is ${count}; wanted is a whole number from 0 to ${MOST}`)
    }
  }
  return { people, groups }
}

/** The phases one after another, as an assignment, a group push and the leavers of a day come; each in parallel. */
async function pushAll(halves: readonly Half[], progress: DemoProgress): Promise<void> {
  const ids = new Map<string, string>()
  const idOf = (userName: string): string => {
    const id = ids.get(userName)
    if (id === undefined) throw new DemoError(`${userName} was not pushed before it was needed`)
    return id
  }
  const phases = [
    halves.map(({ provider }): Job => ({ phase: 'test connection', run: provider.test })),
    peopleJobs(
      halves,
      'push people',
      () => true,
      async (provider, person) => {
        ids.set(person.userName, await provider.pushPerson(person))
      },
    ),
    peopleJobs(halves, 'update people', isUpdated, (provider, person) =>
      provider.updatePerson(person, idOf(person.userName), idOf),
    ),
    halves.flatMap(({ provider, share }) =>
      share.groups.map((group): Job => ({ phase: 'push groups', run: () => provider.pushGroup(group, idOf) })),
    ),
    peopleJobs(
      halves,
      'deactivate',
      (person) => person.leaving !== 'no',
      (provider, person) => provider.setActive(person, idOf(person.userName), false),
    ),
    peopleJobs(
      halves,
      'reactivate',
      (person) => person.leaving === 'offAndOn',
      (provider, person) => provider.setActive(person, idOf(person.userName), true),
    ),
  ]
  progress.begin(phases.reduce((sum, jobs) => sum + jobs.length, 0))
  try {
    for (const jobs of phases) await runJobs(jobs, progress)
  } finally {
    progress.end()
  }
}

function isUpdated(person: PlannedPerson): boolean {
  return person.updated || person.manager !== undefined
}

function peopleJobs(
  halves: readonly Half[],
  phase: string,
  which: (person: PlannedPerson) => boolean,
  act: (provider: IdentityProvider, person: PlannedPerson) => Promise<void>,
): Job[] {
  return halves.flatMap(({ provider, share }) =>
    share.people.filter(which).map((person): Job => ({ phase, run: () => act(provider, person) })),
  )
}

/** Eight at a time. The first failure stops the taking of further jobs and is thrown once the running ones ended. */
async function runJobs(jobs: readonly Job[], progress: DemoProgress): Promise<void> {
  const queue = jobs[Symbol.iterator]()
  let failed = false
  const work = async (): Promise<void> => {
    for (const job of queue) {
      if (failed) return
      try {
        await job.run()
      } catch (error) {
        failed = true
        throw error
      }
      progress.advance(job.phase)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: PARALLEL }, work))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
