import { Command } from 'commander'
import { connectionCommand } from './connection-commands.ts'
import { demoCommand } from './demo-command.ts'
import { logCommand } from './log-commands.ts'
import { orgCommand } from './org-commands.ts'
import type { CommandPorts } from './ports.ts'
import { storeCommands } from './store-commands.ts'
import { tokenCommand } from './token-commands.ts'

/** The `rollcall` command with all its subcommands. Wrong usage ends with status 1 and says what is wanted. */
export function createProgram(ports: CommandPorts, version: string): Command {
  const program = new Command('rollcall')
    .description('SCIM 2.0 provisioning gateway')
    .version(version)
    .showHelpAfterError()
    .configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: (text) => ports.err(text.trimEnd()) })
  for (const command of storeCommands(ports)) program.addCommand(command)
  program.addCommand(orgCommand(ports))
  program.addCommand(connectionCommand(ports))
  program.addCommand(tokenCommand(ports))
  program.addCommand(logCommand(ports))
  program.addCommand(demoCommand(ports))
  return program
}
