import { Command } from 'commander'
import { json, jsonLine, table } from './output.ts'
import type { CommandPorts, Started } from './ports.ts'

/** `rollcall serve`, `migrate`, `migrate status`, `config`. */
export function storeCommands(ports: CommandPorts): readonly Command[] {
  return [serveCommand(ports), migrateCommand(ports), configCommand(ports)]
}

function serveCommand(ports: CommandPorts): Command {
  return new Command('serve')
    .description('serve the gateway until SIGTERM or SIGINT')
    .option('--json', 'say what a start made as one JSON object on a line')
    .action((options: { readonly json?: true }) =>
      ports.serve((started) => ports.out(options.json === true ? startedLine(started) : startedText(started))),
    )
}

function startedLine({ scimUrl, masterKeyFile, firstToken, notice, firstKey, keyNotice, setupUrl }: Started): string {
  return jsonLine({ scimUrl, masterKeyFile, firstToken, notice, firstKey, keyNotice, setupUrl })
}

/** The token is shown this once and is nowhere in the log. */
function startedText({ scimUrl, masterKeyFile, firstToken, notice, firstKey, keyNotice, setupUrl }: Started): string {
  const lines = [`SCIM base URL: ${scimUrl}`]
  if (masterKeyFile !== undefined) lines.push(keyMadeText(masterKeyFile))
  if (firstToken !== undefined) lines.push(`First token, shown this once: ${firstToken}`)
  if (firstKey !== undefined) lines.push(`First admin key, shown this once: ${firstKey}`)
  if (setupUrl !== undefined) lines.push(`Set up the first administrator, once, within seven days: ${setupUrl}`)
  if (keyNotice !== undefined) lines.push(`Warning: ${keyNotice}`)
  if (notice !== undefined) lines.push(`Warning: ${notice}`)
  return lines.join('\n')
}

/** What is said where the embedded store's key was made. */
export function keyMadeText(file: string): string {
  return `Master key made in ${file} (mode 600): keep a copy apart from the store; without it the store cannot be read`
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
      const inJson = command.optsWithGlobals<{ json?: true }>().json === true
      const lines = states.map(({ name, executedAt, known }) => ({
        name,
        executed: executedAt?.toISOString() ?? 'pending',
        version: known ? 'this' : 'a newer one',
      }))
      ports.out(inJson ? json(statesOf(states)) : table(lines, 'No migrations'))
    })
  return migrate
}

function statesOf(states: Awaited<ReturnType<CommandPorts['migrationStatus']>>): unknown {
  return states.map(({ name, executedAt, known }) => ({ name, executed: executedAt?.toISOString() ?? null, known }))
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
