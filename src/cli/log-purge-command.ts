import { Command } from 'commander'
import { findPurgePlace, makePurgePack } from '../audit/purge-pack.ts'
import { checkpointNow } from '../audit/write-checkpoints.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { Purge } from '../domain/purge.ts'
import { beginPurge, checkPurge, finishPurge, foreseePurge } from '../provisioning/purge-log.ts'
import { recordExport } from '../provisioning/record-log-use.ts'
import { parseWhole } from './arguments.ts'
import { timeOf } from './log-export-commands.ts'
import { getOrg } from './lookup.ts'
import { counted, json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface PurgeFlags {
  readonly org: string
  readonly before?: number
  readonly checkpoint?: number
  readonly resume?: true
  readonly preview?: true
  readonly json?: true
}

/** `rollcall log purge`: takes the oldest records out of the store, once they are in an evidence pack. */
export function logPurgeCommand(ports: CommandPorts): Command {
  return new Command('purge')
    .description('take the oldest records out of the store; an evidence pack of them is written and verified first')
    .argument('[pack]', 'the evidence pack to make of them; a file that is there is not replaced')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--before <time>', 'up to the last checkpoint before, e.g. 2026-03-01 (UTC)', timeOf)
    .option('--checkpoint <record>', 'up to this record, which a checkpoint signed', parseWhole(1, 999_999_999))
    .option('--resume', 'go on with a purge that was cut off; no pack is made')
    .option('--preview', 'only say what would go, and what stands in the way')
    .option('--json', 'answer in JSON')
    .action(async (file: string | undefined, flags: PurgeFlags) => {
      if (flags.preview === true) {
        const foreseen = await ports.withStore((operator) => foresee(operator, flags))
        ports.out(flags.json === true ? json(foreseen) : foreseenText(foreseen))
        return
      }
      const done = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, flags.org)
        if (flags.resume !== true) await begin(operator, org, file, flags)
        const purge = await finishPurge(operator.provisioning, org.id)
        await operator.log.write()
        return purge
      })
      ports.out(flags.json === true ? json(shown(done, file)) : textOf(done, file))
    })
}

async function begin(operator: Operator, org: OrgSummary, file: string | undefined, flags: PurgeFlags): Promise<void> {
  if (file === undefined) {
    throw new DomainError(
      'invalid-value',
      'Name the evidence pack to make, or give --resume for a purge that was cut off',
    )
  }
  const { reads, log, provisioning } = operator
  const { after, upTo } = await rangeOf(operator, org, flags)
  const caller = operatorIn(operator, org.id)
  // Before everybody's values lie in a file.
  await checkPurge(provisioning, caller, upTo).durable
  await recordExport(provisioning, caller, org.id, { form: 'pack', personal: true }).durable
  const order = await makePurgePack(
    { reads, checkpoints: log.checkpoints },
    {
      ...{ orgId: org.id, orgName: org.name, values: log.values, file, after, upTo },
      by: `${caller.actor.type} ${caller.actor.id ?? ''}`.trim(),
    },
  )
  await beginPurge(provisioning, caller, order).durable
  // Signed before anything goes.
  await checkpointNow(log.checkpoints, org.id)
  await log.write()
}

/** Records to purge: (after, upTo]. @throws DomainError `invalid-value` */
async function rangeOf({ reads }: Operator, { id }: OrgSummary, { before, checkpoint }: PurgeFlags) {
  if ((before === undefined) === (checkpoint === undefined)) {
    throw new DomainError('invalid-value', 'Give either --before or --checkpoint')
  }
  const after = (await reads.records.purged(id))?.upTo ?? 0
  const place = before === undefined ? { checkpoint: checkpoint ?? 0 } : { before }
  const found = findPurgePlace(await reads.checkpoints.all(id), place, after)
  if (found !== undefined) return { after, upTo: found.seq }
  const why = before === undefined ? `at record ${checkpoint ?? 0}` : 'before that time'
  throw new DomainError('invalid-value', `There is no checkpoint ${why} that records to purge stand before`)
}

interface Foreseen {
  readonly upTo: number
  readonly records: number
  /** What stands in the way. */
  readonly refused: string | null
}

async function foresee(operator: Operator, flags: PurgeFlags): Promise<Foreseen> {
  const org = await getOrg(operator, flags.org)
  const { after, upTo } = await rangeOf(operator, org, flags)
  const refused = await foreseePurge(operator.provisioning, org.id, upTo).durable
  return { upTo, records: upTo - Math.max(after, 1), refused: refused ?? null }
}

function foreseenText({ upTo, records, refused }: Foreseen): string {
  if (refused !== null) return `Nothing would be purged: ${refused}`
  return `${counted(records, 'record')} would go, and the log begin at record ${upTo}`
}

function shown(purge: Purge | undefined, file: string | undefined): object {
  if (purge === undefined) return { purged: false }
  return { purged: true, upTo: purge.upTo, record: purge.seq, pack: file ?? null }
}

function textOf(purge: Purge | undefined, file: string | undefined): string {
  if (purge === undefined) return 'No purge was cut off'
  const kept = file === undefined ? '' : `; what was before is in ${printable(file)}: keep it`
  return `Purged the log: it begins at record ${purge.upTo} now, by record ${purge.seq}${kept}`
}
