import { Command } from 'commander'
import { activityCommand } from './activity-commands.ts'
import { adminCommand } from './admin-commands.ts'
import { attributeCommand } from './attribute-commands.ts'
import { backupCommand, restoreCommand } from './backup-commands.ts'
import { breakerCommand } from './breaker-commands.ts'
import { connectionCommand } from './connection-commands.ts'
import { demoCommand } from './demo-command.ts'
import { domainCommand } from './domain-commands.ts'
import { explainCommand } from './explain-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { inviteCommand } from './invite-commands.ts'
import { signInCommand } from './sign-in-commands.ts'
import { importCommand } from './import-command.ts'
import { groupCommand } from './group-commands.ts'
import { logCommand } from './log-commands.ts'
import { mailCommand } from './mail-commands.ts'
import { orgCommand } from './org-commands.ts'
import type { CommandPorts } from './ports.ts'
import { privacyCommand } from './privacy-commands.ts'
import { reportCommands } from './report-commands.ts'
import { reviewCommand } from './review-commands.ts'
import { roleCommand } from './role-commands.ts'
import { rulesCommand } from './rules-commands.ts'
import { seatCommand } from './seat-commands.ts'
import { settingsCommand } from './settings-commands.ts'
import { serviceAccountCommand } from './service-account-commands.ts'
import { sessionCommand } from './session-commands.ts'
import { sinkCommand } from './sink-commands.ts'
import { storeCommands } from './store-commands.ts'
import { teamCommand } from './team-commands.ts'
import { tokenCommand } from './token-commands.ts'
import { userCommand } from './user-commands.ts'

/**
 * The `rollcall` command with all its subcommands. Wrong usage says what is wanted and throws commander's error with
 * exit status 1; asked-for help and version throw it with 0.
 */
export function createProgram(ports: CommandPorts, version: string): Command {
  const program = new Command('rollcall')
    .description('SCIM 2.0 provisioning gateway')
    .version(version)
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: (text) => ports.err(text.trimEnd()) })
  for (const command of storeCommands(ports)) program.addCommand(command)
  program.addCommand(orgCommand(ports))
  program.addCommand(connectionCommand(ports))
  program.addCommand(tokenCommand(ports))
  program.addCommand(userCommand(ports))
  program.addCommand(adminCommand(ports))
  program.addCommand(signInCommand(ports))
  program.addCommand(sessionCommand(ports))
  program.addCommand(activityCommand(ports))
  program.addCommand(inviteCommand(ports))
  program.addCommand(domainCommand(ports))
  program.addCommand(mailCommand(ports))
  program.addCommand(attributeCommand(ports))
  program.addCommand(teamCommand(ports))
  program.addCommand(groupCommand(ports))
  program.addCommand(roleCommand(ports))
  program.addCommand(rulesCommand(ports))
  program.addCommand(explainCommand(ports))
  program.addCommand(seatCommand(ports))
  program.addCommand(breakerCommand(ports))
  program.addCommand(settingsCommand(ports))
  program.addCommand(serviceAccountCommand(ports))
  program.addCommand(importCommand(ports))
  program.addCommand(logCommand(ports))
  program.addCommand(privacyCommand(ports))
  program.addCommand(sinkCommand(ports))
  program.addCommand(backupCommand(ports))
  program.addCommand(restoreCommand(ports))
  program.addCommand(reportCommands(ports))
  program.addCommand(reviewCommand(ports))
  program.addCommand(doctorCommand(ports))
  program.addCommand(demoCommand(ports))
  inheritSettings(program)
  return program
}

/** `addCommand` hands none of the above down, `command()` only what was set before it. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inheritSettings(command)
  }
}
