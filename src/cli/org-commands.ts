import { Command } from 'commander'
import { foundOrg } from '../provisioning/found-org.ts'
import { parseName } from './arguments.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts } from './ports.ts'

/** `rollcall org create`, `org list`. */
export function orgCommand(ports: CommandPorts): Command {
  const org = new Command('org').description('organisations')
  org
    .command('create')
    .description('make an organisation')
    .argument('<name>', 'its name, unique in any spelling of case', parseName)
    .option('--json', 'answer in JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const made = await ports.withStore(
        (operator) => foundOrg(operator.provisioning, operator.operation(), name).durable,
        { mayCreate: true },
      )
      ports.out(options.json === true ? json({ id: made.id, name }) : `Made organisation ${name} (${made.id})`)
    })
  org
    .command('list')
    .description('list organisations')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly json?: true }) => {
      const orgs = await ports.withStore(({ reads }) => reads.orgs.list())
      const rows = orgs.map(({ id, name, created }) => ({ id, name, created: time(created) }))
      ports.out(options.json === true ? json(rows) : table(rows, 'No organisations yet'))
    })
  return org
}
