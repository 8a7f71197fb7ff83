import { Command } from 'commander'
import type { RestoredChain, RestoreReport } from '../domain/backup.ts'
import { counted, json, printable, time } from './output.ts'
import type { CommandPorts } from './ports.ts'

interface BackupOptions {
  readonly keys: string
  readonly json?: true
}

/** `rollcall backup`. */
export function backupCommand(ports: CommandPorts): Command {
  return new Command('backup')
    .description('write a backup, beside a running server: the store in one file, the keys of people in another')
    .argument('[file]', 'the file to make for the store; without it, only the keys are written')
    .requiredOption('--keys <file>', 'the file to make for the keys: keep it apart, and only the newest few')
    .option('--json', 'answer in JSON')
    .action(async (store: string | undefined, options: BackupOptions) => {
      const request = { store, keys: options.keys }
      const made = await ports.withStore((operator) => operator.backup(request))
      if (options.json === true) {
        ports.out(json({ ...request, ...made, made: time(made.made) }))
        return
      }
      const lines = [
        ...(store === undefined
          ? []
          : [`Wrote ${counted(made.rows ?? 0, 'row')} to ${printable(store)}, which opens no sealed value`]),
        `Wrote ${counted(made.keys, 'key')} of people to ${printable(options.keys)}: whoever has both and the master key reads all`,
        'The master key is in neither: keep it by itself',
      ]
      ports.out(lines.join('\n'))
    })
}

interface RestoreOptions {
  readonly keys: string
  readonly reason: string
  readonly drill?: true
  readonly json?: true
}

/** `rollcall restore`. */
export function restoreCommand(ports: CommandPorts): Command {
  return new Command('restore')
    .description(
      'put a backup back where no store is; its logs go on in a new epoch, and who was erased since is erased again',
    )
    .argument('<file>', 'the file of the store')
    .requiredOption('--keys <file>', "the newest file of keys there is, also a newer one than the store's")
    .option('--reason <text>', 'why, for the log', 'restored from a backup')
    .option('--drill', 'into a scratch store that is thrown away: what would be lost, and how long it takes')
    .option('--json', 'answer in JSON')
    .action(async (storeFile: string, options: RestoreOptions) => {
      const isDrill = options.drill === true
      const { keys: keysFile, reason } = options
      const report = await ports.restore({ storeFile, keysFile, reason, isDrill })
      ports.out(options.json === true ? json(shownReport(report)) : reportText(report, isDrill))
    })
}

function shownReport({ made, chains, ...report }: RestoreReport): object {
  const shown = chains.map(({ newest, ...chain }) => ({ ...chain, newest: newest === undefined ? null : time(newest) }))
  return { ...report, made: time(made), rpoMs: rpoOf(chains), chains: shown }
}

/** The longest time of which anything is known to be lost. */
function rpoOf(chains: readonly RestoredChain[]): number {
  return Math.max(0, ...chains.map(({ lostMs }) => lostMs))
}

function reportText(report: RestoreReport, isDrill: boolean): string {
  const { made, rows, chains, missing, erased, notErased, ms } = report
  const lost = chains.reduce((sum, chain) => sum + chain.lost, 0)
  return [
    `${isDrill ? 'Drill: would restore' : 'Restored'} ${counted(rows, 'row')} of the backup made at ${time(made)}, in ${seconds(ms)}`,
    ...chains.map(chainText),
    lost === 0
      ? 'No checkpoint outside names a record that is not in the backup'
      : `Lost at least ${counted(lost, 'record')}: recovery point ${seconds(rpoOf(chains))} before the newest checkpoint outside`,
    ...(erased === 0 ? [] : [`Erased again: ${erased} ${erased === 1 ? 'person' : 'people'}`]),
    ...notErased.map(
      (id) => `NOT ERASED: ${id} was the last admin; make another one, then: rollcall privacy erase ${id}`,
    ),
    ...missing.map((id) => `The organisation ${printable(id)} was made after the backup: it is lost`),
    ...(isDrill
      ? []
      : ['Everybody signs in anew. Tokens and keys revoked since the backup are valid again: see rollcall token list']),
  ].join('\n')
}

function chainText({ org, records, newest, lost }: RestoredChain): string {
  const upTo = newest === undefined ? '' : ` up to ${time(newest)}`
  return `${printable(org)}: ${counted(records, 'record')}${upTo}, whole${lost === 0 ? '' : `; lost after it: at least ${lost}`}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
