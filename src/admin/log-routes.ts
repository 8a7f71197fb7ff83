import { z } from 'zod'
import { recordLine } from '../audit/record-lines.ts'
import { followLog } from '../delivery/follow-log.ts'
import { BEGINNING, type DeadPlace, type LogPage, type LogPlace, readOn } from '../delivery/log-place.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { openText, sealText } from '../http/sealed-text.ts'
import type { AdminPorts } from './ports.ts'
import { type Route, route, type RouteRequest } from './route.ts'

const flag = z.enum(['true', 'false']).default('false')

const query = {
  after: z
    .string()
    .max(1_024)
    .optional()
    .meta({ description: '`next` of the answer before, or a seq; without it from the first record on' }),
  personal: flag.meta({ description: 'Whether names, addresses and the like are disclosed, each with its salt' }),
  about: z.string().max(200).optional().meta({ description: 'Only records that mention this id' }),
  action: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Only this action, or all of a thing: user.create, user' }),
}

const line = z
  .object({
    ...{ epoch: z.number().int(), seq: z.number().int(), time_ms: z.number().int() },
    body: z.string().meta({ description: 'The record as JSON: the exact text that was hashed' }),
    hash: z.string(),
    pii: z.array(z.tuple([z.string(), z.string(), z.unknown()])).optional(),
  })
  .meta({ description: 'As a line of an export in NDJSON' })

/** The log for whoever reads it on and on. */
export const logRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/log', tag: 'Provisioning log', who: 'reader' },
    summary: 'Read the log on from a cursor; with wait the answer comes once there is something, or the time is over',
    query: z.strictObject({
      ...query,
      limit: z.coerce.number().int().min(1).max(1_000).default(200).meta({ description: 'Records an answer' }),
      wait: z.coerce.number().int().min(0).max(30).default(0).meta({ description: 'Seconds to wait for a record' }),
    }),
    answer: {
      status: 200,
      schema: z.object({
        items: z.array(line),
        next: z.string().meta({ description: 'Cursor behind all that was read; it stays good' }),
        more: z.boolean().meta({ description: 'Whether more records follow already' }),
      }),
    },
    async handle(request) {
      const { query: asked } = request
      const from = placeFrom(request, asked.after)
      await noteRead(request, 'pull')
      const page = await pull(request, from, asked)
      return { body: { items: await linesOf(request, page), next: cursorOf(request, page.place), more: page.more } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/log/stream', tag: 'Provisioning log', who: 'reader' },
    summary: 'Stream the log from a cursor on, as server-sent events; Last-Event-ID takes a stream up again',
    query: z.strictObject(query),
    answer: { status: 200, media: 'text/event-stream' },
    async handle(request) {
      const { ports, orgId, live, query: asked } = request
      const from = placeFrom(request, live.lastEventId ?? asked.after)
      // A place that is no more is a refusal, which a stream that has begun cannot be.
      alive(request, await readOn(ports.reads.records, orgId, from, { query: asked, limit: 1 }))
      enter(request)
      await noteRead(request, 'stream')
      return { pieces: events(request, from), headers: { 'X-Accel-Buffering': 'no' } }
    },
  }),
]

interface Asked {
  readonly personal: 'true' | 'false'
  readonly about?: string | undefined
  readonly action?: string | undefined
}

type LogRequest = Pick<RouteRequest<string, Asked>, 'ports' | 'orgId' | 'caller' | 'account' | 'query' | 'live'>

interface Pulled extends Asked {
  readonly limit: number
  readonly wait: number
}

async function pull(request: LogRequest, from: LogPlace, { limit, wait, ...asked }: Pulled): Promise<LogPage> {
  const { ports, orgId, live } = request
  const read = async (place: LogPlace): Promise<LogPage> =>
    alive(request, await readOn(ports.reads.records, orgId, place, { query: asked, limit }))
  let page = await read(from)
  if (page.records.length > 0 || page.more || wait === 0) return page
  enter(request)
  const until = performance.now() + wait * 1_000
  while (page.records.length === 0 && !page.more) {
    const wanted = { ms: until - performance.now(), signal: live.gone() }
    if (!(await ports.log.watch.past(orgId, page.place.seq, wanted))) break
    page = await read(page.place)
  }
  await live.mayGoOn()
  return page
}

async function* events(request: LogRequest, from: LogPlace): AsyncGenerator<string> {
  const { ports, orgId, live, query: asked } = request
  yield 'retry: 2000\n\n'
  const parts = { reads: ports.reads.records, watch: ports.log.watch }
  const mayRead = () => live.mayGoOn()
  for await (const page of followLog(parts, { orgId, from, query: asked, signal: live.gone(), mayRead })) {
    if (page === 'beat') yield ': still here\n\n'
    else if ('fork' in page) yield `event: gone\ndata: ${JSON.stringify(forkOf(request, page))}\n\n`
    else yield await eventsOf(request, page)
  }
}

async function eventsOf(request: LogRequest, page: LogPage): Promise<string> {
  const lines = await textsOf(request, page)
  return page.records
    .map((record, at) => {
      const hash = Buffer.from(record.hash.subarray(0, 16)).toString('hex')
      const id = cursorOf(request, { epoch: record.epoch, seq: record.seq, hash })
      return `id: ${id}\nevent: record\ndata: ${lines[at]!.trimEnd()}\n\n`
    })
    .join('')
}

async function linesOf(request: LogRequest, page: LogPage): Promise<z.input<typeof line>[]> {
  return (await textsOf(request, page)).map((text) => JSON.parse(text) as z.input<typeof line>)
}

async function textsOf({ ports, orgId, query: { personal } }: LogRequest, { records }: LogPage): Promise<string[]> {
  const opened = personal === 'true' ? await ports.log.values.open(orgId, records) : undefined
  return records.map((record) => recordLine(record, opened?.get(record.seq)))
}

async function noteRead(
  { ports, orgId, caller, account, query: { personal } }: LogRequest,
  form: string,
): Promise<void> {
  await ports.log.serviceReads.note(caller, orgId, {
    ...{ reader: account.keyId, form, personal: personal === 'true' },
    target: { type: 'org', id: orgId },
  })
}

/** @throws DomainError `gone` */
function alive(request: LogRequest, page: LogPage | DeadPlace): LogPage {
  if (!('fork' in page)) return page
  const { epoch, seq } = page.fork
  const why =
    page.reason === 'log.purged'
      ? `Records up to ${seq} were purged; ask for their evidence pack, and go on after them`
      : `The log does not go on from there: it was put back to an earlier copy. What was read up to record ${seq} of epoch ${epoch} still holds; drop what came after it and go on from fork.after`
  throw new DomainError('gone', why, { reason: page.reason, params: forkOf(request, page) })
}

function forkOf(request: LogRequest, { fork }: DeadPlace) {
  return { epoch: fork.epoch, seq: fork.seq, after: cursorOf(request, fork) }
}

type CursorScope = { readonly ports: Pick<AdminPorts, 'cursorKey'>; readonly orgId: OrgId }

function cursorOf({ ports, orgId }: CursorScope, { epoch, seq, hash }: LogPlace): string {
  return sealText(ports.cursorKey, JSON.stringify(['log', orgId, epoch, seq, hash]))
}

/** @throws DomainError `invalid-cursor` */
function placeFrom({ ports, orgId }: CursorScope, after: string | undefined): LogPlace {
  if (after === undefined || after === '') return BEGINNING
  if (/^\d{1,15}$/.test(after)) return { epoch: 0, seq: Number(after), hash: '' }
  const text = openText(ports.cursorKey, after)
  const [purpose, org, epoch, seq, hash] =
    text?.startsWith('["log",') === true ? (JSON.parse(text) as readonly [string, string, number, number, string]) : []
  if (purpose === 'log' && org === orgId) return { epoch: epoch!, seq: seq!, hash: hash! }
  throw new DomainError('invalid-cursor', 'after is no cursor of this log; take next of an answer, or a seq', {
    params: { path: 'after' },
  })
}

/** Leaves with the connection. @throws HttpProblem 429 where too many wait already */
function enter({ ports, orgId, live }: LogRequest): void {
  const leave = ports.log.followers.enter(orgId)
  if (leave === undefined) {
    throw new HttpProblem(429, 'Too many readers wait for this log already; end one, or read without waiting', {
      'Retry-After': '10',
    })
  }
  const signal = live.gone()
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
}
