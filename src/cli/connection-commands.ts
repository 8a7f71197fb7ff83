import { Command, Option } from 'commander'
import type { Connection, ConnectionKind, ConnectionToken, JwtTrust, Scope } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, isId, newId, type TokenId, type UserId } from '../domain/ids.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { createConnection } from '../provisioning/create-connection.ts'
import { confirmLink } from '../provisioning/link-confirmation.ts'
import { revokeConnection } from '../provisioning/revoke-connection.ts'
import { parseName } from './arguments.ts'
import { connectionChangeCommands } from './connection-change-commands.ts'
import { getConnection, getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator, TrustDraft } from './ports.ts'
import { shownTrust, trustCommand, trustOf, type TrustOptions, withTrustOptions } from './trust-commands.ts'

interface CreateOptions extends TrustOptions {
  readonly org: string
  readonly kind: ConnectionKind
  readonly name?: string
  readonly mayGrantAdmin?: true
  readonly scope?: readonly Scope[]
  readonly json?: true
}

interface ListOptions {
  readonly org: string
  readonly json?: true
}

/** `rollcall connection create`, `list`, `revoke`, `confirm`, `trust`, and those that change one. */
export function connectionCommand(ports: CommandPorts): Command {
  const connection = new Command('connection').description("identity providers' and scripts' links to an organisation")
  connection.addCommand(createCommand(ports))
  connection.addCommand(listCommand(ports))
  connection.addCommand(revokeCommand(ports))
  connection.addCommand(confirmCommand(ports))
  connection.addCommand(trustCommand(ports))
  for (const command of connectionChangeCommands(ports)) connection.addCommand(command)
  return connection
}

function createCommand(ports: CommandPorts): Command {
  return withTrustOptions(new Command('create'))
    .description('make a connection and its first token, shown once')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .addOption(new Option('--kind <kind>', 'who uses it').choices(['idp', 'script']).default('idp'))
    .option('--name <name>', 'name of the connection (default: its kind)', parseName)
    .option('--may-grant-admin', 'let it make and change organisation admins')
    .addOption(new Option('--scope <scope...>', 'what it may touch (default: both)').choices(['users', 'groups']))
    .option('--json', 'answer in JSON')
    .action(async (options: CreateOptions) => {
      const trust = trustOf(options)
      const made = await ports.withStore((operator) => create(operator, options, trust))
      ports.out(createdText(made, `${ports.publicUrl()}/scim/v2`, options))
    })
}

interface Created {
  readonly org: OrgSummary
  readonly connection: Connection
  readonly tokenId: TokenId
  readonly token: string
}

async function create(operator: Operator, options: CreateOptions, trust: TrustDraft | undefined): Promise<Created> {
  const org = await getOrg(operator, options.org)
  const problem = trust === undefined ? undefined : operator.trustProblem(trust)
  if (problem !== undefined) throw new DomainError('invalid-value', problem)
  const operation = operator.operation()
  const id = newId<TokenId>(operation.request.receivedAt)
  const { text, secretHash } = operator.mintToken(id)
  const connection = await createConnection(operator.provisioning, operation, org.id, {
    name: options.name ?? options.kind,
    kind: options.kind,
    mayGrantAdmin: options.mayGrantAdmin === true,
    scopes: [...new Set(options.scope ?? (['users', 'groups'] as const))],
    trust,
    token: { id, secretHash, origin: 'minted', expires: undefined },
  }).durable
  return { org, connection, tokenId: id, token: text }
}

function createdText({ org, connection, tokenId, token }: Created, scimUrl: string, options: CreateOptions): string {
  const { id, name, kind } = connection
  if (options.json === true) return json({ id, name, kind, org: org.id, scimUrl, tokenId, token })
  const lines = [
    `Made connection ${printable(name)} (${id}) of ${printable(org.name)}`,
    `SCIM base URL: ${scimUrl}`,
    `Token, shown this once: ${token}`,
  ]
  return lines.join('\n')
}

function listCommand(ports: CommandPorts): Command {
  return new Command('list')
    .description('list connections and their tokens')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (options: ListOptions) => {
      const listed = await ports.withStore((operator) => list(operator, options.org))
      ports.out(options.json === true ? json(listed.map(asJson)) : table(listed.map(asRow), 'No connections yet'))
    })
}

interface Listed {
  readonly connection: Connection
  /** Those not revoked, expired ones included. */
  readonly tokens: readonly ConnectionToken[]
  readonly trusts: readonly JwtTrust[]
}

async function list(operator: Operator, orgName: string): Promise<readonly Listed[]> {
  const { id } = await getOrg(operator, orgName)
  const { orgs } = operator.reads
  const tokens = await orgs.tokens(id)
  const trusts = await orgs.trusts(id)
  return (await orgs.connections(id)).map((connection) => ({
    connection,
    tokens: tokens.filter((token) => token.connectionId === connection.id && token.revoked === undefined),
    trusts: trusts.filter((trust) => trust.connectionId === connection.id),
  }))
}

function asJson({ connection, tokens, trusts }: Listed): unknown {
  const { id, name, kind, status, scopes, mayGrantAdmin, created } = connection
  const timeOrNull = (at: number | undefined): string | null => (at === undefined ? null : time(at))
  return {
    ...{ id, name, kind, status, scopes, mayGrantAdmin, created: time(created) },
    tokens: tokens.map((token) => ({
      id: token.id,
      origin: token.origin,
      created: time(token.created),
      expires: timeOrNull(token.expires),
      lastUsed: timeOrNull(token.lastUsed),
    })),
    trusts: trusts.map(shownTrust),
  }
}

function asRow({ connection, tokens, trusts }: Listed): Readonly<Record<string, string>> {
  const { id, name, kind, status, scopes, mayGrantAdmin } = connection
  const shown = tokens.map((token) => {
    const expiry = token.expires === undefined ? '' : `, expires ${time(token.expires)}`
    return `${token.id} (last used ${time(token.lastUsed) || 'never'}${expiry})`
  })
  return {
    ...{ id, name, kind, status, scopes: scopes.join(' '), 'may grant admin': mayGrantAdmin ? 'yes' : 'no' },
    tokens: shown.join(', '),
    issuer: trusts.map(({ issuer }) => issuer).join(', '),
  }
}

function revokeCommand(ports: CommandPorts): Command {
  return new Command('revoke')
    .description('end a connection: its credentials stop at once, what it owned has no owner')
    .argument('<connection>', 'connection, by id or name')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (name: string, options: ListOptions) => {
      const id = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const connection = await getConnection(operator, org, name)
        await revokeConnection(operator.provisioning, operator.operation(), org.id, connection.id).durable
        return connection.id
      })
      ports.out(options.json === true ? json({ id, status: 'revoked' }) : `Revoked connection ${id}`)
    })
}

/** A change of userName or address that would link a person made by hand waits until an operator lets it through. */
function confirmCommand(ports: CommandPorts): Command {
  return new Command('confirm')
    .description('let a connection link a user or group that was made by hand; the next push then succeeds')
    .argument('<connection>', 'connection, by id or name')
    .argument('<subject>', 'id of the user or group')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (name: string, subject: string, options: ListOptions) => {
      const confirmed = await ports.withStore((operator) => confirm(operator, options.org, name, subject))
      const { connection, subjectType } = confirmed
      ports.out(
        options.json === true
          ? json({ connection: connection.id, subjectType, subject })
          : `Confirmed: ${printable(connection.name)} may link ${subjectType} ${subject}`,
      )
    })
}

async function confirm(
  operator: Operator,
  orgName: string,
  name: string,
  subject: string,
): Promise<{ readonly connection: Connection; readonly subjectType: 'user' | 'group' }> {
  const org = await getOrg(operator, orgName)
  const connection = await getConnection(operator, org, name)
  if (!isId(subject)) throw new DomainError('invalid-value', `"${subject}" is no id of a user or group`)
  const group = await operator.reads.groups.find(org.id, subject as GroupId)
  const user = await operator.reads.users.find(org.id, subject as UserId)
  if (group === undefined && user === undefined) throw new DomainError('not-found', `No user or group ${subject}`)
  const subjectType = group === undefined ? 'user' : 'group'
  const { actor, request } = operator.operation()
  const link = { connectionId: connection.id, subjectType, subjectId: subject } as const
  await confirmLink(operator.provisioning, { orgId: org.id, actor, request, link }).durable
  return { connection, subjectType }
}
