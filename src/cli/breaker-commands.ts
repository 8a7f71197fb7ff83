import { Command } from 'commander'
import type { BatchSummary } from '../domain/breaker.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { type BatchId, isId } from '../domain/ids.ts'
import { allowBatch, type BatchOutcome, rejectBatch } from '../provisioning/decide-batch.ts'
import { restoreBatch, type RestoreOutcome } from '../provisioning/restore-batch.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

const SHOWN = 200

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface RestoreOptions extends OrgOptions {
  readonly admins?: true
}

type Outcome = BatchOutcome & Partial<Pick<RestoreOutcome, 'admins'>>

/** `rollcall breaker list`, `show`, `allow`, `reject`, `restore`. */
export function breakerCommand(ports: CommandPorts): Command {
  const breaker = new Command('breaker').description('removals of many people at once: reported, held, brought back')
  breaker.addCommand(listCommand(ports))
  breaker.addCommand(showCommand(ports))
  breaker.addCommand(
    decision('allow', 'do what is held, and let the rest of the run pass').action(run(ports, 'Removed', allow)),
  )
  breaker.addCommand(decision('reject', 'drop what is held').action(run(ports, 'Rejected', reject)))
  breaker.addCommand(
    decision('restore', 'bring everybody back whom a batch deactivated or deleted, as they were')
      .option('--admins', 'also those who would be admins of the organisation')
      .action(run(ports, 'Restored', restore)),
  )
  return breaker
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function decision(name: string, description: string): Command {
  return ofOrg(new Command(name)).description(description).argument('<batch>', 'batch, by id')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list batches of removals that went beyond the limit, the newest first')
    .action(async (options: OrgOptions) => {
      const batches = await ports.withStore(async (operator) => {
        return operator.reads.breaker.batches((await getOrg(operator, options.org)).id, SHOWN)
      })
      ports.out(options.json === true ? json(batches.map(asJson)) : table(batches.map(asRow), 'No batches'))
    })
}

function asJson({ created, decided, ...batch }: BatchSummary): object {
  return { ...batch, created: time(created), decided: decided === undefined ? null : time(decided) }
}

function asRow(batch: BatchSummary): Readonly<Record<string, string>> {
  const { id, mode, state, done, held, most, base, connection, created } = batch
  return {
    ...{ id, mode, state, lost: String(done), held: String(held), limit: `${most} of ${base}` },
    ...{ connection, created: time(created) },
  }
}

function showCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('show'))
    .description('list who a batch removed, and who is held')
    .argument('<batch>', 'batch, by id')
    .action(async (batch: string, options: OrgOptions) => {
      const removals = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const found = isId(batch) ? await operator.reads.breaker.batch(id, batch as BatchId) : undefined
        if (found === undefined)
          throw new DomainError('not-found', `There is no batch "${batch}"; see: rollcall breaker list`)
        return operator.reads.breaker.removals(id, found.id, undefined, found.done + found.held)
      })
      const rows = removals.map(({ user, act, state, at }) => ({ user, act, state, at: time(at) }))
      ports.out(options.json === true ? json(rows) : table(rows, 'Nobody'))
    })
}

type Decide = (operator: Operator, caller: Caller, id: BatchId, options: RestoreOptions) => Promise<Outcome>

const allow: Decide = ({ provisioning }, caller, id) => allowBatch(provisioning, caller, id)
const reject: Decide = ({ provisioning }, caller, id) => rejectBatch(provisioning, caller, id)
const restore: Decide = ({ provisioning }, caller, id, { admins }) =>
  restoreBatch(provisioning, caller, id, { admins: admins === true })

function run(ports: CommandPorts, done: string, decide: Decide) {
  return async (batch: string, options: RestoreOptions): Promise<void> => {
    const outcome = await ports.withStore(async (operator) => {
      const { id } = await getOrg(operator, options.org)
      return decide(operator, operatorIn(operator, id), batch as BatchId, options)
    })
    ports.out(options.json === true ? json(outcome) : sentences(done, outcome))
  }
}

function sentences(done: string, { done: count, failed, admins = [] }: Outcome): string {
  return [
    `${done}: ${count}`,
    ...failed.map(({ user, reason }) => `Not ${user}: ${printable(reason)}`),
    ...(admins.length === 0 ? [] : [`Left out as admins of the organisation, see --admins: ${admins.join(', ')}`]),
  ].join('\n')
}
