import { Command, InvalidArgumentError, Option } from 'commander'
import type { ConnectionKind, Scope } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, isId, newId, type TokenId, type UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import { addToken } from '../provisioning/connection-tokens.ts'
import { type ConnectionDraft, createConnection } from '../provisioning/create-connection.ts'
import { confirmLink } from '../provisioning/link-confirmation.ts'
import { revokeConnection } from '../provisioning/revoke-connection.ts'
import { getConnection, getOrg } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

interface CreateOptions {
  readonly org: string
  readonly kind: ConnectionKind
  readonly name?: string
  readonly mayGrantAdmin?: true
  readonly scope?: readonly Scope[]
  readonly issuer?: string
  readonly audience?: string
  readonly jwks?: string
  readonly pin: Readonly<Record<string, string>>
  readonly longLived?: true
  readonly json?: true
}

/** `rollcall connection create`, `list`, `revoke`, `confirm`. */
export function connectionCommand(ports: CommandPorts): Command {
  const connection = new Command('connection').description("identity providers' and scripts' links to an organisation")
  connection.addCommand(createCommand(ports))
  connection.addCommand(listCommand(ports))
  connection.addCommand(revokeCommand(ports))
  connection.addCommand(confirmCommand(ports))
  return connection
}

function createCommand(ports: CommandPorts): Command {
  return new Command('create')
    .description('make a connection and its first token, shown once')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .addOption(new Option('--kind <kind>', 'who uses it').choices(['idp', 'script']).default('idp'))
    .option('--name <name>', 'name of the connection (default: its kind)')
    .option('--may-grant-admin', 'let it make and change organisation admins')
    .addOption(new Option('--scope <scope...>', 'what it may touch (default: both)').choices(['users', 'groups']))
    .option('--issuer <url>', "issuer of the identity provider's JWTs, exactly as in their iss")
    .option('--audience <aud>', 'audience of the JWTs, exactly as in their aud')
    .option('--jwks <url>', "address of the issuer's keys (default: from its discovery document)")
    .option('--pin <claim=value>', 'claim the JWTs must carry, e.g. appid=…; repeat for several', addPin, {})
    .option('--long-lived', 'accept JWTs that live longer than 24 hours')
    .option('--json', 'answer in JSON')
    .action(async (options: CreateOptions) => {
      const draft = draftOf(options)
      await ports.withStore((operator) => create(ports, operator, options, draft))
    })
}

async function create(
  ports: CommandPorts,
  operator: Operator,
  options: CreateOptions,
  draft: ConnectionDraft,
): Promise<void> {
  const org = await getOrg(operator, options.org)
  const operation = operator.operation()
  const made = await createConnection(operator.provisioning, operation, org.id, draft).durable
  const id = newId<TokenId>(operation.request.receivedAt)
  const token = operator.mintToken(id)
  await addToken(operator.provisioning, operation, org.id, {
    id,
    connectionId: made.id,
    secretHash: token.secretHash,
    origin: 'minted',
    expires: undefined,
  }).durable
  const url = `${ports.publicUrl()}/scim/v2`
  ports.out(
    options.json === true
      ? json({ id: made.id, name: made.name, kind: made.kind, org: org.id, scimUrl: url, tokenId: id, token: token.text })
      : `Made connection ${made.name} (${made.id}) of ${org.name}\nSCIM base URL: ${url}\nToken, shown this once: ${token.text}`,
  )
}

/** @throws DomainError `invalid-value` when issuer and audience do not come together */
function draftOf(options: CreateOptions): ConnectionDraft {
  const { issuer, audience, jwks, pin } = options
  const pins: JsonObject = pin
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new DomainError('invalid-value', 'Give --issuer and --audience together: a JWT is trusted by both')
  }
  if (issuer === undefined && (jwks !== undefined || Object.keys(pins).length > 0)) {
    throw new DomainError('invalid-value', '--jwks and --pin belong to an --issuer and its --audience')
  }
  return {
    name: options.name ?? options.kind,
    kind: options.kind,
    mayGrantAdmin: options.mayGrantAdmin === true,
    scopes: options.scope ?? ['users', 'groups'],
    trust:
      issuer === undefined || audience === undefined
        ? undefined
        : { issuer, audience, jwksUri: jwks, pins, algorithms: [], longLived: options.longLived === true },
  }
}

function addPin(text: string, pins: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('Wanted is claim=value, e.g. appid=1234.')
  return { ...pins, [text.slice(0, at)]: text.slice(at + 1) }
}

function listCommand(ports: CommandPorts): Command {
  return new Command('list')
    .description('list connections and their tokens')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly org: string; readonly json?: true }) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const connections = await operator.reads.orgs.connections(org.id)
        const tokens = await operator.reads.orgs.tokens(org.id)
        const trusts = await operator.reads.orgs.trusts(org.id)
        const rows = connections.map((connection) => ({
          id: connection.id,
          name: connection.name,
          kind: connection.kind,
          status: connection.status,
          scopes: connection.scopes.join(' '),
          'may grant admin': connection.mayGrantAdmin ? 'yes' : 'no',
          tokens: tokens
            .filter((token) => token.connectionId === connection.id && token.revoked === undefined)
            .map((token) => `${token.id} (last used ${time(token.lastUsed) || 'never'})`)
            .join(', '),
          issuer: trusts.find((trust) => trust.connectionId === connection.id)?.issuer ?? '',
        }))
        ports.out(options.json === true ? json(rows) : table(rows, 'No connections yet'))
      })
    })
}

function revokeCommand(ports: CommandPorts): Command {
  return new Command('revoke')
    .description('end a connection: its credentials stop at once, what it owned has no owner')
    .argument('<connection>', 'connection, by id or name')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (name: string, options: { readonly org: string; readonly json?: true }) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id } = await getConnection(operator, org, name)
        await revokeConnection(operator.provisioning, operator.operation(), org.id, id).durable
        ports.out(options.json === true ? json({ id, status: 'revoked' }) : `Revoked connection ${id}`)
      })
    })
}

/** A change of userName or address that would link a person made by hand waits until an operator lets it through. */
function confirmCommand(ports: CommandPorts): Command {
  return new Command('confirm')
    .description('let a connection link a user or group that was made by hand; the next push then succeeds')
    .argument('<connection>', 'connection, by id or name')
    .argument('<subject>', 'id of the user or group')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .action(async (name: string, subject: string, options: { readonly org: string }) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id: connectionId } = await getConnection(operator, org, name)
        if (!isId(subject)) throw new DomainError('invalid-value', `${subject} is no id of a user or group`)
        const group = await operator.reads.groups.find(org.id, subject as GroupId)
        const user = await operator.reads.users.find(org.id, subject as UserId)
        if (group === undefined && user === undefined) throw new DomainError('not-found', `No user or group ${subject}`)
        const subjectType = group === undefined ? 'user' : 'group'
        const { actor, request } = operator.operation()
        const link = { connectionId, subjectType, subjectId: subject } as const
        await confirmLink(operator.provisioning, { orgId: org.id, actor, request, link }).durable
        ports.out(`Confirmed: ${name} may link ${subjectType} ${subject}`)
      })
    })
}
