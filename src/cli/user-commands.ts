import { Command, Option } from 'commander'
import { ORG_ROLES, type OrgRole } from '../domain/access.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { UserStatus } from '../domain/user.ts'
import {
  type ListedPerson,
  listPeople,
  type PeopleCursor,
  type PeoplePage,
  withStanding,
} from '../provisioning/list-people.ts'
import { peopleCsv } from '../provisioning/people-csv.ts'
import { shownPairs, shownPerson } from '../provisioning/shown-person.ts'
import { parseWhole } from './arguments.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, table } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { userChangeCommands } from './user-change-commands.ts'

const PAGE = 200

interface ListOptions {
  readonly org: string
  readonly search?: string
  readonly status?: UserStatus
  readonly orgRole?: OrgRole
  readonly limit: number
  readonly json?: true
}

/** `rollcall user list`, `show`, `export`, and those that change one. */
export function userCommand(ports: CommandPorts): Command {
  const user = new Command('user').description('people of an organisation, and service accounts')
  user.addCommand(listCommand(ports))
  user.addCommand(showCommand(ports))
  user.addCommand(exportCommand(ports))
  for (const command of userChangeCommands(ports)) user.addCommand(command)
  return user
}

function selecting(command: Command): Command {
  return command
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--search <text>', 'within name, userName or e-mail')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'active', 'deactivated']))
    .addOption(new Option('--org-role <role>', 'only these').choices([...ORG_ROLES]))
}

function listCommand(ports: CommandPorts): Command {
  return selecting(new Command('list'))
    .description('list people by userName, with status, org role, seats, teams and last activity')
    .option('--limit <number>', 'people at most', parseWhole(1, 100_000), 1_000)
    .option('--json', 'answer in JSON')
    .action(async (options: ListOptions) => {
      const { people, total } = await ports.withStore(async (operator) =>
        list(operator, await getOrg(operator, options.org), options),
      )
      if (options.json === true) return ports.out(json(people.map(shownPerson)))
      ports.out(table(people.map(rowOf), 'No users'))
      if (total > people.length) ports.err(`${total - people.length} more; narrow it down, or raise --limit`)
    })
}

async function list(operator: Operator, org: OrgSummary, options: ListOptions) {
  const { search, status, orgRole, limit } = options
  const people: ListedPerson[] = []
  let page: PeoplePage
  let after: PeopleCursor | undefined
  do {
    page = await listPeople(operator.reads, org.id, {
      ...{ search, status, orgRole, sort: { by: 'userName', descending: false }, after },
      limit: Math.min(PAGE, limit - people.length),
    })
    people.push(...page.people)
    after = page.next
  } while (after !== undefined && people.length < limit)
  return { people, total: page.total }
}

function showCommand(ports: CommandPorts): Command {
  return new Command('show')
    .description('show a person with all that they hold')
    .argument('<user>', 'by id, userName or e-mail address')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (name: string, options: { readonly org: string; readonly json?: true }) => {
      const person = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const [listed] = await withStanding(operator.reads, org.id, [await getUser(operator, org, name)])
        return listed!
      })
      const rows = Object.entries(rowOf(person)).map(([what, value]) => ({ what, value }))
      ports.out(options.json === true ? json(shownPerson(person)) : table(rows, ''))
    })
}

function exportCommand(ports: CommandPorts): Command {
  return selecting(new Command('export'))
    .description('write people as CSV: user name, name, e-mail, org role, seats, teams, status, activity')
    .option('--json', 'one JSON object a line instead')
    .action(async (options: Omit<ListOptions, 'limit'>) => {
      const { search, status, orgRole } = options
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        if (options.json === true) return exportLines(ports, operator, org, options)
        for await (const piece of peopleCsv(operator.reads, org.id, { search, status, orgRole }))
          await ports.write(piece)
      })
    })
}

async function exportLines(
  ports: CommandPorts,
  operator: Operator,
  org: OrgSummary,
  { search, status, orgRole }: Omit<ListOptions, 'limit'>,
): Promise<void> {
  let after: PeopleCursor | undefined
  do {
    const page = await listPeople(operator.reads, org.id, { search, status, orgRole, limit: PAGE, after })
    for (const person of page.people) await ports.write(`${JSON.stringify(shownPerson(person))}\n`)
    after = page.next
  } while (after !== undefined)
}

function rowOf(person: ListedPerson): Readonly<Record<string, string>> {
  const { id, userName, name, email, status, orgRole, seats, teams, lastActive, daysActive, origin } =
    shownPerson(person)
  return {
    ...{ id, userName, name, email: email ?? '', status, orgRole: orgRole ?? '' },
    ...{ seats: shownPairs(Object.entries(seats)), teams: shownPairs(teams.map((team) => [team.name, team.role])) },
    ...{ lastActive: lastActive ?? '', daysActive: String(daysActive), origin },
  }
}
