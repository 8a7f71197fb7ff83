import { Command } from 'commander'
import { type GroupId, isId } from '../domain/ids.ts'
import { markGroup } from '../provisioning/mark-group.ts'
import { restoreGroup } from '../provisioning/restore-group.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { getTeam, operatorIn } from './team-lookup.ts'

/** `rollcall group protect`, `unprotect`, `restore`. */
export function groupCommand(ports: CommandPorts): Command {
  const group = new Command('group').description('groups as identity providers pushed them')
  const about = 'only connections that may grant admin can change or delete the group'
  group.addCommand(markCommand(ports, 'protect', true).description(`mark a group as protected: ${about}`))
  group.addCommand(markCommand(ports, 'unprotect', false).description('end the mark; rules may protect it still'))
  group.addCommand(restoreCommand(ports))
  return group
}

function restoreCommand(ports: CommandPorts): Command {
  return new Command('restore')
    .description('bring back a group that was deleted within 30 days, with its members and its team if it had one')
    .argument('<group>', 'group, by id')
    .option('--name <name>', 'another name, where its own is taken by now')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (given: string, { org: orgName, name, json: asJson }: RestoreCommandOptions) => {
      const { group } = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, orgName)
        const options = name === undefined ? {} : { name }
        return restoreGroup(operator.provisioning, operatorIn(operator, org.id), given as GroupId, options).durable
      })
      const { id, displayName, memberCount } = group
      const said = `Restored group ${printable(displayName)} (${id}); members: ${memberCount}`
      ports.out(asJson === true ? json({ id, displayName, memberCount }) : said)
    })
}

interface RestoreCommandOptions {
  readonly org: string
  readonly name?: string
  readonly json?: true
}

function markCommand(ports: CommandPorts, name: string, mark: boolean): Command {
  return new Command(name)
    .argument('<group>', 'group, by id, or by the name of its team')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (given: string, options: { readonly org: string; readonly json?: true }) => {
      const { value, changed } = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const id = isId(given) ? (given as GroupId) : (await getTeam(operator, org, given)).id
        return markGroup(operator.provisioning, operatorIn(operator, org.id), id, { protected: mark }).durable
      })
      const { id, displayName, markedProtected } = value
      const said = `Group ${printable(displayName)} (${id}) is ${markedProtected ? '' : 'not '}marked as protected`
      ports.out(options.json === true ? json({ id, displayName, protected: markedProtected, changed }) : said)
    })
}
