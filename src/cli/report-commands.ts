import { Command, Option } from 'commander'
import { accessReport } from '../audit/access-report.ts'
import { EXCEPTIONS, type ExceptionKind, exceptionsReport } from '../audit/exceptions-report.ts'
import { grantsReport } from '../audit/grants-report.ts'
import { historyReport } from '../audit/history-report.ts'
import { leaversReport } from '../audit/leavers-report.ts'
import { instantOf, rangeOf } from '../audit/report-time.ts'
import { seatUseReport } from '../audit/seat-use-report.ts'
import { DomainError } from '../domain/errors.ts'
import type { HistorySubject } from '../domain/history-ports.ts'
import { type GroupId, isId, type UserId } from '../domain/ids.ts'
import { parseWhole } from './arguments.ts'
import { getUser } from './lookup.ts'
import type { CommandPorts } from './ports.ts'
import { type Asking, reportCommand, type ReportOptions } from './report-output.ts'
import { getTeam } from './team-lookup.ts'

interface About {
  readonly user?: string
  readonly team?: string
}

interface RangeOptions extends ReportOptions {
  readonly from?: string
  readonly to?: string
}

interface AccessOptions extends ReportOptions, About {
  readonly at?: string
}

/** `rollcall report …`: what the log comes to, as a table, CSV, JSON or a page to print. */
export function reportCommands(ports: CommandPorts): Command {
  const report = new Command('report').description('who had what, who gave it, how fast leavers lost it')
  report.addCommand(accessCommand(ports))
  report.addCommand(grantsCommand(ports))
  report.addCommand(leaversCommand(ports))
  report.addCommand(historyCommand(ports))
  report.addCommand(seatsCommand(ports))
  report.addCommand(exceptionsCommand(ports))
  return report
}

function aboutSomebody(command: Command): Command {
  return command
    .option('--user <user>', 'of this person, by id, userName or e-mail address; a deleted one by id')
    .option('--team <team>', 'of this team, by id or name; an archived or deleted one by id')
}

function accessCommand(ports: CommandPorts): Command {
  const command = aboutSomebody(new Command('access'))
    .description('who had which account, role, seat and team at an instant')
    .option('--at <time>', 'RFC 3339 with an offset, or a day: its last moment; without it, now')
  return reportCommand<AccessOptions>(ports, command, async (asking, options) => {
    const at = instantOf('--at', options.at, asking.clock)
    const of: HistorySubject = (await subjectOf(asking, options)) ?? { everybody: true }
    return accessReport(asking.operator.reads.history, asking.org.id, { at, of })
  })
}

function overTime(command: Command): Command {
  return command
    .option('--from <time>', 'RFC 3339 with an offset, or a day; without it, 30 days before --to')
    .option('--to <time>', 'the same, a day to its last moment; without it, now')
}

function grantsCommand(ports: CommandPorts): Command {
  const command = overTime(new Command('grants')).description(
    'what was given in a period, to whom, by whom, and through which group and rule',
  )
  return reportCommand<RangeOptions>(ports, command, ({ operator, org, clock }, options) =>
    grantsReport(operator.reads, org.id, rangeOf(options, clock)),
  )
}

function leaversCommand(ports: CommandPorts): Command {
  const command = overTime(new Command('leavers'))
    .description('who lost their account in a period, and how fast')
    .option('--limit-seconds <count>', 'how long a removal may take', parseWhole(0, 31_536_000), 86_400)
  return reportCommand<RangeOptions & { readonly limitSeconds: number }>(
    ports,
    command,
    ({ operator, org, clock }, { limitSeconds, ...options }) =>
      leaversReport(operator.reads, org.id, { ...rangeOf(options, clock), limitMs: limitSeconds * 1_000 }),
  )
}

function historyCommand(ports: CommandPorts): Command {
  const command = aboutSomebody(new Command('history')).description(
    'all that a person ever held, or who ever was in a team and as what',
  )
  return reportCommand<ReportOptions & About>(ports, command, async (asking, options) => {
    const of = await subjectOf(asking, options)
    if (of !== undefined) return historyReport(asking.operator.reads.history, asking.org.id, of)
    throw new DomainError('invalid-value', 'Say whose history: --user or --team')
  })
}

function seatsCommand(ports: CommandPorts): Command {
  const command = overTime(new Command('seats')).description('how many seats were in use at the end of each day')
  return reportCommand<RangeOptions>(ports, command, ({ operator, org, clock }, options) =>
    seatUseReport(operator.reads, org.id, rangeOf(options, clock), clock),
  )
}

function exceptionsCommand(ports: CommandPorts): Command {
  const command = new Command('exceptions')
    .description('accounts to look at: admins, unused ones, ones that no identity provider or owner stands for')
    .addOption(new Option('--kind <kind>', 'only these').choices(EXCEPTIONS))
    .option('--dormant-days <count>', 'days without activity after which somebody is dormant', parseWhole(1, 3_650), 90)
  return reportCommand<ReportOptions & { readonly kind?: ExceptionKind; readonly dormantDays: number }>(
    ports,
    command,
    ({ operator, org, clock }, { kind, dormantDays }) =>
      exceptionsReport(operator.reads, org.id, { kind, dormantDays, now: clock.now }),
  )
}

/** The person or team that is asked about. @throws DomainError `not-found`, `invalid-value` for both */
async function subjectOf(
  { operator, org }: Asking,
  { user, team }: About,
): Promise<Exclude<HistorySubject, { readonly everybody: true }> | undefined> {
  if (user !== undefined && team !== undefined) {
    throw new DomainError('invalid-value', 'Ask about a person or about a team, not both')
  }
  if (user !== undefined) return { user: isId(user) ? (user as UserId) : (await getUser(operator, org, user)).id }
  if (team !== undefined) return { team: isId(team) ? (team as GroupId) : (await getTeam(operator, org, team)).id }
  return undefined
}
