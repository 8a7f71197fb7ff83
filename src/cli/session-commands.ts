import { Command } from 'commander'
import { DomainError } from '../domain/errors.ts'
import { isId, type SessionId } from '../domain/ids.ts'
import { endSessionsNow } from '../provisioning/sessions.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts } from './ports.ts'

interface SessionOptions {
  readonly org: string
  readonly user?: string
  readonly json?: true
}

/** `rollcall session list` and `end`. */
export function sessionCommand(ports: CommandPorts): Command {
  return new Command('session')
    .description('who is signed in with a browser')
    .addCommand(listCommand(ports))
    .addCommand(endCommand(ports))
}

function listCommand(ports: CommandPorts): Command {
  return withOptions(new Command('list'))
    .description('list the sessions of an organisation, the newest first, at most 1,000')
    .option('--user <user>', 'of this person alone: id, userName or e-mail address')
    .action(async (options: SessionOptions) => {
      const sessions = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const user = options.user === undefined ? undefined : (await getUser(operator, org, options.user)).id
        return operator.reads.sessions.list(org.id, Date.now(), user)
      })
      const rows = sessions.map(({ id, user, method, created, lastSeen, expires }) => ({
        ...{ id, user, method, created: time(created), lastSeen: time(lastSeen), expires: time(expires) },
      }))
      ports.out(options.json === true ? json(rows) : table(rows, 'Nobody is signed in'))
    })
}

function endCommand(ports: CommandPorts): Command {
  return withOptions(new Command('end'))
    .description('end a session, or all of a person, at once')
    .argument('[session]', 'id of one session')
    .option('--user <user>', 'all of this person: id, userName or e-mail address')
    .action(async (session: string | undefined, options: SessionOptions) => {
      const ended = await ports.withStore(async (operator) => {
        if ((session === undefined) === (options.user === undefined)) throw oneOfBoth()
        const org = await getOrg(operator, options.org)
        const which =
          session === undefined
            ? { user: (await getUser(operator, org, options.user!)).id }
            : { id: (isId(session) ? session : '') as SessionId }
        return endSessionsNow(operator.provisioning, operator.operation(), org.id, { ...which, reason: 'revoked' })
          .durable
      })
      ports.out(options.json === true ? json({ ended: ended.length }) : `Ended sessions: ${ended.length}`)
    })
}

function oneOfBoth(): DomainError {
  return new DomainError('invalid-value', 'Name one session by its id, or give --user for all of a person')
}

function withOptions(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}
