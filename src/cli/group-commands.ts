import { Command } from 'commander'
import { type GroupId, isId } from '../domain/ids.ts'
import { markGroup } from '../provisioning/mark-group.ts'
import { getOrg } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { getTeam, operatorIn } from './team-lookup.ts'

/** `rollcall group protect`, `unprotect`. */
export function groupCommand(ports: CommandPorts): Command {
  const group = new Command('group').description('groups as identity providers pushed them')
  const about = 'only connections that may grant admin can change or delete the group'
  group.addCommand(markCommand(ports, 'protect', true).description(`mark a group as protected: ${about}`))
  group.addCommand(markCommand(ports, 'unprotect', false).description('end the mark; rules may protect it still'))
  return group
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
