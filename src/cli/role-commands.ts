import { Command, Option } from 'commander'
import { DomainError } from '../domain/errors.ts'
import { isId, type RoleId } from '../domain/ids.ts'
import type { OrgSummary } from '../domain/ports.ts'
import {
  addedPermissions,
  type CustomRole,
  effectivePermissions,
  isInherited,
  PERMISSIONS,
  ROLE_BASES,
  type RoleBase,
  type RoleState,
} from '../domain/role.ts'
import { changeRole } from '../provisioning/change-role.ts'
import { createRole } from '../provisioning/create-role.ts'
import { deleteRole } from '../provisioning/delete-role.ts'
import { type PreviewOptions, showForeseen, withPreview } from './foreseen.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface RoleOptions extends OrgOptions, PreviewOptions {
  readonly name?: string
  readonly base?: RoleBase
  readonly description?: string
  readonly permit?: readonly string[]
  readonly forbid?: readonly string[]
}

/** `rollcall role list`, `show`, `permissions`, `create`, `change`, `delete`. */
export function roleCommand(ports: CommandPorts): Command {
  const role = new Command('role').description('custom roles of an organisation, given in its teams')
  const commands = [listCommand, showCommand, permissionsCommand, createCommand, changeCommand, deleteCommand]
  for (const command of commands) role.addCommand(command(ports))
  return role
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

/** All roles of an org: it has at most 500. */
async function allRoles({ reads }: Operator, { id }: OrgSummary): Promise<readonly CustomRole[]> {
  const viewer = { connectionId: undefined, kind: 'script' } as const
  const query = { filter: undefined, sort: undefined, startIndex: 1, count: 1_000, viewer }
  return (await reads.roles.page(id, query)).rows
}

/** @throws DomainError `not-found` */
async function getRole(operator: Operator, org: OrgSummary, name: string): Promise<CustomRole> {
  const found = isId(name)
    ? await operator.reads.roles.find(org.id, name as RoleId)
    : (await allRoles(operator, org)).find((role) => role.name === name)
  if (found !== undefined) return found
  throw new DomainError(
    'not-found',
    `The organisation "${org.name}" has no custom role "${name}" in exactly this case; see: rollcall role list --org ${org.id}`,
  )
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list custom roles')
    .action(async (options: OrgOptions) => {
      const roles = await ports.withStore(async (operator) => allRoles(operator, await getOrg(operator, options.org)))
      ports.out(options.json === true ? json(roles.map(asJson)) : table(roles.map(asRow), 'No custom roles yet'))
    })
}

function asRow({ id, name, base, permissions, description }: CustomRole): Readonly<Record<string, string>> {
  return { id, name, 'inherits from': base, adds: permissions.join(' '), description: description ?? '' }
}

function asJson(role: CustomRole): object {
  const { id, name, description, base, version } = role
  return {
    ...{ id, name, description: description ?? null, inheritedFrom: base, version },
    permissions: effectivePermissions(role),
  }
}

function showCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('show'))
    .description('show all that holders of a role may do')
    .argument('<role>', 'role, by id or name')
    .action(async (name: string, options: OrgOptions) => {
      const role = await ports.withStore(async (operator) => {
        return getRole(operator, await getOrg(operator, options.org), name)
      })
      const rows = effectivePermissions(role).map((permission) => ({
        permission: permission.name,
        from: permission.isInherited ? role.base : 'this role',
      }))
      ports.out(options.json === true ? json(asJson(role)) : table(rows, 'No permissions'))
    })
}

function permissionsCommand(ports: CommandPorts): Command {
  return new Command('permissions')
    .description('list every permission that a custom role may add, and which built-in roles have it')
    .option('--json', 'answer in JSON')
    .action((options: { readonly json?: true }) => {
      const rows = PERMISSIONS.map((name) => ({ name, in: ROLE_BASES.filter((base) => isInherited(base, name)) }))
      const shown = rows.map((row) => ({ permission: row.name, 'built in': row.in.join(' ') }))
      ports.out(options.json === true ? json(rows) : table(shown, 'No permissions'))
    })
}

function withPermissions(command: Command): Command {
  return command
    .addOption(new Option('--base <role>', 'built-in role that it starts from').choices(ROLE_BASES))
    .option('--description <text>', 'what it is for')
    .option('--permit <permission...>', 'what it adds, as object:operation; see: rollcall role permissions')
}

function createCommand(ports: CommandPorts): Command {
  return withPermissions(ofOrg(new Command('create')))
    .description('make a custom role')
    .argument('<name>', 'its name; case counts')
    .action(async (name: string, options: RoleOptions) => {
      const { base = 'member', description, permit = [] } = options
      const draft = { name, description, base, permissions: addedPermissions(base, permit) }
      const role = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return createRole(operator.provisioning, operatorIn(operator, id), draft).durable
      })
      ports.out(options.json === true ? json(asJson(role)) : `Made role ${printable(role.name)} (${role.id})`)
    })
}

function changeCommand(ports: CommandPorts): Command {
  return withPreview(withPermissions(ofOrg(new Command('change'))))
    .description('change a custom role; its holders have it changed at once')
    .argument('<role>', 'role, by id or name')
    .option('--name <name>', 'its new name')
    .option('--forbid <permission...>', 'what it adds no more')
    .action(async (name: string, options: RoleOptions) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const role = await getRole(operator, org, name)
        if (options.preview === true) {
          const stated = { kind: 'role', id: role.id, to: changedState(role, options) } as const
          await showForeseen(ports, operator, org, { stated, options })
          return
        }
        const change = { method: 'PATCH', change: (current: RoleState) => changedState(current, options) } as const
        const caller = operatorIn(operator, org.id)
        const { value, changed } = await changeRole(operator.provisioning, caller, role.id, change).durable
        const said = `${changed ? 'Changed' : 'Nothing to change in'} role ${printable(value.name)} (${value.id})`
        ports.out(options.json === true ? json({ ...asJson(value), changed }) : said)
      })
    })
}

/** @throws DomainError `invalid-value` for what is no permission, or what the base gives and cannot be taken away */
function changedState(current: RoleState, options: RoleOptions): RoleState {
  const { name = current.name, base = current.base, description = current.description } = options
  const { permit = [], forbid = [] } = options
  const inherited = forbid.find((permission) => isInherited(base, permission))
  if (inherited !== undefined) {
    throw new DomainError('invalid-value', `${inherited} comes with the base ${base}; choose another --base`)
  }
  const gone = new Set(forbid)
  const permissions = addedPermissions(base, [...current.permissions, ...permit]).filter((each) => !gone.has(each))
  return { name, base, description, permissions }
}

function deleteCommand(ports: CommandPorts): Command {
  return withPreview(ofOrg(new Command('delete')))
    .description('delete a custom role; its holders have its base from then on')
    .argument('<role>', 'role, by id or name')
    .action(async (name: string, options: OrgOptions & PreviewOptions) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const role = await getRole(operator, org, name)
        if (options.preview === true) {
          await showForeseen(ports, operator, org, { stated: { kind: 'role', id: role.id, to: null }, options })
          return
        }
        await deleteRole(operator.provisioning, operatorIn(operator, org.id), role.id, { method: 'DELETE' }).durable
        const said = `Deleted role ${printable(role.name)} (${role.id}); its holders have ${role.base} now`
        ports.out(options.json === true ? json({ id: role.id, deleted: true, base: role.base }) : said)
      })
    })
}
