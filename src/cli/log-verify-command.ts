import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { readCheckpoints } from '../audit/checkpoint-file.ts'
import { logKeyId, publicKeyOfPem } from '../audit/log-key.ts'
import { SYSTEM_ORG } from '../audit/system-org.ts'
import type { Finding } from '../audit/finding.ts'
import { type PackFinding, type PackReport, verifyPack } from '../audit/verify-pack.ts'
import type { ReplayFinding } from '../audit/replay-finding.ts'
import { replayLog, type ReplayReport } from '../audit/replay.ts'
import { verifyChain, type VerifyReport } from '../audit/verify.ts'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import { SILENT, streamProgress } from './demo/progress.ts'
import { getOrg } from './lookup.ts'
import { counted, json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

interface VerifyFlags {
  readonly org?: string
  readonly checkpoints?: string
  readonly key: readonly string[]
  readonly pack?: string
  readonly fast?: true
  readonly replay?: true
  readonly json?: true
}

interface Verified {
  readonly name: string
  readonly report: VerifyReport
  /** Where it was asked for, of a log that is whole. */
  readonly replayed: ReplayReport | undefined
}

function isSound({ report, replayed }: Verified): boolean {
  return report.intact && replayed?.finding === undefined
}

/** `rollcall log verify`: recomputes chains and holds them against checkpoints. */
export function verifyCommand(ports: CommandPorts): Command {
  return new Command('verify')
    .description('recompute the log from its bytes and hold it against its checkpoints')
    .option('--org <org>', 'one organisation, by id or name; else all, and what belongs to none')
    .option('--checkpoints <file>', 'checkpoints kept outside the store: a file of them, or a process log')
    .option('--key <key>', 'a key known from outside: its fingerprint, or a file with it in PEM', collect, [])
    .option('--pack <file>', 'an evidence pack instead of a store')
    .option('--fast', 'hashes only: the search columns beside the records are not compared')
    .option('--replay', 'also make anew from the log what is kept beside it, and compare: access, ids, people')
    .option('--json', 'answer in JSON')
    .action(async (flags: VerifyFlags) => {
      const trusted = await Promise.all(flags.key.map(keyId))
      if (flags.pack !== undefined) {
        await verifyOnePack(ports, flags.pack, trusted, flags.json === true)
        return
      }
      const outside = flags.checkpoints === undefined ? [] : await checkpointsIn(flags.checkpoints)
      const verified = await ports.withStore((operator) => verifyAll(operator, flags, trusted, outside))
      ports.out(flags.json === true ? json(verified.map(shownReport)) : verified.map(reportText).join('\n'))
      const broken = verified.filter((one) => !isSound(one)).length
      if (broken > 0) throw new DomainError('invalid-value', `${broken} of ${verified.length} logs do not verify`)
    })
}

async function verifyOnePack(
  ports: CommandPorts,
  file: string,
  trusted: readonly string[],
  inJson: boolean,
): Promise<void> {
  const report = await verifyPack(file, trusted)
  ports.out(inJson ? json({ ...report, finding: report.finding ?? null }) : packText(report))
  if (!report.intact) throw new DomainError('invalid-value', 'The pack does not verify')
}

function packText({ kind, records, stubs, finding, proven }: PackReport): string {
  if (finding !== undefined)
    return `NOT INTACT: ${packFindingText(finding)}; ${counted(records + stubs, 'line')} before it fit`
  const signer = proven === true ? 'signer proven' : 'signer not proven (give --key)'
  const proof =
    kind === 'full'
      ? 'nothing of its range is missing'
      : 'filtered: each record is genuine and in its place, but not that the filter missed nothing'
  return `intact, ${counted(records, 'record')} and ${counted(stubs, 'stub')}, ${signer}; ${proof}`
}

function packFindingText(finding: PackFinding): string {
  if ('file' in finding) return `${finding.file}: ${finding.kind}`
  switch (finding.kind) {
    case 'value differs':
      return `record ${finding.seq}: a disclosed value is not the one that was recorded`
    case 'not signed':
      return `record ${finding.seq}: a stretch ends here that no checkpoint signs`
    default:
      return findingText(finding)
  }
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

/** @throws DomainError `invalid-value` */
export async function keyId(given: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase()
  const text = await readFile(given, 'utf8').catch(() => '')
  const publicKey = publicKeyOfPem(text)
  if (publicKey !== undefined) return logKeyId(publicKey)
  throw new DomainError(
    'invalid-value',
    `--key ${printable(given)} is neither a fingerprint of 64 hexadecimal characters nor a readable PEM file of an Ed25519 public key; see: rollcall log key`,
  )
}

async function checkpointsIn(file: string): Promise<readonly Checkpoint[]> {
  const found: Checkpoint[] = []
  for await (const checkpoint of readCheckpoints(file)) found.push(checkpoint)
  if (found.length > 0) return found
  throw new DomainError('invalid-value', `There is no checkpoint in ${printable(file)}`)
}

async function verifyAll(
  operator: Operator,
  flags: VerifyFlags,
  trusted: readonly string[],
  outside: readonly Checkpoint[],
): Promise<readonly Verified[]> {
  const { reads, log } = operator
  const system = { id: SYSTEM_ORG, name: String(SYSTEM_ORG) }
  const orgs = flags.org === undefined ? [...(await reads.orgs.list()), system] : [await getOrg(operator, flags.org)]
  const known = new Set<OrgId>(orgs.map(({ id }) => id))
  const gone = flags.org === undefined ? outside.filter(({ orgId }) => !known.has(orgId)).map(({ orgId }) => orgId) : []
  const all = [...orgs, ...[...new Set(gone)].map((id) => ({ id, name: String(id) }))]
  const heads = await Promise.all(all.map(({ id }) => reads.records.head(id)))
  const progress = flags.json === true ? SILENT : streamProgress(process.stderr)
  progress.begin(heads.reduce((sum, head) => sum + (head?.seq ?? 0), 0))
  const verified: Verified[] = []
  const threads = log.startThreads(Math.max(...heads.map((head) => head?.seq ?? 0)))
  try {
    for (const { id, name } of all) {
      let done = 0
      const report = await verifyChain(reads.records, id, {
        columns: flags.fast !== true,
        checkpoints: [...(await reads.checkpoints.all(id)), ...outside.filter(({ orgId }) => orgId === id)],
        ...{ trusted, threads },
        onPage: (records) => {
          progress.advance(name, records - done)
          done = records
        },
      })
      const replayed = flags.replay === true && report.intact ? await replayOne(operator, id, report) : undefined
      verified.push({ name, report, replayed })
    }
  } finally {
    progress.end()
    await threads.close()
  }
  return verified
}

function replayOne({ reads, log }: Operator, id: OrgId, { head, purged }: VerifyReport): Promise<ReplayReport> {
  const begun = purged && { held: purged.access, history: reads.history }
  const parts = { records: reads.records, replay: reads.replay, values: log.values, begun }
  return replayLog(parts, id, { after: purged?.upTo ?? 0, upTo: head?.seq ?? 0 })
}

function replayText(replayed: ReplayReport | undefined): string {
  if (replayed === undefined) return ''
  const { finding, changes, values, people } = replayed
  if (finding !== undefined) return `; REPLAY DIFFERS: ${replayFindingText(finding)}`
  const held = `${counted(changes, 'change')} of access, ${counted(values, 'personal value')}`
  return `; replayed: ${held} and ${counted(people, 'row')} of people agree`
}

function replayFindingText({ seq, table, person, column }: ReplayFinding): string {
  const what = column === undefined ? table : `${printable(column)} in ${table}`
  const whose = person === undefined ? '' : ` of person ${printable(person)}`
  return `${what}${whose} is not what record ${seq} and those before it say`
}

function reportText({ name, report, replayed }: Verified): string {
  const { records, finding, checkpoints, purged } = report
  const label = printable(name)
  if (finding !== undefined)
    return `${label}: NOT INTACT: ${findingText(finding)}; ${counted(records, 'record')} before it fit`
  const forks = checkpoints.forks.map(
    ({ seq, epoch }) => `; record ${seq} began epoch ${epoch} after a restore or an accepted fork`,
  )
  const begin = purged === undefined ? '' : ` after record ${purged.upTo}, up to which it was purged`
  const signed = `${signedText(report)}${forks.join('')}${replayText(replayed)}`
  return `${label}: intact, ${counted(records, 'record')}${begin}; ${signed}`
}

function signedText({ records, checkpoints: { checked, upTo, provenUpTo } }: VerifyReport): string {
  if (checked === 0)
    return records === 0 ? 'nothing to sign yet' : 'no checkpoint, so a rewrite of all of it would not show'
  const signer =
    provenUpTo === undefined ? 'signer not proven (give --key)' : `signer proven up to record ${provenUpTo}`
  return `${counted(checked, 'checkpoint')} up to record ${upTo}, ${signer}`
}

/** What is wrong, and where, as a sentence without its full stop. */
export function findingText({ seq, kind, column, checkpoint, key }: Finding): string {
  switch (kind) {
    case 'column differs':
      return `record ${seq}: the column ${column ?? ''} is not what the record says`
    case 'shorter than checkpoint':
      return `record ${seq} is missing: the log is shorter than its checkpoint at record ${checkpoint ?? 0}`
    case 'checkpoint differs':
      return `record ${seq} is not the one its checkpoint signed: the log was rewritten, or it is another branch`
    case 'untrusted key':
      return `the checkpoint at record ${seq} is signed by the key ${key ?? ''}, which was not given and which no given key vouches for`
    default:
      return `record ${seq}: ${kind}`
  }
}

function shownReport({ name, report, replayed }: Verified): object {
  const { orgId, records, intact, finding, checkpoints, purged } = report
  const shown = { org: name, orgId, records, intact, finding: finding ?? null, checkpoints }
  return { ...shown, ...(purged === undefined ? {} : { purgedUpTo: purged.upTo }), ...shownReplay(replayed) }
}

function shownReplay(replayed: ReplayReport | undefined): object {
  return replayed === undefined ? {} : { replay: { ...replayed, finding: replayed.finding ?? null } }
}
