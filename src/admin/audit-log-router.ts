import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { auditLogEntries, type AuditLogEntry, type AuditLogPlace } from '../audit/wandb-audit-log.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { requestContextOf } from '../http/request-context.ts'
import { openText, sealText } from '../http/sealed-text.ts'
import { noStore } from '../http/security-headers.ts'
import { requireOrgReader } from '../provisioning/caller-right.ts'
import { recordReading } from '../provisioning/record-log-use.ts'
import { parsed, queryOf, requestOf } from './answer-route.ts'
import type { AdminRouterOptions } from './ports.ts'
import { answerErrors } from './problem.ts'

const DAY_MS = 86_400_000

/** What W&B takes at an address. */
interface Door {
  readonly path: '/audit_logs' | '/admin/audit_logs'
  readonly query: z.ZodType<Asked>
  readonly mostEntries: number
  /** Whether it answers pages only, and no stream of lines. */
  readonly alwaysPages: boolean
}

interface Asked {
  readonly startDate?: string | undefined
  readonly endDate?: string | undefined
  readonly numDays?: number | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly anonymize?: boolean | undefined
}

const day = z.string().regex(/^\d{4}-\d\d-\d\d$/, 'is a day: YYYY-MM-DD')
const instant = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d)?)?Z?)?$/, 'is a day or a time in UTC: YYYY-MM-DD[THH[:mm[:ss]]]')
const cursor = z.string().max(4_096).optional()

function wholeTo(most: number) {
  return z.coerce.number().int().min(0).max(most).optional()
}

const SELF_MANAGED: Door = {
  path: '/admin/audit_logs',
  query: z.strictObject({
    ...{ startDate: instant.optional(), endDate: instant.optional(), numDays: wholeTo(36_500), cursor },
    limit: z.coerce.number().int().min(1).max(20_000).optional(),
    anonymize: z.stringbool().optional(),
  }),
  mostEntries: 20_000,
  alwaysPages: false,
}

const CLOUD: Door = {
  path: '/audit_logs',
  query: z.strictObject({
    ...{ startDate: day.optional(), numDays: wholeTo(7), cursor },
    limit: z.coerce.number().int().min(1).max(1_000_000).optional(),
  }),
  mostEntries: 1_000_000,
  alwaysPages: true,
}

/**
 * `GET /admin/audit_logs` as a self-managed W&B answers it, `GET /audit_logs` as W&B's cloud does: the parameters, keys
 * and names of acts that programs written for W&B know, over our log. Mount it at the root, beside the admin API.
 */
export function auditLogRouter(options: AdminRouterOptions): Router {
  const router = Router({ caseSensitive: true })
  for (const door of [SELF_MANAGED, CLOUD]) {
    router.all(door.path, enter(door), noStore(), options.authenticate, answer(door, options))
  }
  router.use(answerErrors(options))
  return router
}

function enter({ path }: Door): RequestHandler {
  return (req, res, next) => {
    requestContextOf(res).route = path
    if (req.method === 'GET' || req.method === 'HEAD') next()
    else next(new HttpProblem(405, `This address does not answer ${req.method}`, { Allow: 'GET, HEAD' }))
  }
}

function answer(door: Door, options: AdminRouterOptions): RequestHandler {
  return async (req, res) => {
    const { orgId, caller, provisioning } = await requestOf(req, res, options)
    requireOrgReader(caller)
    const asked = parsed(door.query, queryOf(req.url), 'query') as Asked
    const { from, to } = timesOf(asked, options.now())
    const inPages = door.alwaysPages || asked.limit !== undefined || asked.endDate !== undefined
    if (asked.cursor !== undefined && !inPages) throw refused('cursor', 'cursor needs limit or endDate beside it')
    const purpose = purposeOf(orgId, { from, to, anonymize: asked.anonymize === true })
    const after = asked.cursor === undefined ? undefined : placeOf(options, purpose, asked.cursor)
    const { cursor: _cursor, limit: _limit, ...question } = asked
    const reading = { report: 'audit_logs', asked: question as JsonObject }
    await recordReading(provisioning, options.reads.records, caller, reading)
    const { records, history } = options.reads
    const range = { after: await records.seqAt(orgId, from - 1), upTo: await records.seqAt(orgId, to - 1) }
    const entries = auditLogEntries(
      { records, history, values: options.log.values },
      { orgId, after, range, anonymize: asked.anonymize === true },
    )
    const most = asked.limit ?? door.mostEntries
    const seal = (next: AuditLogPlace): string => sealText(options.cursorKey, JSON.stringify([purpose, next]))
    if (inPages) await send(res, 'application/json', page(entries, { from, to, most, seal }))
    else await send(res, 'application/x-ndjson', lines(entries))
  }
}

interface Times {
  /** Epoch milliseconds. */
  readonly from: number
  /** The same, not included. */
  readonly to: number
}

/**
 * The time asked about: `numDays` further days from `startDate` on, or up to today where that is absent.
 * @throws DomainError `invalid-value`
 */
function timesOf({ startDate, endDate, numDays }: Asked, now: number): Times {
  if (endDate !== undefined && numDays !== undefined) throw refused('numDays', 'Send endDate or numDays, not both')
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const from = startDate === undefined ? today - (numDays ?? 0) * DAY_MS : timeOf('startDate', startDate)
  const firstDay = Math.floor(from / DAY_MS) * DAY_MS
  const to = endDate === undefined ? firstDay + ((numDays ?? 0) + 1) * DAY_MS : timeOf('endDate', endDate)
  if (from < to) return { from, to }
  throw refused('endDate', 'endDate is not after startDate')
}

/** A day or a time in UTC. Engines take 30 February for 2 March. */
function timeOf(name: string, text: string): number {
  const [date = '', clock = ''] = text.replace('Z', '').split('T')
  const [hours = '00', minutes = '00', seconds = '00'] = clock === '' ? [] : clock.split(':')
  const at = Date.parse(`${date}T${hours}:${minutes}:${seconds}Z`)
  if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(date)) return at
  throw refused(name, `${name} is no date: there is no ${text}`)
}

function refused(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}

function purposeOf(orgId: OrgId, question: Times & { readonly anonymize: boolean }): string {
  return createHash('sha256')
    .update(JSON.stringify([orgId, question]))
    .digest('base64url')
    .slice(0, 16)
}

/** @throws DomainError `invalid-cursor` for one of another range */
function placeOf({ cursorKey }: AdminRouterOptions, purpose: string, sealed: string): AuditLogPlace {
  const text = openText(cursorKey, sealed)
  if (text === undefined) throw new DomainError('invalid-cursor', 'cursor is not one of ours; begin without one')
  const [of, place] = JSON.parse(text) as readonly [string, AuditLogPlace]
  if (of === purpose) return place
  throw new DomainError('invalid-cursor', 'cursor belongs to another range or anonymize; send it with the same ones')
}

async function* lines(entries: AsyncIterable<readonly AuditLogEntry[]>): AsyncGenerator<string> {
  for await (const some of entries) yield some.map(({ entry }) => `${JSON.stringify(entry)}\n`).join('')
}

interface PageFacts extends Times {
  readonly most: number
  readonly seal: (next: AuditLogPlace) => string
}

async function* page(
  entries: AsyncIterable<readonly AuditLogEntry[]>,
  { from, to, most, seal }: PageFacts,
): AsyncGenerator<string> {
  yield '{"audit_logs":['
  let [count, last]: [number, AuditLogPlace | undefined] = [0, undefined]
  let more = false
  for await (const some of entries) {
    const given = some.slice(0, most - count)
    const text = given.map(({ entry }) => JSON.stringify(entry)).join(',')
    if (text !== '') yield count === 0 ? text : `,${text}`
    count += given.length
    last = given.at(-1)?.next ?? last
    more = given.length < some.length
    if (more) break
  }
  const tail = {
    range_start_time: new Date(from).toISOString(),
    range_end_time: new Date(to).toISOString(),
    ...{ count, next_cursor: more && last !== undefined ? seal(last) : null },
  }
  yield `],${JSON.stringify(tail).slice(1)}`
}

async function send(res: Response, media: string, pieces: AsyncIterable<string>): Promise<void> {
  res.status(200).setHeader('Content-Type', media)
  if (isHead(res.req)) res.end()
  else await pipeline(Readable.from(pieces), res)
}

function isHead(req: Request): boolean {
  return req.method === 'HEAD'
}
