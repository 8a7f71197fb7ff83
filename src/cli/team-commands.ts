import { Command, Option } from 'commander'
import { DomainError } from '../domain/errors.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { type Inviters, readStorageBucket, STORAGE_PROVIDERS, type StorageBucket, type Team } from '../domain/team.ts'
import { setTeamArchived } from '../provisioning/archive-team.ts'
import { changeTeam, type TeamPlan } from '../provisioning/change-team.ts'
import { createTeam } from '../provisioning/create-team.ts'
import { restoreGroup } from '../provisioning/restore-group.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { getDeletedTeam, getTeam, listTeams, operatorIn } from './team-lookup.ts'
import { memberCommands } from './team-member-commands.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface SettingOptions extends OrgOptions {
  readonly name?: string
  readonly defaultRole?: string
  readonly hidden?: boolean
  readonly inviters?: Inviters
  readonly joinable?: boolean
  readonly bucket?: string | false
  readonly provider?: string
}

/** `rollcall team list`, `show`, `create`, `change`, `archive`, `restore`, `members`, `add`, `role`, `remove`. */
export function teamCommand(ports: CommandPorts): Command {
  const team = new Command('team').description('teams of an organisation, and who is in them')
  const commands = [listCommand, showCommand, createCommand, changeCommand, archiveCommand, restoreCommand]
  for (const command of commands) team.addCommand(command(ports))
  for (const command of memberCommands(ports)) team.addCommand(command)
  return team
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function withSettings(command: Command): Command {
  return command
    .option('--default-role <role>', 'role of members who are given no other: member, viewer or a custom one')
    .option('--hidden', 'only its members see the team')
    .option('--no-hidden', 'everybody of the organisation sees the team')
    .option('--joinable', 'people with an address of a proved domain may join by themselves')
    .option('--no-joinable', 'nobody joins by themselves')
    .addOption(new Option('--inviters <who>', 'who may add people').choices(['admins', 'members']))
    .option('--bucket <name>', 'bucket in which the team keeps its files')
    .addOption(new Option('--provider <provider>', 'who runs the bucket').choices(STORAGE_PROVIDERS))
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list teams')
    .addOption(new Option('--archived', 'those that are archived').conflicts('deleted'))
    .option('--deleted', 'those whose group was deleted; they can be restored for 30 days')
    .option('--search <text>', 'those with this in their name')
    .action(async (options: OrgOptions & { archived?: true; deleted?: true; search?: string }) => {
      const { search, deleted, archived } = options
      const state = deleted === true ? 'deleted' : archived === true ? 'archived' : undefined
      const teams = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return listTeams(operator, id, {
          ...(state === undefined ? {} : { state }),
          ...(search === undefined ? {} : { search }),
        })
      })
      ports.out(options.json === true ? json(teams.map(asJson)) : table(teams.map(asRow), 'No such teams'))
    })
}

function showCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('show'))
    .description('show a team and its settings')
    .argument('<team>', 'team, by id or name')
    .action(async (name: string, options: OrgOptions) => {
      const team = await ports.withStore(async (operator) => {
        return getTeam(operator, await getOrg(operator, options.org), name)
      })
      ports.out(options.json === true ? json(asJson(team)) : lines(team))
    })
}

function asJson(team: Team): object {
  const { id, name, version, owner, memberCount, defaultRole, hidden, inviters, joinable, storage } = team
  return {
    ...{ id, name, version, managedBy: owner ?? null, memberCount, defaultRole, hidden, inviters },
    joinable,
    ...{ storageBucket: storage ?? null, created: time(team.created), updated: time(team.updated) },
    archived: team.archivedAt === undefined ? null : time(team.archivedAt),
    deleted: team.deletedAt === undefined ? null : time(team.deletedAt),
  }
}

function stateOf({ archivedAt, deletedAt }: Team): string {
  if (deletedAt !== undefined) return `deleted ${time(deletedAt)}`
  return archivedAt === undefined ? 'active' : `archived ${time(archivedAt)}`
}

function asRow(team: Team): Readonly<Record<string, string>> {
  const { id, name, memberCount, defaultRole, hidden, inviters, joinable, owner } = team
  return {
    ...{ id, name, members: String(memberCount), 'default role': defaultRole, inviters },
    ...{
      hidden: hidden ? 'yes' : 'no',
      joinable: joinable ? 'yes' : 'no',
      'managed by': owner ?? '',
      state: stateOf(team),
    },
  }
}

function lines(team: Team): string {
  const { storage } = team
  const bucket = storage === undefined ? '' : `${storage.provider} ${storage.name}`
  return Object.entries({ ...asRow(team), bucket })
    .map(([name, value]) => `${name}: ${printable(value)}`)
    .join('\n')
}

function createCommand(ports: CommandPorts): Command {
  return withSettings(ofOrg(new Command('create')))
    .description('make a team that no identity provider manages')
    .argument('<name>', 'its name, unique in any spelling of case')
    .action(async (name: string, options: SettingOptions) => {
      const { storage, ...plan } = planOf(options)
      const draft = { ...plan, name, ...(storage === undefined || storage === null ? {} : { storage }) }
      const team = await ports.withStore((operator) =>
        inOrg(
          operator,
          options,
          (org) => createTeam(operator.provisioning, operatorIn(operator, org.id), draft).durable,
        ),
      )
      ports.out(options.json === true ? json(asJson(team)) : `Made team ${printable(team.name)} (${team.id})`)
    })
}

function changeCommand(ports: CommandPorts): Command {
  return withSettings(ofOrg(new Command('change')))
    .description('change the name or the settings of a team')
    .argument('<team>', 'team, by id or name')
    .option('--name <name>', 'its new name')
    .option('--no-bucket', 'take the bucket away')
    .action(async (name: string, options: SettingOptions) => {
      const plan = planOf(options)
      const { value, changed } = await ports.withStore((operator) =>
        inOrg(operator, options, async (org) => {
          const { id } = await getTeam(operator, org, name)
          return changeTeam(operator.provisioning, operatorIn(operator, org.id), id, { plan }).durable
        }),
      )
      const said = `${changed ? 'Changed' : 'Nothing to change in'} team ${printable(value.name)} (${value.id})`
      ports.out(options.json === true ? json({ ...asJson(value), changed }) : said)
    })
}

/** @throws DomainError `invalid-value` for a bucket without its provider, or the other way round */
function planOf({ name, defaultRole, hidden, inviters, joinable, bucket, provider }: SettingOptions): TeamPlan {
  return {
    ...(name === undefined ? {} : { name }),
    ...(defaultRole === undefined ? {} : { defaultRole }),
    ...(hidden === undefined ? {} : { hidden }),
    ...(inviters === undefined ? {} : { inviters }),
    ...(joinable === undefined ? {} : { joinable }),
    ...storageOf(bucket, provider),
  }
}

function storageOf(
  bucket: string | false | undefined,
  provider: string | undefined,
): { storage?: StorageBucket | null } {
  if (bucket === false) return { storage: null }
  if (bucket === undefined && provider === undefined) return {}
  if (bucket === undefined || provider === undefined) {
    throw new DomainError('invalid-value', 'Give --bucket and --provider together: one is nothing without the other')
  }
  return { storage: readStorageBucket({ name: bucket, provider }) }
}

function archiveCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('archive'))
    .description('end all memberships of a team, and the keys of its service accounts, until it is restored')
    .argument('<team>', 'team, by id or name')
    .action(async (name: string, options: OrgOptions) => {
      const { value, changed } = await ports.withStore((operator) =>
        inOrg(operator, options, async (org) => {
          const { id } = await getTeam(operator, org, name)
          const caller = operatorIn(operator, org.id)
          return setTeamArchived(operator.provisioning, caller, id, { archived: true }).durable
        }),
      )
      const said = `${changed ? 'Archived' : 'Archived before:'} team ${printable(value.name)} (${value.id})`
      ports.out(options.json === true ? json({ ...asJson(value), changed }) : said)
    })
}

function restoreCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('restore'))
    .description('bring back a team that was archived, or whose group was deleted within 30 days')
    .argument('<team>', 'team, by id or name')
    .option('--name <name>', 'another name for a deleted one, where its own is taken')
    .action(async (name: string, options: OrgOptions & { readonly name?: string }) => {
      const team = await ports.withStore((operator) =>
        inOrg(operator, options, (org) => restore(operator, org, name, options.name)),
      )
      ports.out(options.json === true ? json(asJson(team)) : `Restored team ${printable(team.name)} (${team.id})`)
    })
}

async function restore(operator: Operator, org: OrgSummary, name: string, newName: string | undefined): Promise<Team> {
  const caller = operatorIn(operator, org.id)
  const live = await getTeam(operator, org, name).catch((error: unknown) => {
    if (error instanceof DomainError && error.code === 'not-found') return undefined
    throw error
  })
  if (live?.archivedAt !== undefined) {
    return (await setTeamArchived(operator.provisioning, caller, live.id, { archived: false }).durable).value
  }
  const deleted = await getDeletedTeam(operator, org, name)
  return restoreGroup(operator.provisioning, caller, deleted.id, newName).durable
}

async function inOrg<T>(operator: Operator, { org }: OrgOptions, run: (org: OrgSummary) => Promise<T>): Promise<T> {
  return run(await getOrg(operator, org))
}
