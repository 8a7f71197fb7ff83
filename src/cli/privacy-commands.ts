import { Command } from 'commander'
import { subjectAccess } from '../audit/subject-access.ts'
import { DomainError } from '../domain/errors.ts'
import { isId, type UserId } from '../domain/ids.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { ErasureReach, HoldId, LegalHold } from '../domain/privacy.ts'
import { type ErasedPerson, erasePerson } from '../provisioning/erase-person.ts'
import { placeHold, releaseHold } from '../provisioning/legal-holds.ts'
import { recordExport } from '../provisioning/record-log-use.ts'
import { parseWhole } from './arguments.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

/** `rollcall privacy`. */
export function privacyCommand(ports: CommandPorts): Command {
  const privacy = new Command('privacy').description(
    'give people what is held of them, erase them, and hold what must not be erased',
  )
  for (const command of [exportCommand(ports), eraseCommand(ports), holdCommand(ports)]) privacy.addCommand(command)
  return privacy
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function exportCommand(ports: CommandPorts): Command {
  return new Command('export')
    .description('write everything that is held of a person as JSON: rows, and the log with their own values opened')
    .argument('<user>', 'by id, also a deleted one, by userName or e-mail address')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .action(async (name: string, options: OrgOptions) => {
      await ports.withStore(async (operator) => {
        const { reads, log } = operator
        const org = await getOrg(operator, options.org)
        const person = await personNamed(operator, org, name)
        if (!('user' in (await reads.privacy.held(org.id, person)))) {
          throw new DomainError('not-found', `There is no person ${person}, live or deleted`)
        }
        const use = { form: 'person', personal: true, about: person }
        await recordExport(operator.provisioning, operator.operation(), org.id, use).durable
        const request = { orgId: org.id, person, values: log.values }
        for await (const piece of subjectAccess(reads, request)) await ports.write(piece)
      })
    })
}

function eraseCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('erase'))
    .description(
      'erase a person for good: every personal value, and the key to those in the log, which verifies as before',
    )
    .argument('<user>', 'by id, also a deleted one, by userName or e-mail address')
    .option('--vacuum', 'on PostgreSQL, also rewrite the tables that held it; each is locked meanwhile')
    .action(async (name: string, options: OrgOptions & { readonly vacuum?: true }) => {
      const [erased, reach] = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const id = await personNamed(operator, org, name)
        const done = await erasePerson(operator.provisioning, operatorIn(operator, org.id), id).durable
        return [done, await operator.finishErasure(options.vacuum === true)] as const
      })
      ports.out(options.json === true ? json(shownErasure(erased, reach)) : erasureText(erased, reach))
    })
}

/** Somebody deleted is found by id alone: the userName may be somebody else's by now. */
async function personNamed(operator: Operator, org: OrgSummary, name: string): Promise<UserId> {
  return isId(name) ? (name as UserId) : (await getUser(operator, org, name)).id
}

function shownErasure({ orgId, person, seq, at, ...done }: ErasedPerson, reach: ErasureReach): object {
  return { org: orgId, user: person, seq, at: time(at), ...done, ...reach }
}

const REACHED: Readonly<Record<ErasureReach['reached'], string>> = {
  files: 'the database file and its write-ahead log hold no byte of it',
  rows: 'rows, dumps and exports hold nothing; freed pages do until the server reuses them, or until --vacuum',
  waiting: 'rows hold nothing; old pages stay in the write-ahead log while something reads it: run this again later',
}

/** What was reached, store by store, and what this cannot reach. */
function erasureText({ person, seq, before, deleted, emptied }: ErasedPerson, reach: ErasureReach): string {
  const rows = emptied.map(({ table: name, rows: count }) => `${name} ${count}`).join(', ')
  return [
    before ? `User ${person} was erased before, by record ${seq}` : `Erased user ${person}, by record ${seq}`,
    ...(deleted ? ['The person was live, and is deleted'] : []),
    ...(rows === '' ? [] : [`Rows emptied: ${rows}`]),
    'Log: its records stay as they were hashed; what they say of the person cannot be opened any more',
    `Database: ${REACHED[reach.reached]}`,
    reach.outside
      ? 'Backups made before: erased again when they are restored, since the checkpoint file names the person by id'
      : 'Backups made before: erased again when they are restored with a keys file made after now (no ROLLCALL_CHECKPOINT_FILE is set)',
    'Not reached: what was exported, packed or sent to other systems before, and their copies',
  ].join('\n')
}

function holdCommand(ports: CommandPorts): Command {
  const hold = new Command('hold').description('legal holds: what they are about is neither erased nor purged')
  ofOrg(hold.command('place'))
    .description('place a hold on a person, on records, or on everything of an organisation')
    .option('--user <user>', 'a person, by id, userName or e-mail address')
    .option('--from-seq <seq>', 'the first record it is about', parseWhole(1, 999_999_999))
    .option('--to-seq <seq>', 'the last record it is about', parseWhole(1, 999_999_999))
    .requiredOption('--reason <text>', 'why, for the log')
    .action(async (options: PlaceOptions) => {
      const placed = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { user, fromSeq, toSeq, reason } = options
        if (reason.trim() === '') throw new DomainError('invalid-value', 'A hold needs a reason')
        const person = user === undefined ? undefined : await personNamed(operator, org, user)
        const draft = { person, fromSeq, toSeq, reason }
        return placeHold(operator.provisioning, operatorIn(operator, org.id), draft).durable
      })
      ports.out(
        options.json === true ? json(shownHold(placed)) : `Placed hold ${placed.id}, by record ${placed.placedSeq}`,
      )
    })
  ofOrg(hold.command('release'))
    .description('release a hold')
    .argument('<hold>', 'its id')
    .action(async (id: string, options: OrgOptions) => {
      const released = await ports.withStore(async (operator) => {
        const caller = operatorIn(operator, (await getOrg(operator, options.org)).id)
        return releaseHold(operator.provisioning, caller, id as HoldId).durable
      })
      ports.out(options.json === true ? json(shownHold(released)) : `Released hold ${released.id}`)
    })
  ofOrg(hold.command('list'))
    .description('list holds that stand')
    .option('--all', 'released ones too')
    .action(async (options: OrgOptions & { readonly all?: true }) => {
      const holds = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        return operator.reads.privacy.holds(org.id, options.all === true)
      })
      const rows = holds.map(shownHold)
      ports.out(options.json === true ? json(rows) : table(rows.map(textRow), 'No holds'))
    })
  return hold
}

interface PlaceOptions extends OrgOptions {
  readonly user?: string
  readonly fromSeq?: number
  readonly toSeq?: number
  readonly reason: string
}

function shownHold({ id, person, fromSeq, toSeq, placed, released }: LegalHold) {
  return {
    ...{ id, user: person ?? null, fromSeq: fromSeq ?? null, toSeq: toSeq ?? null },
    ...{ placed: time(placed), released: released === undefined ? null : time(released) },
  }
}

function textRow(row: ReturnType<typeof shownHold>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value ?? '')]))
}
