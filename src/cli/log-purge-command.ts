import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Command } from 'commander'
import { heldDigest } from '../audit/held-digest.ts'
import { verifyPack } from '../audit/verify-pack.ts'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { Purge } from '../domain/purge.ts'
import { beginPurge, finishPurge, type PurgeOrder } from '../provisioning/purge-log.ts'
import { parseWhole } from './arguments.ts'
import { timeOf, writePack } from './log-export-commands.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface PurgeFlags {
  readonly org: string
  readonly before?: number
  readonly checkpoint?: number
  readonly resume?: true
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
    .option('--json', 'answer in JSON')
    .action(async (file: string | undefined, flags: PurgeFlags) => {
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
  const { reads, log } = operator
  const after = (await reads.records.purged(org.id))?.upTo ?? 0
  const { seq: upTo } = chosen(await reads.checkpoints.all(org.id), flags, after)
  const [last] = await reads.records.page(org.id, upTo - 1, upTo, 1)
  if (last === undefined) throw new DomainError('not-found', `Record ${upTo} is not in the log: verify it first`)
  await writePack(operator, org, { file, query: {}, range: { after, upTo }, personal: true })
  const { intact, kind } = await verifyPack(file, [...new Set((await reads.checkpoints.all(org.id)).map(keyOf))])
  if (!intact || kind !== 'full') {
    throw new DomainError('invalid-value', 'The evidence pack does not verify, so nothing was purged; verify the log')
  }
  const order: PurgeOrder = {
    ...{ upTo, hash: Buffer.from(last.hash).toString('hex'), count: upTo - Math.max(after, 1) },
    ...{ pack: await sha256Of(file), access: await heldDigest(reads.history, org.id, upTo) },
  }
  await beginPurge(operator.provisioning, operatorIn(operator, org.id), order).durable
  // Signed before anything goes.
  await log.write()
}

function keyOf({ keyId }: Checkpoint): string {
  return keyId
}

/** The checkpoint to purge up to. @throws DomainError `invalid-value` */
function chosen(checkpoints: readonly Checkpoint[], { before, checkpoint }: PurgeFlags, after: number): Checkpoint {
  if ((before === undefined) === (checkpoint === undefined)) {
    throw new DomainError('invalid-value', 'Give either --before or --checkpoint')
  }
  const fits = ({ seq, time }: Checkpoint): boolean => (before === undefined ? seq === checkpoint : time < before)
  const found = checkpoints.findLast((one) => one.seq > Math.max(after, 1) && fits(one))
  if (found !== undefined) return found
  const why = before === undefined ? `at record ${checkpoint ?? 0}` : 'before that time'
  throw new DomainError('invalid-value', `There is no checkpoint ${why} that records to purge stand before`)
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
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
