import { Command, InvalidArgumentError, Option } from 'commander'
import { EXPORT_FORMS, type ExportForm, exportLog } from '../audit/export-log.ts'
import type { LogQuery } from '../audit/log-query.ts'
import { createPack, type PackRequest } from '../audit/pack.ts'
import { writePackFile } from '../audit/pack-file.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { recordExport } from '../provisioning/record-log-use.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

interface QueryFlags {
  readonly org: string
  readonly from?: number
  readonly to?: number
  readonly about?: string
  readonly action?: string
  readonly withoutPersonal?: true
}

interface ExportFlags extends QueryFlags {
  readonly form: ExportForm
  readonly bom?: true
}

/** `rollcall log export`: records on standard output. */
export function logExportCommand(ports: CommandPorts): Command {
  const command = new Command('export').description('write records of the log to standard output')
  return withQuery(command)
    .addOption(new Option('--form <form>', 'what to write').choices(EXPORT_FORMS).default('ndjson'))
    .option('--bom', 'begin CSV with a byte order mark')
    .action(async (flags: ExportFlags) => {
      await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, flags.org)
        const { form, query, personal } = { form: flags.form, query: queryOf(flags), personal: isPersonal(flags) }
        await recordExport(operator.provisioning, operator.operation(), id, { form, personal, ...query }).durable
        const values = personal ? operator.log.values : undefined
        const request = { orgId: id, form, query, values, bom: flags.bom === true }
        for await (const piece of exportLog(operator.reads.records, request)) await ports.write(piece)
      })
    })
}

interface PackFlags extends QueryFlags {
  readonly json?: true
}

/** `rollcall log pack`: evidence in one file. */
export function logPackCommand(ports: CommandPorts): Command {
  const command = new Command('pack')
    .description('write an evidence pack: a ZIP that verifies with no database, with rollcall log verify --pack')
    .argument('<file>', 'the file to make; one that is there is not replaced')
  return withQuery(command)
    .option('--json', 'answer in JSON')
    .action(async (file: string, flags: PackFlags) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, flags.org)
        await writePack(operator, org, { file, query: queryOf(flags), personal: isPersonal(flags) })
        await operator.log.write()
      })
      ports.out(flags.json === true ? json({ file }) : `Wrote ${printable(file)}`)
    })
}

/** Records of a query, for a file that is to be made. */
interface PackFile extends Pick<PackRequest, 'query'> {
  readonly file: string
  readonly personal: boolean
}

/** Writes an evidence pack, once it is in the log that it is made. @throws DomainError `invalid-value` for a bad file */
async function writePack(
  operator: Operator,
  { id, name }: OrgSummary,
  { file, personal, ...asked }: PackFile,
): Promise<void> {
  const operation = operator.operation()
  await recordExport(operator.provisioning, operation, id, { form: 'pack', personal, ...asked.query }).durable
  const { type, id: who = '' } = operation.actor
  const values = personal ? operator.log.values : undefined
  const request = { orgId: id, orgName: name, ...asked, values, by: `${type} ${who}`.trim() }
  await writePackFile(file, () => createPack(operator.log.checkpoints, request))
}

function withQuery(command: Command): Command {
  return command
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--from <time>', 'not earlier than, e.g. 2026-03-01 or 2026-03-01T08:00:00Z (UTC)', timeOf)
    .option('--to <time>', 'earlier than', timeOf)
    .option('--about <id>', 'only records that mention this id')
    .option('--action <action>', 'only this action, or all of a thing: user.create, user')
    .option('--without-personal', 'leave names, addresses and the like as commitments')
}

function queryOf({ from, to, about, action }: QueryFlags): LogQuery {
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(about === undefined ? {} : { about }),
    ...(action === undefined ? {} : { action }),
  }
}

function isPersonal({ withoutPersonal }: QueryFlags): boolean {
  return withoutPersonal !== true
}

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/

/** A day or an instant in UTC. */
export function timeOf(text: string): number {
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN
  // The engine takes 30 February for 2 March.
  const isReal = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 10))
  if (isReal) return time
  throw new InvalidArgumentError('a day or an instant in UTC is wanted, e.g. 2026-03-01 or 2026-03-01T08:00:00Z')
}
