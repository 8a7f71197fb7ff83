import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { Command } from 'commander'
import { DomainError } from '../domain/errors.ts'
import {
  type ImportPlan,
  importProblem,
  importRow,
  type PlannedRow,
  planImport,
} from '../provisioning/import-people.ts'
import { type LineProblem, readImportFile } from '../provisioning/import-rows.ts'
import { SILENT, streamProgress } from './demo/progress.ts'
import { interruptSignal } from './interrupt.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface ImportOptions {
  readonly org: string
  readonly preview?: true
  readonly json?: true
}

/** Rows on their way at a time: they share commits, and while some are committed the next are at hand. */
const AT_ONCE = 64
/** Problems that are said one by one; the rest is counted. */
const MOST_SAID = 100

interface Outcome {
  readonly created: number
  readonly changed: number
  readonly same: number
  /** Rows that were not tried any more. */
  readonly left: number
  readonly failed: readonly LineProblem[]
}

/** `rollcall import users.csv`: people as an export has them, made or changed. */
export function importCommand(ports: CommandPorts): Command {
  return new Command('import')
    .description('make and change people as a CSV says, in the columns that user export writes; run again, it goes on')
    .argument('<file>', 'CSV file, e.g. users.csv')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--preview', 'say what would be done, and do nothing')
    .option('--json', 'answer in JSON')
    .action(async (file: string, options: ImportOptions) => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        const code = (error as { code?: string }).code ?? 'unknown error'
        throw new DomainError('invalid-value', `The file ${printable(file)} cannot be read: ${code}`)
      })
      const { rows, problems } = readImportFile(text)
      await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const plan = await planImport(operator.reads, id, rows)
        const all = [...problems, ...plan.problems].sort((a, b) => a.line - b.line)
        if (all.length > 0) {
          if (options.json === true) ports.out(json({ problems: all }))
          throw wrongLines(ports, all, 'nothing was imported')
        }
        if (options.preview === true) return ports.out(previewText(plan, options))
        const outcome = await run(operator, id, plan, options)
        ports.out(outcomeText(outcome, options))
        if (outcome.failed.length > 0) throw wrongLines(ports, outcome.failed, 'the others are done')
      })
    })
}

/** Says what is wrong with each line. @returns the error that ends the command */
function wrongLines(ports: CommandPorts, problems: readonly LineProblem[], rest: string): DomainError {
  for (const { line, problem } of problems.slice(0, MOST_SAID)) ports.err(`line ${line}: ${printable(problem)}`)
  if (problems.length > MOST_SAID) ports.err(`and ${problems.length - MOST_SAID} more`)
  const lines = new Set(problems.map(({ line }) => line)).size
  return new DomainError('invalid-value', `${lines} ${lines === 1 ? 'line is' : 'lines are'} wrong; ${rest}`)
}

function counted(plan: ImportPlan): { readonly create: number; readonly change: number; readonly same: number } {
  const count = (act: PlannedRow['act']): number => plan.planned.filter((planned) => planned.act === act).length
  return { create: count('create'), change: count('change'), same: count('same') }
}

function previewText(plan: ImportPlan, options: ImportOptions): string {
  const { create, change, same } = counted(plan)
  if (options.json !== true) return `${create} to be made, ${change} to be changed, ${same} as they are`
  const rows = plan.planned.map(({ row, user, act }) => ({
    line: row.line,
    userName: row.userName,
    user: user ?? null,
    act,
  }))
  return json({ create, change, same, rows })
}

async function run(
  operator: Operator,
  orgId: Parameters<typeof operatorIn>[1],
  plan: ImportPlan,
  options: ImportOptions,
): Promise<Outcome> {
  const todo = plan.planned.filter(({ act }) => act !== 'same')
  const done = { create: 0, change: 0, same: plan.planned.length - todo.length }
  const failed: LineProblem[] = []
  const stopped = interruptSignal()
  const progress = options.json === true ? SILENT : streamProgress(process.stderr)
  const started = performance.now()
  progress.begin(todo.length)
  let next = 0
  let tried = 0
  const finish = async (planned: PlannedRow): Promise<void> => {
    try {
      done[await importRow(operator.provisioning, operatorIn(operator, orgId), planned)] += 1
    } catch (error) {
      failed.push(importProblem(planned.row, error))
    }
    tried += 1
    const seconds = ((performance.now() - started) / 1000 / tried) * (todo.length - tried)
    progress.advance(`ETA ${seconds.toFixed(0)} s`)
  }
  const work = async (): Promise<void> => {
    while (!stopped.aborted && next < todo.length) {
      const planned = todo[next++]!
      await finish(planned).catch((error: unknown) => {
        next = todo.length
        throw error
      })
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  } finally {
    progress.end()
  }
  failed.sort((a, b) => a.line - b.line)
  const { create: created, change: changed, same } = done
  return { created, changed, same, left: todo.length - tried, failed }
}

function outcomeText(outcome: Outcome, options: ImportOptions): string {
  if (options.json === true) return json(outcome)
  const { created, changed, same, left, failed } = outcome
  const rest = left === 0 ? '' : `; stopped with ${left} to go: run the same command again`
  return `${created} made, ${changed} changed, ${same} as they were, ${failed.length} refused${rest}`
}
