import { Command } from 'commander'
import type { UserId } from '../domain/ids.ts'
import type { TeamMember } from '../domain/team.ts'
import {
  addTeamMember,
  changeTeamMember,
  removeTeamMember,
  type TeamMemberState,
} from '../provisioning/team-members.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { getTeam, operatorIn } from './team-lookup.ts'

interface MemberOptions {
  readonly org: string
  readonly role?: string
  readonly successor?: string
  readonly json?: true
}

const PAGE = 500

/** `rollcall team members`, `add`, `role`, `remove`. */
export function memberCommands(ports: CommandPorts): readonly Command[] {
  return [membersCommand(ports), addCommand(ports), roleCommand(ports), removeCommand(ports)]
}

function command(name: string): Command {
  return new Command(name)
    .argument('<team>', 'team, by id or name')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
}

function membersCommand(ports: CommandPorts): Command {
  return command('members')
    .description('list the members of a team, their roles and where these come from')
    .action(async (name: string, options: MemberOptions) => {
      const members = await ports.withStore((operator) => listMembers(operator, name, options))
      ports.out(options.json === true ? json(members) : table(members.map(asRow), 'No members yet'))
    })
}

async function listMembers(operator: Operator, name: string, { org }: MemberOptions): Promise<readonly TeamMember[]> {
  const { id: orgId, ...rest } = await getOrg(operator, org)
  const { id } = await getTeam(operator, { id: orgId, ...rest }, name)
  const members: TeamMember[] = []
  for (let after: UserId | undefined; ;) {
    const page = await operator.reads.teams.members(orgId, id, after, PAGE)
    members.push(...page)
    if (page.length < PAGE) return members
    after = page.at(-1)?.id
  }
}

function asRow({ id, userName, status, role, source, origins }: TeamMember): Readonly<Record<string, string>> {
  return { id, userName, status, role: role ?? '', 'given by': source ?? '', origins: origins.join(', ') }
}

function addCommand(ports: CommandPorts): Command {
  return command('add')
    .description('add a person of the organisation to a team')
    .argument('<person>', 'person, by id, userName or e-mail address')
    .option('--role <role>', 'explicit role: admin, member, viewer or a custom one')
    .action(async (name: string, person: string, options: MemberOptions) => {
      const state = await inTeam(ports, name, options, (operator, team, caller) => {
        const plan = { person, ...(options.role === undefined ? {} : { role: options.role }) }
        return addTeamMember(operator.provisioning, caller, team, plan).durable
      })
      answer(ports, options, state, state.changed ? 'Added' : 'Already in the team:')
    })
}

function roleCommand(ports: CommandPorts): Command {
  return command('role')
    .description('give a member of a team an explicit role, or with no role take it away')
    .argument('<person>', 'person, by id, userName or e-mail address')
    .argument('[role]', 'admin, member, viewer or a custom one')
    .action(async (name: string, person: string, role: string | undefined, options: MemberOptions) => {
      const state = await inTeam(
        ports,
        name,
        options,
        (operator, team, caller) =>
          changeTeamMember(operator.provisioning, caller, team, { person, role: role ?? null }).durable,
      )
      answer(ports, options, state, state.changed ? 'Changed' : 'Nothing to change:')
    })
}

function removeCommand(ports: CommandPorts): Command {
  return command('remove')
    .description('take a person who was added by hand out of a team')
    .argument('<person>', 'person, by id, userName or e-mail address')
    .action(async (name: string, person: string, options: MemberOptions) => {
      const state = await inTeam(
        ports,
        name,
        options,
        (operator, team, caller) => removeTeamMember(operator.provisioning, caller, team, { person }).durable,
      )
      answer(ports, options, state, state.changed ? 'Removed' : 'Not in the team:')
    })
}

type InTeam = (
  operator: Operator,
  team: Awaited<ReturnType<typeof getTeam>>['id'],
  caller: ReturnType<typeof operatorIn>,
) => Promise<TeamMemberState>

function inTeam(ports: CommandPorts, name: string, { org }: MemberOptions, run: InTeam): Promise<TeamMemberState> {
  return ports.withStore(async (operator) => {
    const found = await getOrg(operator, org)
    const { id } = await getTeam(operator, found, name)
    return run(operator, id, operatorIn(operator, found.id))
  })
}

function answer(ports: CommandPorts, options: MemberOptions, state: TeamMemberState, done: string): void {
  const { user, role, changed } = state
  const text = `${done} ${user}${role === undefined ? '' : `, role ${printable(role)}`}`
  ports.out(options.json === true ? json({ user, role: role ?? null, changed }) : text)
}
