import { Command, InvalidArgumentError } from 'commander'
import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import { getOrg } from './lookup.ts'
import { jsonLine, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const POLL_MS = 300
const PAGE = 500

interface TailOptions {
  readonly org: string
  readonly lines: number
  readonly follow?: true
  readonly json?: true
}

/** `rollcall log tail`. */
export function logCommand(ports: CommandPorts): Command {
  const log = new Command('log').description('the provisioning log')
  log
    .command('tail')
    .description('show the newest records of the provisioning log')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('-n, --lines <count>', 'how many records', parseCount, 20)
    .option('-f, --follow', 'go on with new records until interrupted')
    .option('--json', 'a JSON object a line: the record as it was hashed, and its place in the chain')
    .action(async (options: TailOptions) => {
      await ports.withStore((operator) => tail(ports, operator, options))
    })
  return log
}

async function tail(ports: CommandPorts, operator: Operator, options: TailOptions): Promise<void> {
  const org = await getOrg(operator, options.org)
  const show = (record: StoredRecord): void => {
    ports.out(options.json === true ? asJson(record) : asLine(record))
  }
  const newest = await operator.reads.records.tail(org.id, options.lines)
  newest.forEach(show)
  if (options.follow === true) await follow(operator, org.id, newest.at(-1)?.seq ?? 0, show)
}

/** Ends with SIGINT or SIGTERM, after the page at hand. */
async function follow(
  operator: Operator,
  orgId: OrgId,
  after: number,
  show: (record: StoredRecord) => void,
): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  for (let seq = after; !stop.signal.aborted; ) {
    const page = await operator.reads.records.page(orgId, seq, Number.MAX_SAFE_INTEGER, PAGE)
    page.forEach(show)
    seq = page.at(-1)?.seq ?? seq
    if (page.length < PAGE) await pause(stop.signal)
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, POLL_MS)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function asJson(record: StoredRecord): string {
  const { seq, epoch } = record
  const hash = Buffer.from(record.hash).toString('hex')
  return jsonLine({ seq, epoch, time: time(record.time), hash, record: JSON.parse(record.body) as Json })
}

/** Values that came from outside are shown as JSON strings, so no control character reaches the terminal. */
function asLine(record: StoredRecord): string {
  const body = JSON.parse(record.body) as JsonObject
  const targets = (Array.isArray(body['targets']) ? (body['targets'] as readonly Json[]) : []).filter(isJsonObject)
  const named = targets.map((target) => `${textOf(target['type'])}:${textOf(target['id'])}`)
  const actor = `${record.actorType}${record.actorId === undefined ? '' : `:${record.actorId}`}`
  return [time(record.time), String(record.seq).padStart(6), record.result, record.action, actor, ...named].join('  ')
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' && /^[\w.:-]+$/.test(value) ? value : JSON.stringify(value ?? null)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 10_000) throw new InvalidArgumentError('Wanted is 1 to 10000.')
  return count
}
