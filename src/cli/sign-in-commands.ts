import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, ProviderId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { ProviderKind } from '../domain/sign-in.ts'
import type { StoredProvider } from '../domain/sign-in-provider.ts'
import { changeProvider, createProvider, pairConnection, removeProvider } from '../provisioning/sign-in-providers.ts'
import { unlinkIdentity } from '../provisioning/unlink-identity.ts'
import { parseName } from './arguments.ts'
import { getConnection, getOrg, getUser } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface ConfigOptions extends OrgOptions {
  readonly set: readonly Setting[]
  readonly secretFile?: string
}

interface AddOptions extends ConfigOptions {
  readonly kind: ProviderKind
}

interface ChangeOptions extends ConfigOptions {
  readonly name?: string
  readonly enable?: true
  readonly disable?: true
}

type Setting = readonly [path: readonly string[], value: Json]

/** `rollcall signin list`, `add`, `change`, `remove`, `check`, `pair`, `identities`, `unlink`. */
export function signInCommand(ports: CommandPorts): Command {
  const signIn = new Command('signin').description('ways to sign in: OpenID providers and directories')
  for (const make of [listCommand, addCommand, changeCommand, removeCommand, checkCommand])
    signIn.addCommand(make(ports))
  for (const make of [pairCommand, identitiesCommand, unlinkCommand]) signIn.addCommand(make(ports))
  return signIn
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function withConfig(command: Command): Command {
  return ofOrg(command)
    .option(
      '--set <key=value>',
      'a setting, such as issuer=https://… or attributes.email=mail; several times',
      addSetting,
      [],
    )
    .option('--secret-file <file>', 'file with the client secret, or the password that searches the directory')
}

interface OnOrg {
  readonly operator: Operator
  readonly org: OrgSummary
}

function inOrg<T>(ports: CommandPorts, { org: name }: OrgOptions, run: (on: OnOrg) => Promise<T>): Promise<T> {
  return ports.withStore(async (operator) => run({ operator, org: await getOrg(operator, name) }))
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the ways to sign in')
    .action(async (options: OrgOptions) => {
      const providers = await inOrg(ports, options, ({ operator, org }) => operator.reads.providers.list(org.id))
      const rows = providers.map(({ id, kind, name, enabled, origin, config }) => ({
        ...{
          id,
          kind,
          name,
          enabled: enabled ? 'yes' : 'no',
          origin,
          at: addressOf(config),
        },
      }))
      ports.out(options.json === true ? json(providers) : table(rows, 'No way to sign in is set up yet'))
    })
}

function addCommand(ports: CommandPorts): Command {
  return withConfig(new Command('add'))
    .description('add a way to sign in; the redirect address to register there is <public URL>/oidc/callback')
    .argument('<name>', 'what its button says', parseName)
    .addOption(new Option('--kind <kind>', 'OpenID Connect, or a directory').choices(['oidc', 'ldap']).default('oidc'))
    .action(async (name: string, options: AddOptions) => {
      const made = await inOrg(ports, options, ({ operator, org }) => {
        const { kind } = options
        const config = operator.providers.checked(kind, withSettings({}, options.set))
        const sealedSecret = sealed(operator, { orgId: org.id, kind }, options)
        const draft = { kind, name, config, sealedSecret }
        return createProvider(operator.provisioning, operatorIn(operator, org.id), draft).durable
      })
      ports.out(options.json === true ? json(made) : `Added "${printable(name)}" (${made.id})`)
    })
}

function changeCommand(ports: CommandPorts): Command {
  return withConfig(new Command('change'))
    .description('change a way to sign in; settings that are not named stay')
    .argument('<provider>', 'its id or name')
    .option('--name <name>', 'what its button says', parseName)
    .addOption(new Option('--enable', 'offer it').conflicts('disable'))
    .option('--disable', 'offer it no more; sessions go on until they end')
    .addOption(new Option('--forget-secret', 'forget the secret').conflicts('secretFile'))
    .action(async (named: string, options: ChangeOptions & { readonly forgetSecret?: true }) => {
      const changed = await onProvider(ports, options, named, ({ operator, orgId, provider }) => {
        const { kind, config } = provider
        const wanted = options.set.length === 0 ? undefined : withSettings(config, options.set)
        return changeProvider(operator.provisioning, operatorIn(operator, orgId), provider.id, {
          ...{ name: options.name, enabled: enabledBy(options) },
          config: wanted && operator.providers.checked(kind, wanted),
          sealedSecret: options.forgetSecret === true ? null : sealed(operator, provider, options),
        }).durable
      })
      const said = changed.changed ? `Changed "${printable(changed.value.name)}"` : 'Nothing to change'
      ports.out(options.json === true ? json({ changed: changed.changed, provider: changed.value }) : said)
    })
}

function enabledBy({ enable, disable }: ChangeOptions): boolean | undefined {
  return enable === true ? true : disable === true ? false : undefined
}

function removeCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('remove'))
    .description('end a way to sign in; who people are there stays known')
    .argument('<provider>', 'its id or name')
    .action(async (named: string, options: OrgOptions) => {
      const id = await onProvider(ports, options, named, async ({ operator, orgId, provider }) => {
        await removeProvider(operator.provisioning, operatorIn(operator, orgId), provider.id).durable
        return provider.id
      })
      ports.out(options.json === true ? json({ id, removed: true }) : `Removed ${id}`)
    })
}

function checkCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('check'))
    .description('ask a provider as each sign-in begins: its discovery document, or bind and base of a directory')
    .argument('<provider>', 'its id or name')
    .action(async (named: string, options: OrgOptions) => {
      const found = await inOrg(ports, options, async ({ operator, org }) => {
        const provider = await getProvider(operator, org, named)
        return { name: provider.name, problem: await operator.providers.problem(provider) }
      })
      if (options.json === true)
        ports.out(json({ answers: found.problem === undefined, problem: found.problem ?? null }))
      else if (found.problem === undefined) ports.out(`"${printable(found.name)}" answers`)
      if (found.problem !== undefined) {
        throw new DomainError('unavailable', `"${found.name}" cannot be used: ${found.problem}`)
      }
    })
}

function pairCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('pair'))
    .description('say by which provider those whom a connection pushes sign in')
    .argument('<connection>', 'the connection, by id or name')
    .argument('[provider]', 'id or name of the way to sign in')
    .option('--none', 'end the pairing')
    .action(async (connection: string, named: string | undefined, options: OrgOptions & { readonly none?: true }) => {
      if ((named === undefined) === (options.none === undefined)) {
        throw new DomainError('invalid-value', 'Give the way to sign in, or --none to end the pairing')
      }
      const changed = await inOrg(ports, options, async ({ operator, org }) => {
        const { id } = await getConnection(operator, org, connection)
        const provider = named === undefined ? undefined : (await getProvider(operator, org, named)).id
        return pairConnection(operator.provisioning, operatorIn(operator, org.id), id, provider).durable
      })
      ports.out(options.json === true ? json({ changed }) : changed ? 'Changed the pairing' : 'Nothing to change')
    })
}

function identitiesCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('identities'))
    .description('show who a person is at providers')
    .argument('<person>', 'by id, userName or e-mail address')
    .action(async (named: string, options: OrgOptions) => {
      const found = await inOrg(ports, options, async ({ operator, org }) =>
        operator.reads.identities.list(org.id, (await getUser(operator, org, named)).id),
      )
      const rows = found.map(({ key, issuer, way, linked, lastSignIn }) => ({
        ...{ id: key, issuer, way, linked: time(linked), 'last sign-in': time(lastSignIn) },
      }))
      ports.out(options.json === true ? json(rows) : table(rows, 'Nobody at any provider yet'))
    })
}

function unlinkCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('unlink'))
    .description('end that somebody at a provider is this person, and their sessions')
    .argument('<person>', 'by id, userName or e-mail address')
    .argument('<identity>', 'its id; see: rollcall signin identities')
    .action(async (named: string, identity: string, options: OrgOptions) => {
      await inOrg(ports, options, async ({ operator, org }) => {
        const { id } = await getUser(operator, org, named)
        await unlinkIdentity(operator.provisioning, operatorIn(operator, org.id), id, identity).durable
      })
      ports.out(options.json === true ? json({ unlinked: true }) : 'Unlinked; the sessions of the person ended')
    })
}

interface OnProvider {
  readonly operator: Operator
  readonly orgId: OrgId
  readonly provider: StoredProvider
}

/** One that an admin made. @throws DomainError `forbidden` for one of the environment */
function onProvider<T>(
  ports: CommandPorts,
  options: OrgOptions,
  named: string,
  run: (on: OnProvider) => Promise<T>,
): Promise<T> {
  return inOrg(ports, options, async ({ operator, org }) => {
    const provider = await getProvider(operator, org, named)
    if (provider.origin === 'made') return run({ operator, orgId: org.id, provider })
    throw new DomainError('forbidden', 'This way to sign in comes from the environment of the gateway; change it there')
  })
}

async function getProvider({ reads }: Operator, org: OrgSummary, named: string): Promise<StoredProvider> {
  const all = await reads.providers.list(org.id)
  const id = all.find((one) => one.id === named || fold(one.name) === fold(named))?.id
  const found = id === undefined ? undefined : await reads.providers.find(org.id, id satisfies ProviderId)
  if (found !== undefined) return found
  throw new DomainError('not-found', `"${org.name}" has no way to sign in "${named}"; see: rollcall signin list`)
}

function sealed(
  operator: Operator,
  of: { readonly orgId: OrgId; readonly kind: ProviderKind },
  { secretFile }: ConfigOptions,
): Uint8Array | undefined {
  if (secretFile === undefined) return undefined
  let secret: string
  try {
    secret = readFileSync(secretFile, 'utf8').trim()
  } catch {
    throw new DomainError('invalid-value', `${secretFile} cannot be read`)
  }
  if (secret === '') throw new DomainError('invalid-value', `${secretFile} is empty`)
  return operator.providers.seal(of, secret)
}

/** A value that is JSON is taken as such: `groups=true`, `scopes=["api"]`. */
function addSetting(text: string, before: readonly Setting[]): readonly Setting[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('A key and a value are wanted, such as issuer=https://issuer.example.')
  return [...before, [text.slice(0, at).split('.'), valueOf(text.slice(at + 1))]]
}

function valueOf(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

function withSettings(config: JsonObject, settings: readonly Setting[]): JsonObject {
  return settings.reduce((whole, [path, value]) => placed(whole, path, value), config)
}

/** Null takes a setting away. */
function placed(config: JsonObject, [key = '', ...rest]: readonly string[], value: Json): JsonObject {
  const below = Object.hasOwn(config, key) ? config[key] : undefined
  const next = rest.length === 0 ? value : placed(isJsonObject(below) ? below : {}, rest, value)
  const others = Object.entries(config).filter(([name]) => name !== key)
  return Object.fromEntries(next === null ? others : [...others, [key, next]])
}

/** Where a provider is asked. */
function addressOf({ issuer, url }: JsonObject): string {
  const address = issuer ?? url
  return typeof address === 'string' ? address : ''
}
