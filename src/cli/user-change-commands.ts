import { Command, InvalidArgumentError, Option } from 'commander'
import { ORG_ROLES, type OrgRole } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { isId, type UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import { changeUser } from '../provisioning/change-user.ts'
import { createUser } from '../provisioning/create-user.ts'
import { deleteUser } from '../provisioning/delete-user.ts'
import { withStanding } from '../provisioning/list-people.ts'
import { changedState, newState, type PersonDraft } from '../provisioning/person-draft.ts'
import { setPersonFlag } from '../provisioning/person-flags.ts'
import { restoreUser } from '../provisioning/restore-user.ts'
import { shownPerson } from '../provisioning/shown-person.ts'
import { settleWithheldAdmin } from '../provisioning/withheld-admin.ts'
import { parseName } from './arguments.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface PersonOptions extends OrgOptions {
  readonly name?: string
  readonly email?: string
  readonly orgRole?: OrgRole | 'default'
  readonly seat?: Readonly<Record<string, string>>
}

/** `rollcall user create`, `change`, `deactivate`, `reactivate`, `delete`, `restore`, `flag`, `confirm-admin`, `refuse-admin`. */
export function userChangeCommands(ports: CommandPorts): readonly Command[] {
  const withheld = (name: string, decision: 'grant' | 'refuse', what: string): Command =>
    onUser(ports, new Command(name).description(what), async ({ operator, caller, user }) => {
      await settleWithheldAdmin(operator.provisioning, caller, user.id, decision).durable
    })
  return [
    createCommand(ports),
    changeCommand(ports),
    activeCommand(ports, 'deactivate', false),
    activeCommand(ports, 'reactivate', true),
    onUser(ports, new Command('delete').description('delete a person; restorable for 30 days'), remove),
    restoreCommand(ports),
    flagCommand(ports),
    withheld('confirm-admin', 'grant', 'make somebody an admin whom a connection names without the right to'),
    withheld('refuse-admin', 'refuse', 'refuse to make somebody an admin whom a connection names'),
  ]
}

function withPerson(command: Command): Command {
  return command
    .option('--name <name>', 'name to be shown by', parseName)
    .option('--email <address>', 'primary e-mail address')
    .addOption(new Option('--org-role <role>', 'role in the organisation').choices([...ORG_ROLES, 'default']))
    .option('--seat <product=type>', 'seat, e.g. models=full; "default" clears; repeat for several', addSeat)
}

function createCommand(ports: CommandPorts): Command {
  return withPerson(ofOrg(new Command('create')))
    .description('make a person')
    .argument('<userName>', 'what they sign in with')
    .action(async (userName: string, options: PersonOptions) => {
      const made = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const caller = operatorIn(operator, org.id)
        const draft = { ...draftOf(options), userName }
        const user = await createUser(operator.provisioning, caller, newState(draft)).durable
        return withShown(operator, caller, user)
      })
      ports.out(options.json === true ? json(made) : `Made user ${printable(made.userName)} (${made.id})`)
    })
}

function changeCommand(ports: CommandPorts): Command {
  const command = withPerson(new Command('change')).option('--user-name <name>', 'another userName')
  return onUser(ports, command.description('change a person'), async ({ operator, caller, user }, options) => {
    const { userName, ...person } = options as PersonOptions & { readonly userName?: string }
    const draft = { ...draftOf(person), ...(userName === undefined ? {} : { userName }) }
    await changed(operator, caller, user, draft)
  })
}

function activeCommand(ports: CommandPorts, name: string, active: boolean): Command {
  const what = active
    ? 'give a deactivated person back what they had'
    : 'end all access of a person and keep the record'
  return onUser(ports, new Command(name).description(what), ({ operator, caller, user }) =>
    changed(operator, caller, user, { active }),
  )
}

interface FlagOptions {
  readonly auditor?: true
  readonly breakGlass?: true
  readonly off?: true
}

function flagCommand(ports: CommandPorts): Command {
  const command = new Command('flag')
    .description('make a person a billing admin, an auditor or a break-glass account, or end it')
    .addOption(new Option('--billing-admin', 'billing admin').conflicts(['auditor', 'breakGlass']))
    .addOption(new Option('--auditor', 'auditor: reads everything, changes nothing').conflicts('breakGlass'))
    .option('--break-glass', 'break-glass: signs in by password always, and no connection may touch it')
    .option('--off', 'end it')
  return onUser(ports, command, async ({ operator, caller, user }, options) => {
    const { auditor, breakGlass, off } = options as FlagOptions
    const flag = breakGlass === true ? 'break_glass' : auditor === true ? 'auditor' : 'billing_admin'
    await setPersonFlag(operator.provisioning, caller, user.id, { flag, on: off !== true }).durable
  })
}

/** A deleted person is found by id alone: the userName may be somebody else's by now. */
function restoreCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('restore'))
    .description('bring back a person who was deleted within 30 days, with members and explicit values')
    .argument('<id>', 'the id they had', parseUserId)
    .action(async (id: UserId, options: OrgOptions) => {
      const restored = await ports.withStore(async (operator) => {
        const caller = operatorIn(operator, (await getOrg(operator, options.org)).id)
        return withShown(operator, caller, await restoreUser(operator.provisioning, caller, id).durable)
      })
      ports.out(options.json === true ? json(restored) : `User ${restored.id} is ${restored.status}`)
    })
}

function parseUserId(text: string): UserId {
  if (isId(text)) return text as UserId
  throw new InvalidArgumentError('Wanted is the id that the log and the answers to requests show.')
}

async function remove({ operator, caller, user }: OnUser): Promise<void> {
  await deleteUser(operator.provisioning, caller, user.id, { method: 'DELETE' }).durable
}

async function changed(operator: Operator, caller: Caller, user: User, draft: PersonDraft): Promise<void> {
  const change = { method: 'PATCH', change: (state: Parameters<typeof changedState>[0]) => changedState(state, draft) }
  await changeUser(operator.provisioning, caller, user.id, { ...change, method: 'PATCH' }).durable
}

interface OnUser {
  readonly operator: Operator
  readonly caller: Caller
  readonly user: User
}

/** A command about one person, who is shown afterwards where they are still there. */
function onUser(
  ports: CommandPorts,
  command: Command,
  run: (on: OnUser, options: OrgOptions) => Promise<void>,
): Command {
  return ofOrg(command)
    .argument('<user>', 'by id, userName or e-mail address')
    .action(async (name: string, options: OrgOptions) => {
      const done = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const [caller, user] = [operatorIn(operator, org.id), await getUser(operator, org, name)]
        await run({ operator, caller, user }, options)
        const after = await operator.reads.users.find(org.id, user.id)
        return after === undefined ? { id: user.id, status: 'deleted' } : withShown(operator, caller, after)
      })
      ports.out(options.json === true ? json(done) : `User ${done.id} is ${done.status}`)
    })
}

async function withShown({ reads }: Operator, { orgId }: Caller, user: User) {
  const [listed] = await withStanding(reads, orgId, [user])
  return shownPerson(listed!)
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function draftOf({ name, email, orgRole, seat }: PersonOptions): PersonDraft {
  const seats = Object.entries(seat ?? {}).map(
    ([product, type]) => [product, type === 'default' ? null : type] as const,
  )
  return {
    ...(name === undefined ? {} : { displayName: name }),
    ...(email === undefined ? {} : { email }),
    ...(orgRole === undefined ? {} : { orgRole: orgRole === 'default' ? null : orgRole }),
    ...(seats.length === 0 ? {} : { seats: Object.fromEntries(seats) }),
  }
}

function addSeat(text: string, seats: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, product, type] = /^([A-Za-z][\w-]*)=(full|viewer|none|default)$/.exec(text) ?? []
  if (product === undefined || type === undefined) {
    throw new InvalidArgumentError('Wanted is product=type, the type full, viewer, none or default, e.g. models=full.')
  }
  return { ...seats, [product]: type }
}
