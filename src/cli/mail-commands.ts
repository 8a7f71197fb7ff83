import { Command } from 'commander'
import { checkMailAddress } from '../domain/email.ts'
import { DomainError } from '../domain/errors.ts'
import { isId, type MailId } from '../domain/ids.ts'
import { INVITE_MS } from '../provisioning/invite-mail.ts'
import { resendMail } from '../provisioning/resend-mail.ts'
import { getOrg } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

const MOST = 1_000

/** `rollcall mail test`, `list`, `resend`. */
export function mailCommand(ports: CommandPorts): Command {
  const mail = new Command('mail').description('mail that is sent, and the server that takes it')
  mail.addCommand(testCommand(ports))
  mail.addCommand(listCommand(ports))
  mail.addCommand(resendCommand(ports))
  return mail
}

function testCommand(ports: CommandPorts): Command {
  return new Command('test')
    .description('send a test mail now, and say what the mail server made of it')
    .argument('<address>', 'whom to send it')
    .option('--json', 'answer in JSON')
    .action(async (address: string, options: { readonly json?: true }) => {
      checkMailAddress(address, 'address')
      const { server, problem } = await ports.withStore(async ({ mail }) => {
        if (mail === undefined) {
          throw new DomainError('unsupported', 'No mail server is configured: set SMTP_URL and MAIL_FROM')
        }
        return { server: mail.server, problem: await mail.sendTest(address) }
      })
      if (problem !== undefined) throw new DomainError('conflict', `${server} did not take the mail: ${problem}`)
      ports.out(
        options.json === true ? json({ server, address, taken: true }) : `${server} took the mail to ${address}`,
      )
    })
}

function listCommand(ports: CommandPorts): Command {
  return new Command('list')
    .description('list the newest mails of an organisation, at most 1,000, and what became of them')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly org: string; readonly json?: true }) => {
      const mails = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return operator.reads.outbox.list(id, MOST)
      })
      const rows = mails.map(({ id, kind, person, state, attempts, problem, ...at }) => ({
        ...{ id, kind, person: person ?? '', state, attempts: String(attempts), problem: problem ?? '' },
        ...{ created: time(at.created), next: time(at.next), ended: time(at.ended) },
      }))
      ports.out(options.json === true ? json(rows) : table(rows, 'No mails yet'))
    })
}

function resendCommand(ports: CommandPorts): Command {
  return new Command('resend')
    .description('try a waiting mail at once; send another in place of an invitation or password link that is over')
    .argument('<mail>', 'its id; see: rollcall mail list')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (id: string, options: { readonly org: string; readonly json?: true }) => {
      if (!isId(id))
        throw new DomainError('invalid-value', `${JSON.stringify(id)} is no id of a mail; see: rollcall mail list`)
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const caller = operatorIn(operator, org.id)
        const expires = caller.request.receivedAt + INVITE_MS
        await resendMail(operator.provisioning, caller, id as MailId, {
          invite: (invite) => ({ ...operator.mintToken(invite), expires }),
          reset: (user) => operator.mintResetLink(user),
        }).durable
      })
      ports.out(options.json === true ? json({ mail: id, resent: true }) : 'The mail is on its way again')
    })
}
