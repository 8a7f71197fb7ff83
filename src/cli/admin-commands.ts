import { Command } from 'commander'
import { putResetLink, putSetupLink } from '../provisioning/password-links.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, printable, time } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface LinkOptions {
  readonly org: string
  readonly json?: true
}

/** `rollcall admin setup-url` and `reset-url`: ways in for administrators and for people with a password. */
export function adminCommand(ports: CommandPorts): Command {
  return new Command('admin')
    .description('ways in for administrators, as one-time addresses')
    .addCommand(setupCommand(ports))
    .addCommand(resetCommand(ports))
}

function setupCommand(ports: CommandPorts): Command {
  return withOptions(new Command('setup-url'))
    .description('print an address at which somebody becomes an administrator, once; the one before works no more')
    .action(async (options: LinkOptions) => {
      const { text, link } = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const minted = operator.mintSetupLink()
        const given = { link: minted.link, unless: 'never' } as const
        await putSetupLink(operator.provisioning, operator.operation(), id, given).durable
        return minted
      })
      show(ports, options, { url: `${ports.publicUrl()}/setup/${text}`, expires: link.expires })
    })
}

function resetCommand(ports: CommandPorts): Command {
  return withOptions(new Command('reset-url'))
    .description('print an address at which a person sets another password, once')
    .argument('<user>', 'id, userName or e-mail address')
    .action(async (user: string, options: LinkOptions) => {
      const { text, link } = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const minted = operator.mintResetLink((await getUser(operator, org, user)).id)
        await putResetLink(operator.provisioning, operatorIn(operator, org.id), minted.link).durable
        return minted
      })
      show(ports, options, { url: `${ports.publicUrl()}/reset/${text}`, expires: link.expires })
    })
}

function withOptions(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function show(
  ports: CommandPorts,
  options: LinkOptions,
  { url, expires }: { readonly url: string; readonly expires: number },
): void {
  ports.out(
    options.json === true
      ? json({ url, expires: time(expires) })
      : `Works once, until ${time(expires)}: ${printable(url)}`,
  )
}
