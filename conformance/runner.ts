import { randomBytes } from 'node:crypto'
import { findMissing, findMissingRoles, type Missing } from './capability.ts'
import type { ConformanceCase, Expectation, Profile, Step } from './case.ts'
import { openClient, type Answer, type ScimClient, type WireRequest } from './client.ts'
import { fillIn, Seen, URNS } from './fill-in.ts'
import { bodyProblems, headerProblems, type Problem } from './match.ts'

/** Where and how a case failed. */
export interface Failure {
  /** Counted from 1, of all steps including the given ones. */
  readonly step: number
  readonly steps: number
  /** Without the Authorization header, which the runner adds last. */
  readonly request: WireRequest | undefined
  readonly answer: Answer | undefined
  readonly problems: readonly Problem[]
}

/** How one case ended. `reason` is set when skipped, `failure` when failed. */
export interface Outcome {
  readonly id: string
  readonly section: string
  readonly source: string
  readonly title: string
  readonly result: 'passed' | 'failed' | 'skipped'
  readonly ms: number
  readonly reason?: string
  readonly failure?: Failure
  /** Paths of what the case created and the server would not delete again. */
  readonly leftOver: readonly string[]
}

export interface RunOptions {
  /** The SCIM base, e.g. `https://rollcall.example.com/scim/v2`. */
  readonly url: string
  readonly token: string
  /** Only cases of this profile; all when absent. */
  readonly profile?: Profile
  /** Only cases whose id, title, source or section holds this text, without regard to case. */
  readonly grep?: string
  /** Leaves what the cases created in place; otherwise each case deletes it at its end. */
  readonly keep?: boolean
  /** Told after every case. */
  readonly onOutcome?: (outcome: Outcome) => void
  /** Told of every answer that a case got, in their order. */
  readonly onAnswer?: (caseId: string, request: WireRequest, answer: Answer) => void
}

/** The result of a run, cases in the order they ran. `missing` has what the server says it cannot do. */
export interface Report {
  readonly url: string
  readonly profile: Profile | undefined
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly ms: number
  readonly missing: Missing
  readonly outcomes: readonly Outcome[]
}

/**
 * Runs the cases one after another over HTTP, each with a connection and random names of its own.
 * @throws Error when the server cannot be reached or refuses the token.
 */
export async function runCases(cases: readonly ConformanceCase[], options: RunOptions): Promise<Report> {
  const started = performance.now()
  const base = baseUrl(options.url)
  const announced = await withClient(base, options.token, findMissing)
  const roles = await withClient(base, options.token, findMissingRoles)
  const missing: Missing = roles === undefined ? announced : new Map([...announced, ['roles', roles]])
  const outcomes: Outcome[] = []
  for (const item of cases.filter((candidate) => isWanted(candidate, options))) {
    const outcome = await runCase(item, base, options, missing)
    outcomes.push(outcome)
    options.onOutcome?.(outcome)
  }
  const count = (result: Outcome['result']): number => outcomes.filter((outcome) => outcome.result === result).length
  return {
    url: base.href,
    profile: options.profile,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    ms: performance.now() - started,
    missing,
    outcomes,
  }
}

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error(`"${text}" is no http(s) URL; give the SCIM base, e.g. http://127.0.0.1:8080/scim/v2`)
  }
  return url
}

function isWanted(item: ConformanceCase, { profile, grep }: RunOptions): boolean {
  if (profile !== undefined && !item.profiles.includes(profile)) return false
  const text = [item.id, item.title, item.source, item.section].join('\n').toLowerCase()
  return grep === undefined || text.includes(grep.toLowerCase())
}

async function withClient<T>(base: URL, token: string, use: (client: ScimClient) => Promise<T>): Promise<T> {
  const client = openClient(base, token)
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

async function runCase(item: ConformanceCase, base: URL, options: RunOptions, missing: Missing): Promise<Outcome> {
  const started = performance.now()
  const { id, section, source, title } = item
  const end = (rest: Pick<Outcome, 'result' | 'reason' | 'failure' | 'leftOver'>): Outcome => ({
    id,
    section,
    source,
    title,
    ms: performance.now() - started,
    ...rest,
  })
  const lacking = item.needs.find((capability) => missing.has(capability))
  if (lacking !== undefined) return end({ result: 'skipped', reason: missing.get(lacking) ?? lacking, leftOver: [] })
  return withClient(base, options.token, async (client) => {
    const created: string[] = []
    const failure = await runSteps(item, client, created, options)
    const leftOver = options.keep === true ? [] : await removeAll(client, created)
    if (failure === undefined) return end({ result: 'passed', leftOver })
    if (item.needs.length > 0 && failure.answer?.status === 501) {
      const request = `${failure.request?.method ?? ''} ${failure.request?.path ?? ''}`
      return end({ result: 'skipped', reason: `${request} answers 501, not implemented`, leftOver })
    }
    return end({ result: 'failed', failure, leftOver })
  })
}

async function runSteps(
  item: ConformanceCase,
  client: ScimClient,
  created: string[],
  { onAnswer }: RunOptions,
): Promise<Failure | undefined> {
  const seen = new Seen(randomName())
  for (const [index, raw] of item.steps.entries()) {
    const position = { step: index + 1, steps: item.steps.length }
    let request: WireRequest | undefined
    let answer: Answer | undefined
    try {
      const step = fillIn(raw, (name) => seen.lookUp(name))
      request = wireRequest(step, seen)
      answer = await client.send(request)
      onAnswer?.(item.id, request, answer)
      noteCreated(created, request, answer)
      seen.noteEtag(answer.headers['etag'])
      if (raw.save !== undefined) seen.save(raw.save, answer.json)
      const problems = problemsOf(step, answer)
      if (problems.length > 0) return { ...position, request, answer, problems }
    } catch (error) {
      const got = error instanceof Error ? error.message : String(error)
      return { ...position, request, answer, problems: [{ where: 'step', expected: 'an answer', got }] }
    }
  }
  return undefined
}

/** A name no other case or run has: letters and digits, starting with a letter. */
function randomName(): string {
  return `c${randomBytes(6).toString('hex')}`
}

function wireRequest(step: Step, seen: Seen): WireRequest {
  const query = Object.entries(step.query ?? {})
    .map(([key, value]) => (value === null ? key : `${key}=${encodeURIComponent(String(value))}`))
    .join('&')
  const overlay = step.bodyOf === undefined ? step.body : { ...seen.answer(step.bodyOf), ...(step.body as object) }
  return {
    method: step.method,
    path: query === '' ? step.path : `${step.path}?${query}`,
    headers: step.headers ?? {},
    body: step.rawBody ?? (overlay === undefined ? undefined : JSON.stringify(overlay)),
    noAuth: step.noAuth === true,
  }
}

function problemsOf(step: Step, answer: Answer): Problem[] {
  const { expect } = step
  const statuses = typeof expect.status === 'number' ? [expect.status] : expect.status
  const problems: Problem[] = []
  const add = (where: string, expected: string, got: string): void => void problems.push({ where, expected, got })
  if (!statuses.includes(answer.status)) add('status', statuses.join(' or '), String(answer.status))
  if (expect.empty === true && answer.text !== '') add('body', '(empty)', answer.text.slice(0, 200))
  if (expect.sameConnection === true && !answer.sameConnection) add('connection', 'kept open', 'a new one was needed')
  if (step.maxMs !== undefined && answer.ms > step.maxMs) add('time', `${step.maxMs} ms`, `${answer.ms.toFixed(0)} ms`)
  problems.push(...bodyProblems(answer.json, { ...errorShape(expect, answer), ...expect.json }))
  problems.push(...headerProblems(answer.headers, expect.headers ?? {}, answer.json))
  return problems
}

function errorShape({ error }: Expectation, answer: Answer): Record<string, unknown> {
  if (error === undefined) return {}
  const shape = { schemas: { $contains: [URNS['Error']] }, status: String(answer.status) }
  if (error === true) return shape
  return { ...shape, scimType: { $in: typeof error === 'string' ? [error] : error } }
}

function noteCreated(created: string[], { method, path }: WireRequest, answer: Answer): void {
  if (method !== 'POST') return
  if (path === '/Bulk') created.push(...createdInBulk(answer.json))
  const endpoint = /^\/(?:Users|Groups|Roles)(?=$|\?)/u.exec(path)?.[0]
  const id = (answer.json as { id?: unknown } | undefined | null)?.id
  if (answer.status === 201 && endpoint !== undefined && typeof id === 'string') {
    created.push(`${endpoint}/${encodeURIComponent(id)}`)
  }
}

/** Paths of what the operations of a Bulk answer created, by their locations (RFC 7644 §3.7.3). */
function createdInBulk(json: unknown): string[] {
  const operations = (json as { Operations?: unknown } | undefined | null)?.Operations
  if (!Array.isArray(operations)) return []
  return (operations as { status?: unknown; location?: unknown }[])
    .filter(({ status }) => String(status) === '201')
    .flatMap(({ location }) => /\/(?:Users|Groups|Roles)\/[^/?#]+$/u.exec(String(location))?.[0] ?? [])
}

/** Deletes what a case created, newest first, and answers what is still there. */
async function removeAll(client: ScimClient, created: readonly string[]): Promise<string[]> {
  const left: string[] = []
  for (const path of [...created].reverse()) {
    const status = await client.send({ method: 'DELETE', path, headers: {}, body: undefined, noAuth: false }).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status !== 204 && status !== 404) left.push(path)
  }
  return left
}
