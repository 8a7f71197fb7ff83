import { Command, InvalidArgumentError } from 'commander'
import { DomainError } from '../domain/errors.ts'
import { newId, type TokenId } from '../domain/ids.ts'
import { addToken, revokeToken } from '../provisioning/connection-tokens.ts'
import { getConnection, getOrg } from './lookup.ts'
import { json, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const DAY_MS = 86_400_000

interface TokenOptions {
  readonly org: string
  readonly connection: string
  readonly expires?: number
  readonly json?: true
}

/** `rollcall token create`, `rotate`, `revoke`. */
export function tokenCommand(ports: CommandPorts): Command {
  const token = new Command('token').description("connections' bearer tokens")
  token.addCommand(mintCommand(ports, 'create', 'make a token of a connection, shown once; two may live at a time'))
  token.addCommand(
    mintCommand(ports, 'rotate', 'make the successor of a live token; revoke the old one once the new one is in place'),
  )
  token.addCommand(revokeCommand(ports))
  return token
}

function mintCommand(ports: CommandPorts, name: 'create' | 'rotate', description: string): Command {
  return new Command(name)
    .description(description)
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--connection <connection>', 'connection, by id or name', 'default')
    .option('--expires <days>', 'days until it stops working (default: never)', parseDays)
    .option('--json', 'answer in JSON')
    .action(async (options: TokenOptions) => {
      await ports.withStore((operator) => mint(ports, operator, options, name === 'rotate'))
    })
}

async function mint(ports: CommandPorts, operator: Operator, options: TokenOptions, rotates: boolean): Promise<void> {
  const org = await getOrg(operator, options.org)
  const connection = await getConnection(operator, org, options.connection)
  const operation = operator.operation()
  const now = operation.request.receivedAt
  const live = (await operator.reads.orgs.tokens(org.id)).filter(
    (token) =>
      token.connectionId === connection.id &&
      token.revoked === undefined &&
      (token.expires === undefined || token.expires > now),
  )
  if (rotates && live.length === 0) {
    throw new DomainError('not-found', `The connection "${connection.name}" has no live token; use: rollcall token create`)
  }
  const id = newId<TokenId>(now)
  const { text, secretHash } = operator.mintToken(id)
  const expires = options.expires === undefined ? undefined : now + options.expires * DAY_MS
  const token = { id, connectionId: connection.id, secretHash, origin: 'minted', expires } as const
  await addToken(operator.provisioning, operation, org.id, token).durable
  const older = rotates ? live[0]?.id : undefined
  if (options.json === true) {
    ports.out(json({ id, connection: connection.id, token: text, expires: time(expires), replaces: older ?? null }))
    return
  }
  ports.out(`Token ${id} of ${connection.name}, shown this once: ${text}`)
  if (older !== undefined) ports.out(`Put it into your identity provider, then: rollcall token revoke ${older}`)
}

function revokeCommand(ports: CommandPorts): Command {
  return new Command('revoke')
    .description('end a token at once')
    .argument('<token>', 'id of the token')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (id: string, options: { readonly org: string; readonly json?: true }) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const token = (await operator.reads.orgs.tokens(org.id)).find((known) => known.id === id)
        if (token === undefined) {
          throw new DomainError('not-found', `The organisation "${org.name}" has no token ${id}; see: rollcall connection list`)
        }
        await revokeToken(operator.provisioning, operator.operation(), org.id, token).durable
        ports.out(options.json === true ? json({ id, status: 'revoked' }) : `Revoked token ${id}`)
      })
    })
}

function parseDays(text: string): number {
  const days = Number(text)
  if (!Number.isInteger(days) || days < 1 || days > 3_650) throw new InvalidArgumentError('Wanted is 1 to 3650 days.')
  return days
}
