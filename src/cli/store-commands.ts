import { Command } from 'commander'
import { json, table } from './output.ts'
import type { CommandPorts } from './ports.ts'

/** `rollcall serve`, `migrate`, `migrate status`, `config`. */
export function storeCommands(ports: CommandPorts): readonly Command[] {
  return [serveCommand(ports), migrateCommand(ports), configCommand(ports)]
}

function serveCommand(ports: CommandPorts): Command {
  return new Command('serve').description('serve the gateway until SIGTERM or SIGINT').action(() => ports.serve())
}

function migrateCommand(ports: CommandPorts): Command {
  const migrate = new Command('migrate')
    .description('bring the schema of the store up to date')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly json?: true }) => {
      const ran = await ports.migrate()
      if (options.json === true) ports.out(json({ ran }))
      else ports.out(ran.length === 0 ? 'The schema is up to date' : `Ran ${ran.join(', ')}`)
    })
  migrate
    .command('status')
    .description('show which migrations were run')
    .option('--json', 'answer in JSON')
    .action(async (_options: unknown, command: Command) => {
      const states = await ports.migrationStatus()
      const rows = states.map(({ name, executedAt }) => ({ name, executed: executedAt?.toISOString() ?? 'pending' }))
      ports.out(command.optsWithGlobals<{ json?: true }>().json === true ? json(rows) : table(rows, 'No migrations'))
    })
  return migrate
}

function configCommand(ports: CommandPorts): Command {
  return new Command('config')
    .description('print the effective settings, secrets masked')
    .option('--json', 'answer in JSON')
    .action((options: { readonly json?: true }) => {
      const rows = ports.settings().map(({ name, value, source }) => ({ name, value, source }))
      ports.out(options.json === true ? json(rows) : table(rows, 'No settings'))
    })
}
