import { Command } from 'commander'
import { accessReport } from '../audit/access-report.ts'
import { instantOf } from '../audit/report-time.ts'
import { DomainError } from '../domain/errors.ts'
import type { HistorySubject } from '../domain/history-ports.ts'
import { type GroupId, isId, type UserId } from '../domain/ids.ts'
import { getUser } from './lookup.ts'
import type { CommandPorts } from './ports.ts'
import { type Asking, reportCommand, type ReportOptions } from './report-output.ts'
import { getTeam } from './team-lookup.ts'

interface About {
  readonly user?: string
  readonly team?: string
}

interface AccessOptions extends ReportOptions, About {
  readonly at?: string
}

/** `rollcall report …`: what the log comes to, as a table, CSV, JSON or a page to print. */
export function reportCommands(ports: CommandPorts): Command {
  const report = new Command('report').description('who had what, who gave it, how fast leavers lost it')
  report.addCommand(accessCommand(ports))
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
