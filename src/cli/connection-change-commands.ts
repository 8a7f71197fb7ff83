import { Command, Option } from 'commander'
import type { Scope } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { changeConnection } from '../provisioning/change-connection.ts'
import { handOver, type OwnershipChange } from '../provisioning/hand-over.ts'
import { rejectLink } from '../provisioning/link-confirmation.ts'
import { parseName } from './arguments.ts'
import { getConnection, getOrg, getUser } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

/** `rollcall connection change`, `hand-over`, `waiting`, `reject`. */
export function connectionChangeCommands(ports: CommandPorts): readonly Command[] {
  return [changeCommand(ports), handOverCommand(ports), waitingCommand(ports), rejectCommand(ports)]
}

interface ChangeOptions extends OrgOptions {
  readonly name?: string
  readonly mayGrantAdmin?: boolean
  readonly scope?: readonly Scope[]
}

function changeCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('change'))
    .description('change what a connection is called and may do')
    .argument('<connection>', 'connection, by id or name')
    .option('--name <name>', 'another name', parseName)
    .option('--may-grant-admin', 'let it make and change organisation admins')
    .option('--no-may-grant-admin', 'keep it from that')
    .addOption(new Option('--scope <scope...>', 'what it may touch').choices(['users', 'groups']))
    .action(async (name: string, options: ChangeOptions) => {
      const { value } = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id } = await getConnection(operator, org, name)
        const change = { name: options.name, mayGrantAdmin: options.mayGrantAdmin, scopes: options.scope }
        return changeConnection(operator.provisioning, operatorIn(operator, org.id), id, change).durable
      })
      const { id, name: called, mayGrantAdmin, scopes } = value
      const said = json({ id, name: called, mayGrantAdmin, scopes })
      ports.out(options.json === true ? said : `Connection ${printable(called)} (${id}) is as you want it`)
    })
}

interface HandOverOptions extends OrgOptions {
  readonly to?: string
  readonly user?: string
  readonly group?: string
}

function handOverCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('hand-over'))
    .description('hand over what a connection manages, to another one or to nobody')
    .argument('[connection]', 'connection all of whose users and groups are meant, by id or name')
    .option('--to <connection>', 'the new owner, by id or name (default: nobody)')
    .addOption(new Option('--user <user>', 'only this one, by id, userName or e-mail address').conflicts('group'))
    .option('--group <group>', 'only this one, by id')
    .action(async (from: string | undefined, options: HandOverOptions) => {
      const done = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const to = options.to === undefined ? undefined : (await getConnection(operator, org, options.to)).id
        const what = await subjectOf()
        return handOver(operator.provisioning, operatorIn(operator, org.id), { to, what }).durable

        async function subjectOf(): Promise<OwnershipChange['what']> {
          if (options.user !== undefined) return { type: 'user', id: (await getUser(operator, org, options.user)).id }
          if (options.group !== undefined) return { type: 'group', id: options.group }
          if (from !== undefined) return { allOf: (await getConnection(operator, org, from)).id }
          throw new DomainError('invalid-value', 'Name a connection, or give --user or --group')
        }
      })
      ports.out(options.json === true ? json(done) : `Handed over ${done.users} users and ${done.groups} groups`)
    })
}

function waitingCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('waiting'))
    .description('list what waits for an admin: links to be confirmed, admins to be granted')
    .action(async (options: OrgOptions) => {
      const waiting = await ports.withStore(async ({ reads, ...operator }) => {
        const { id } = await getOrg({ reads, ...operator }, options.org)
        return { links: await reads.waiting.links(id), admins: await reads.waiting.withheldAdmins(id) }
      })
      if (options.json === true) return ports.out(json(waiting))
      const links = waiting.links.map((link) => ({
        ...{ what: `link a ${link.subjectType}`, connection: link.connectionName, id: link.subjectId },
        ...{ name: link.subjectName ?? '', state: link.state, since: time(link.created) },
      }))
      const admins = waiting.admins.map((admin) => ({
        ...{ what: `admin by ${admin.attribute}`, connection: admin.connectionName, id: admin.user },
        ...{ name: admin.userName, state: admin.state, since: time(admin.created) },
      }))
      ports.out(table([...links, ...admins], 'Nothing waits'))
    })
}

function rejectCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('reject'))
    .description('keep a connection from linking a user or group that was made by hand')
    .argument('<connection>', 'connection, by id or name')
    .argument('<subject>', 'id of the user or group')
    .action(async (name: string, subject: string, options: OrgOptions) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id } = await getConnection(operator, org, name)
        const links = await operator.reads.waiting.links(org.id)
        const found = links.find((link) => link.connectionId === id && link.subjectId === subject)
        if (found === undefined) throw new DomainError('not-found', 'Nothing waits for confirmation under this id')
        const { subjectType } = found
        const link = { connectionId: id, subjectType, subjectId: subject }
        await rejectLink(operator.provisioning, { ...operator.operation(), orgId: org.id, link }).durable
      })
      ports.out(options.json === true ? json({ subject, state: 'rejected' }) : `Rejected: ${subject} is not linked`)
    })
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}
