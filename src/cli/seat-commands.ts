import { Command, InvalidArgumentError } from 'commander'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { SeatUse, WaitingForSeat } from '../domain/seat-allocation.ts'
import { changeLicence } from '../provisioning/change-licence.ts'
import { type PreviewOptions, showForeseen, withPreview } from './foreseen.ts'
import { getOrg } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

const MOST = 1_000_000_000
const PAGE = 500

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface LicenceOptions extends OrgOptions, PreviewOptions {
  readonly full?: Count
  readonly viewer?: Count
}

/** `rollcall seat list`, `licence`, `waiting`. */
export function seatCommand(ports: CommandPorts): Command {
  const seat = new Command('seat').description('seats of products: bought, used, and who waits for one')
  for (const command of [listCommand, licenceCommand, waitingCommand]) seat.addCommand(command(ports))
  return seat
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('show seats bought, used, reserved and left')
    .action(async (options: OrgOptions) => {
      const use = await ports.withStore(async (operator) => {
        return operator.reads.seats.use((await getOrg(operator, options.org)).id)
      })
      ports.out(options.json === true ? json(use.map(asJson)) : table(use.map(asRow), 'No products yet'))
    })
}

function asJson({ bought, left, ...use }: SeatUse): object {
  return { ...use, bought: bought ?? null, left: left ?? null, over: Math.max(0, -(left ?? 0)) }
}

function asRow({ product, type, bought, used, reserved, left, waiting }: SeatUse): Readonly<Record<string, string>> {
  const over = left !== undefined && left < 0 ? `${-left} over` : String(left ?? '')
  return {
    ...{ product, type, bought: bought === undefined ? 'unlimited' : String(bought), used: String(used) },
    ...{ reserved: String(reserved), left: over, waiting: String(waiting) },
  }
}

function licenceCommand(ports: CommandPorts): Command {
  return withPreview(ofOrg(new Command('licence')))
    .description('say how many seats of a product were bought; nobody loses one')
    .argument('<product>', 'e.g. models')
    .option('--full <number>', 'full seats, or unlimited', parseCount)
    .option('--viewer <number>', 'viewer seats, or unlimited', parseCount)
    .action(async (product: string, { full, viewer, ...options }: LicenceOptions) => {
      if (full === undefined && viewer === undefined) {
        throw new DomainError('invalid-value', 'Say how many: --full <number>, --viewer <number>, or unlimited')
      }
      const caps = { ...capOf('full', full), ...capOf('viewer', viewer) }
      const seats = { [product]: caps }
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        if (options.preview === true) {
          await showForeseen(ports, operator, org, { stated: { kind: 'licence', seats }, options })
          return
        }
        await changeLicence(operator.provisioning, operatorIn(operator, org.id), { seats }).durable
        const use = (await operator.reads.seats.use(org.id)).filter((each) => each.product === product)
        ports.out(options.json === true ? json(use.map(asJson)) : table(use.map(asRow), 'No such product'))
      })
    })
}

type Count = number | 'unlimited'

/** null is unlimited to the use case; to commander it would be no value at all. */
function capOf(type: string, count: Count | undefined): Readonly<Record<string, number | null>> {
  return count === undefined ? {} : { [type]: count === 'unlimited' ? null : count }
}

function parseCount(text: string): Count {
  if (text === 'unlimited') return text
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (count <= MOST) return count
  throw new InvalidArgumentError(`Wanted is a whole number from 0 to ${MOST}, or unlimited.`)
}

function waitingCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('waiting'))
    .description('list who has less of a product than is wanted for them, the longest waiting first')
    .argument('<product>', 'e.g. models')
    .action(async (product: string, options: OrgOptions) => {
      const people = await ports.withStore(async (operator) => {
        return everybodyWaiting(operator, (await getOrg(operator, options.org)).id, product)
      })
      const rows = people.map(({ since, ...person }) => ({ ...person, since: time(since) }))
      ports.out(options.json === true ? json(rows) : table(rows, 'Nobody waits'))
    })
}

async function everybodyWaiting(
  { reads }: Operator,
  orgId: OrgId,
  product: string,
): Promise<readonly WaitingForSeat[]> {
  const people: WaitingForSeat[] = []
  for (;;) {
    const page = await reads.seats.waiting(orgId, product, people.at(-1), PAGE)
    people.push(...page)
    if (page.length < PAGE) return people
  }
}
