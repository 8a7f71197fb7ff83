import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import { RECORD_SCHEMA } from '../audit/record-schema.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgId } from '../domain/ids.ts'
import type { StoredRecord } from '../domain/ports.ts'
import { parseWhole } from './arguments.ts'
import { interruptSignal } from './interrupt.ts'
import { logExportCommand, logPackCommand } from './log-export-commands.ts'
import { logPurgeCommand } from './log-purge-command.ts'
import { acceptForkCommand, logKeyCommand } from './log-key-commands.ts'
import { verifyCommand } from './log-verify-command.ts'
import { getOrg } from './lookup.ts'
import { jsonLine, printable, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const POLL_MS = 300
const PAGE = 500
const MOST_LINES = 10_000

interface TailOptions {
  readonly org: string
  readonly lines: number
  readonly follow?: true
  readonly json?: true
}

/** `rollcall log`. */
export function logCommand(ports: CommandPorts): Command {
  const log = new Command('log').description('the provisioning log')
  log
    .command('tail')
    .description('show the newest records of the provisioning log')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('-n, --lines <count>', 'how many records', parseWhole(1, MOST_LINES), 20)
    .option('-f, --follow', 'go on with new records until interrupted')
    .option('--json', 'a JSON object a line: the record as it was hashed, and its place in the chain')
    .action(async (options: TailOptions) => {
      const stop = options.follow === true ? interruptSignal() : undefined
      await ports.withStore((operator) => tail(ports, operator, options, stop))
    })
  log
    .command('schema')
    .description('print the JSON Schema of a record')
    .action(() => {
      ports.out(JSON.stringify(RECORD_SCHEMA, undefined, 2))
    })
  for (const command of [
    ...[verifyCommand(ports), logKeyCommand(ports), acceptForkCommand(ports)],
    ...[logExportCommand(ports), logPackCommand(ports), logPurgeCommand(ports)],
  ])
    log.addCommand(command)
  return log
}

async function tail(
  ports: CommandPorts,
  operator: Operator,
  options: TailOptions,
  stop: AbortSignal | undefined,
): Promise<void> {
  const org = await getOrg(operator, options.org)
  const show = (record: StoredRecord): void => {
    ports.out(options.json === true ? asJson(record) : asLine(record))
  }
  const newest = await operator.reads.records.tail(org.id, options.lines)
  newest.forEach(show)
  if (stop !== undefined) await follow({ operator, orgId: org.id, show, stop }, newest.at(-1)?.seq ?? 0)
}

interface Following {
  readonly operator: Operator
  readonly orgId: OrgId
  readonly show: (record: StoredRecord) => void
  readonly stop: AbortSignal
}

/** Ends with the signal, after the page at hand. */
async function follow({ operator, orgId, show, stop }: Following, after: number): Promise<void> {
  for (let seq = after; !stop.aborted;) {
    const page = await operator.reads.records.page(orgId, seq, Number.MAX_SAFE_INTEGER, PAGE)
    page.forEach(show)
    seq = page.at(-1)?.seq ?? seq
    // An interrupted pause rejects, and the loop's condition then says the same.
    if (page.length < PAGE) await pause(POLL_MS, undefined, { signal: stop }).catch(() => undefined)
  }
}

function asJson(record: StoredRecord): string {
  const { seq, epoch } = record
  const hash = Buffer.from(record.hash).toString('hex')
  return jsonLine({ seq, epoch, time: time(record.time), hash, record: JSON.parse(record.body) as Json })
}

function asLine(record: StoredRecord): string {
  const body = JSON.parse(record.body) as JsonObject
  const targets = (Array.isArray(body['targets']) ? (body['targets'] as readonly Json[]) : []).filter(isJsonObject)
  const named = targets.map((target) => `${textOf(target['type'])}:${textOf(target['id'])}`)
  const actor = `${record.actorType}${record.actorId === undefined ? '' : `:${record.actorId}`}`
  const parts = [time(record.time), String(record.seq).padStart(6), record.result, record.action, actor, ...named]
  return printable(parts.join('  '))
}

/** Values that came from outside are shown as JSON strings, so that they cannot pass for another column. */
function textOf(value: Json | undefined): string {
  return typeof value === 'string' && /^[\w.:-]+$/.test(value) ? value : JSON.stringify(value ?? null)
}
