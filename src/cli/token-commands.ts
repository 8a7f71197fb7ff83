import { Command, Option } from 'commander'
import type { Connection, ConnectionToken } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type OrgId, type TokenId } from '../domain/ids.ts'
import { addToken, revokeToken } from '../provisioning/connection-tokens.ts'
import { parseName, parseWhole } from './arguments.ts'
import {
  isKeyWanted,
  keyJson,
  type KeyOptions,
  keyText,
  listKeysCommand,
  mintKey,
  revokeKeyNamed,
} from './key-commands.ts'
import { getConnection, getOrg } from './lookup.ts'
import { json, printable, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const DAY_MS = 86_400_000
const MOST_DAYS = 3_650

interface TokenOptions {
  readonly org: string
  readonly connection: string
  readonly expires?: number
  readonly json?: true
}

interface CreateOptions extends TokenOptions, KeyOptions {}

/** `rollcall token create`, `rotate`, `list`, `revoke`. */
export function tokenCommand(ports: CommandPorts): Command {
  const token = new Command('token').description("connections' bearer tokens, and keys of the admin API")
  token.addCommand(createCommand(ports))
  token.addCommand(rotateCommand(ports))
  token.addCommand(listKeysCommand(ports))
  token.addCommand(revokeCommand(ports))
  return token
}

function createCommand(ports: CommandPorts): Command {
  return withTokenOptions(new Command('create'))
    .description('make a token of a connection (two may live at a time), or a key of the admin API; shown once')
    .addOption(new Option('--admin', 'a key with the right of an org admin').conflicts(['auditor', 'user']))
    .addOption(new Option('--auditor', 'a key that reads everything and changes nothing').conflicts(['admin', 'user']))
    .addOption(new Option('--user <user>', 'a key of this person or service account, by id, userName or e-mail'))
    .option('--operator', 'with --admin: the key may also make organisations')
    .option('--name <name>', 'what the key is for (default: its kind)', parseName)
    .action(async (options: CreateOptions) => {
      if (isKeyWanted(options)) {
        const made = await ports.withStore((operator) => mintKey(operator, options))
        ports.out(options.json === true ? keyJson(made) : keyText(made))
        return
      }
      const minted = await ports.withStore((operator) => mint(operator, options, false))
      ports.out(options.json === true ? mintedJson(minted) : mintedText(minted))
    })
}

function rotateCommand(ports: CommandPorts): Command {
  return withTokenOptions(new Command('rotate'))
    .description('make the successor of a live token; revoke the old one once the new one is in place')
    .action(async (options: TokenOptions) => {
      const minted = await ports.withStore((operator) => mint(operator, options, true))
      ports.out(options.json === true ? mintedJson(minted) : mintedText(minted))
    })
}

function withTokenOptions(command: Command): Command {
  return command
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--connection <connection>', 'connection, by id or name', 'default')
    .option('--expires <days>', 'days until it stops working (default: never)', parseWhole(1, MOST_DAYS))
    .option('--json', 'answer in JSON')
}

interface Minted {
  readonly id: TokenId
  readonly connection: Connection
  readonly text: string
  readonly expires: number | undefined
  /** The token to be revoked once this one is in place. */
  readonly replaces: TokenId | undefined
}

async function mint(operator: Operator, options: TokenOptions, rotates: boolean): Promise<Minted> {
  const org = await getOrg(operator, options.org)
  const connection = await getConnection(operator, org, options.connection)
  const operation = operator.operation()
  const now = operation.request.receivedAt
  const replaces = rotates ? (await getLiveToken(operator, org.id, connection, now)).id : undefined
  const id = newId<TokenId>(now)
  const { text, secretHash } = operator.mintToken(id)
  const expires = options.expires === undefined ? undefined : now + options.expires * DAY_MS
  const token = { id, connectionId: connection.id, secretHash, origin: 'minted', expires } as const
  await addToken(operator.provisioning, operation, org.id, token).durable
  return { id, connection, text, expires, replaces }
}

/** @throws DomainError `not-found` when the connection has none */
async function getLiveToken(
  operator: Operator,
  orgId: OrgId,
  connection: Connection,
  now: number,
): Promise<ConnectionToken> {
  const live = (await operator.reads.orgs.tokens(orgId)).find(
    ({ connectionId, revoked, expires }) =>
      connectionId === connection.id && revoked === undefined && (expires === undefined || expires > now),
  )
  if (live !== undefined) return live
  throw new DomainError(
    'not-found',
    `The connection "${connection.name}" has no live token to follow; use: rollcall token create`,
  )
}

function mintedJson({ id, connection, text, expires, replaces }: Minted): string {
  const until = expires === undefined ? null : time(expires)
  return json({ id, connection: connection.id, token: text, expires: until, replaces: replaces ?? null })
}

function mintedText({ id, connection, text, expires, replaces }: Minted): string {
  const until = expires === undefined ? '' : `, expires ${time(expires)}`
  const lines = [`Token ${id} of ${printable(connection.name)}${until}, shown this once: ${text}`]
  if (replaces !== undefined) {
    lines.push(`Put it into your identity provider, then: rollcall token revoke ${replaces} --org ${connection.orgId}`)
  }
  return lines.join('\n')
}

function revokeCommand(ports: CommandPorts): Command {
  return new Command('revoke')
    .description('end a token or key at once')
    .argument('<token>', 'id of the token or key')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (id: string, options: { readonly org: string; readonly json?: true }) => {
      await ports.withStore((operator) => revoke(operator, options.org, id))
      ports.out(options.json === true ? json({ id, status: 'revoked' }) : `Revoked token ${id}`)
    })
}

async function revoke(operator: Operator, orgName: string, id: string): Promise<void> {
  const org = await getOrg(operator, orgName)
  const token = (await operator.reads.orgs.tokens(org.id)).find((known) => known.id === id)
  if (token === undefined && (await revokeKeyNamed(operator, org.id, id))) return
  if (token === undefined) {
    throw new DomainError(
      'not-found',
      // The whole token may have been pasted, and what is typed here may be logged.
      `The organisation "${org.name}" has no token of this id; see: rollcall connection list --org ${org.id}`,
    )
  }
  await revokeToken(operator.provisioning, operator.operation(), org.id, token).durable
}
