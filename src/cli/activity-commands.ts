import { Command, Option } from 'commander'
import { ACTIVITY_UNITS, type ActivityUnit } from '../domain/activity.ts'
import { ACTIVITY_RANGES, activeUsers, type ActivityRange, shownDay } from '../provisioning/active-users.ts'
import { shownActivity } from '../provisioning/shown-activity.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, table } from './output.ts'
import type { CommandPorts } from './ports.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface ActiveOptions extends OrgOptions {
  readonly by: ActivityUnit
  readonly range: ActivityRange
}

/** `rollcall activity users`, `show`. */
export function activityCommand(ports: CommandPorts): Command {
  const activity = new Command('activity').description('what people do, as far as the server has written it')
  for (const command of [usersCommand, showCommand]) activity.addCommand(command(ports))
  return activity
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function usersCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('users'))
    .description('show how many people were active over time, in UTC')
    .addOption(new Option('--by <unit>', 'what they are counted in').choices(ACTIVITY_UNITS).default('week'))
    .addOption(new Option('--range <range>', 'how far back').choices(ACTIVITY_RANGES).default('3m'))
    .action(async ({ org: name, by: unit, range, json: asJson }: ActiveOptions) => {
      const { total, series } = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, name)
        return activeUsers(operator.reads, org.id, { unit, range }, Date.now())
      })
      const rows = series.map(({ start, users }) => ({ [unit]: shownDay(start), users: String(users) }))
      if (asJson === true) {
        const counted = series.map(({ start, users }) => ({ start: shownDay(start), users }))
        ports.out(json({ by: unit, range, total, series: counted }))
      } else ports.out(`${table(rows, 'Nobody was ever active')}\n${total} different people`)
    })
}

function showCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('show'))
    .description('show what a person did')
    .argument('<user>', 'by id, userName or e-mail address')
    .action(async (name: string, options: OrgOptions) => {
      const did = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const user = await getUser(operator, org, name)
        return shownActivity(user, (await operator.reads.activity.of(org.id, [user.id])).get(user.id))
      })
      const rows = Object.entries(did).map(([what, value]) => ({ what, value: String(value ?? '') }))
      ports.out(options.json === true ? json(did) : table(rows, ''))
    })
}
