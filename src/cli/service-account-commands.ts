import { Command, Option } from 'commander'
import type { ApiKey } from '../domain/api-key.ts'
import { DomainError } from '../domain/errors.ts'
import { type KeyId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { ServiceAccountSummary } from '../domain/team-ports.ts'
import {
  changeServiceAccount,
  createServiceAccount,
  deleteServiceAccount,
} from '../provisioning/service-account-admin.ts'
import { createServiceKey, revokeServiceKey } from '../provisioning/service-account-keys.ts'
import { parseName, parseWhole } from './arguments.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { getTeam, operatorIn } from './team-lookup.ts'

interface AccountOptions {
  readonly org: string
  readonly json?: true
}

interface CreateOptions extends AccountOptions {
  readonly team: string
  readonly scope: 'team' | 'org'
  readonly owner: string
  readonly subject?: string
  readonly issuer?: string
}

interface IdentityOptions extends AccountOptions {
  readonly issuer?: string
  readonly none?: true
}

interface KeyOptions extends AccountOptions {
  readonly name: string
  readonly expires?: number
}

const PAGE = 500
const DAY_MS = 86_400_000

/** `rollcall service-account list`, `create`, `owner`, `identity`, `delete`, `key list|create|revoke`. */
export function serviceAccountCommand(ports: CommandPorts): Command {
  const account = new Command('service-account').description('accounts of programs, of a team or of the organisation')
  for (const command of [listCommand, createCommand, ownerCommand, identityCommand, deleteCommand])
    account.addCommand(command(ports))
  const key = new Command('key').description('keys of a service account')
  for (const command of [keyListCommand, keyCreateCommand, keyRevokeCommand]) key.addCommand(command(ports))
  return account.addCommand(key)
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list service accounts')
    .action(async (options: AccountOptions) => {
      const accounts = await ports.withStore(async (operator) => {
        return listAccounts(operator, (await getOrg(operator, options.org)).id)
      })
      const rows = accounts.map(({ id, userName, scope, defaultTeamName, ownerName, resting, identity }) => ({
        ...{ id, userName, scope, team: defaultTeamName, owner: ownerName ?? '', resting: resting ? 'yes' : 'no' },
        subject: identity?.subject ?? '',
      }))
      ports.out(options.json === true ? json(accounts) : table(rows, 'No service accounts yet'))
    })
}

async function listAccounts({ reads }: Operator, orgId: OrgId): Promise<readonly ServiceAccountSummary[]> {
  const accounts: ServiceAccountSummary[] = []
  for (let after: UserId | undefined; ;) {
    const query = { ...(after === undefined ? {} : { after }), limit: PAGE }
    const page = await reads.services.page(orgId, query)
    accounts.push(...page)
    if (page.length < PAGE) return accounts
    after = page.at(-1)?.id
  }
}

function createCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('create'))
    .description('make a service account; it takes no seat')
    .argument('<name>', 'its userName')
    .requiredOption('--team <team>', 'team it belongs to, by id or name')
    .requiredOption('--owner <person>', 'person who answers for it, by id, userName or e-mail address')
    .addOption(
      new Option('--scope <scope>', 'of its team alone, or of the whole organisation')
        .choices(['team', 'org'])
        .default('team'),
    )
    .option('--subject <sub>', 'sub of the JWTs that its programs exchange for access tokens')
    .option('--issuer <iss>', 'their iss, where the organisation trusts several (setting workload.issuers)')
    .action(async (userName: string, options: CreateOptions) => {
      const { scope, owner, subject, issuer } = options
      const identity = subject === undefined ? undefined : { subject, issuer }
      const made = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id: defaultTeam } = await getTeam(operator, org, options.team)
        const draft = { userName, scope, defaultTeam, owner, identity }
        return createServiceAccount(operator.provisioning, operatorIn(operator, org.id), draft).durable
      })
      const said = `Made service account ${printable(userName)} (${made.id}); make a key with: rollcall service-account key create ${made.id}`
      ports.out(options.json === true ? json({ id: made.id, userName, scope }) : said)
    })
}

function ownerCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('owner'))
    .description('name another person to answer for a service account')
    .argument('<account>', 'service account, by id or userName')
    .argument('<person>', 'person, by id, userName or e-mail address')
    .action(async (name: string, owner: string, options: AccountOptions) => {
      const changed = await onAccount(ports, options, name, async ({ operator, orgId, id }) => {
        const caller = operatorIn(operator, orgId)
        return (await changeServiceAccount(operator.provisioning, caller, id, { owner }).durable).changed
      })
      const said = changed ? `${printable(owner)} answers for it now` : 'Nothing to change'
      ports.out(options.json === true ? json({ changed }) : said)
    })
}

function identityCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('identity'))
    .description('name what programs of a service account show at /oidc/token instead of a key, or end that')
    .argument('<account>', 'service account, by id or userName')
    .argument('[subject]', 'sub of their JWTs')
    .option('--issuer <iss>', 'their iss, where the organisation trusts several (setting workload.issuers)')
    .option('--none', 'end it, and the access tokens that were got by it')
    .action(async (name: string, subject: string | undefined, options: IdentityOptions) => {
      if ((subject === undefined) === (options.none === undefined)) {
        throw new DomainError('invalid-value', 'Give the subject of the JWTs, or --none to end what there is')
      }
      const identity = subject === undefined ? null : { subject, issuer: options.issuer }
      const changed = await onAccount(ports, options, name, async ({ operator, orgId, id }) => {
        const caller = operatorIn(operator, orgId)
        return changeServiceAccount(operator.provisioning, caller, id, { identity }).durable
      })
      const said = changed.changed ? 'Changed what its programs show' : 'Nothing to change'
      ports.out(options.json === true ? json({ changed: changed.changed }) : said)
    })
}

function deleteCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('delete'))
    .description('delete a service account and end its keys; there is no way back')
    .argument('<account>', 'service account, by id or userName')
    .action(async (name: string, options: AccountOptions) => {
      const id = await onAccount(ports, options, name, async (account) => {
        const { operator, orgId } = account
        await deleteServiceAccount(operator.provisioning, operatorIn(operator, orgId), account.id, {}).durable
        return account.id
      })
      ports.out(options.json === true ? json({ id, deleted: true }) : `Deleted service account ${id} and its keys`)
    })
}

interface OnAccount {
  readonly operator: Operator
  readonly orgId: OrgId
  readonly id: UserId
}

function onAccount<T>(
  ports: CommandPorts,
  options: AccountOptions,
  name: string,
  run: (account: OnAccount) => Promise<T>,
): Promise<T> {
  return ports.withStore(async (operator) => {
    const org = await getOrg(operator, options.org)
    const { id, accountType } = await getUser(operator, org, name)
    if (accountType !== 'USER') return run({ operator, orgId: org.id, id })
    throw new DomainError('not-found', `"${name}" is a person; see: rollcall service-account list --org ${org.id}`)
  })
}

function keyListCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the keys of a service account, ended ones too')
    .argument('<account>', 'service account, by id or userName')
    .action(async (name: string, options: AccountOptions) => {
      const keys = await onAccount(ports, options, name, async ({ operator, orgId, id }) => {
        return (await operator.reads.keys.list(orgId)).filter(({ user }) => user === id)
      })
      const rows = keys.map(shownKey)
      ports.out(options.json === true ? json(rows) : table(rows, 'No keys yet'))
    })
}

function shownKey({ id, name, created, expires, lastUsed, revoked }: ApiKey): Readonly<Record<string, string>> {
  const ended = { expires: time(expires), 'last used': time(lastUsed), revoked: time(revoked) }
  return { id, name, created: time(created), ...ended }
}

function keyCreateCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('create'))
    .description('make a key of a service account, shown once; it may have several')
    .argument('<account>', 'service account, by id or userName')
    .option('--name <name>', 'what it is for', parseName, 'key')
    .option('--expires <days>', 'days until it stops working (default: never)', parseWhole(1, 3_650))
    .action(async (name: string, options: KeyOptions) => {
      const made = await onAccount(ports, options, name, async ({ operator, orgId, id: account }) => {
        const caller = operatorIn(operator, orgId)
        const id = newId<KeyId>(caller.request.receivedAt)
        const { text, secretHash } = operator.mintToken(id)
        const expires = options.expires && caller.request.receivedAt + options.expires * DAY_MS
        const draft = { account, id, secretHash, name: options.name, expires }
        await createServiceKey(operator.provisioning, caller, draft).durable
        return { id, account, key: text }
      })
      ports.out(options.json === true ? json(made) : `Key ${made.id}, shown this once: ${made.key}`)
    })
}

function keyRevokeCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('revoke'))
    .description('end a key of a service account at once')
    .argument('<account>', 'service account, by id or userName')
    .argument('<key>', 'id of the key')
    .action(async (name: string, key: string, options: AccountOptions) => {
      await onAccount(ports, options, name, ({ operator, orgId, id: account }) => {
        const named = { account, key: key as KeyId }
        return revokeServiceKey(operator.provisioning, operatorIn(operator, orgId), named).durable
      })
      ports.out(options.json === true ? json({ id: key, revoked: true }) : `Ended key ${printable(key)}`)
    })
}
