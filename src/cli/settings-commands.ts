import { Command, InvalidArgumentError } from 'commander'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import { aboutSetting, effectiveSettings } from '../domain/org-settings.ts'
import { changeOrgSettings } from '../provisioning/change-org-settings.ts'
import { type PreviewOptions, showForeseen, withPreview } from './foreseen.ts'
import { getOrg } from './lookup.ts'
import { json, table } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

type SetOptions = OrgOptions & PreviewOptions

/** `rollcall settings list`, `set`. */
export function settingsCommand(ports: CommandPorts): Command {
  const settings = new Command('settings').description('defaults and settings of an organisation')
  settings.addCommand(listCommand(ports))
  settings.addCommand(setCommand(ports))
  return settings
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list every setting with its value')
    .action(async (options: OrgOptions) => {
      const policy = await ports.withStore(async (operator) => {
        return operator.reads.orgs.policy((await getOrg(operator, options.org)).id)
      })
      ports.out(options.json === true ? json(valuesOf(policy)) : table(rowsOf(policy), 'No settings'))
    })
}

function valuesOf({ defaultOrgRole, defaultSeats, stored }: OrgPolicy): JsonObject {
  return { defaultOrgRole, defaultSeats: Object.fromEntries(defaultSeats), ...effectiveSettings(stored) }
}

function rowsOf(policy: OrgPolicy): readonly Readonly<Record<string, string>>[] {
  return Object.entries(valuesOf(policy)).map(([name, value]) => ({
    ...{ name, value: typeof value === 'string' ? value : JSON.stringify(value) },
    about: aboutSetting(name)?.about ?? 'What a new person gets where nothing else says otherwise',
  }))
}

function setCommand(ports: CommandPorts): Command {
  return withPreview(ofOrg(new Command('set')))
    .description('change settings: name=value, where a value is text or JSON, and null asks for the default')
    .argument('<settings...>', 'e.g. breaker.mode=hold breaker.percent=30 defaultSeats=\'{"models":"viewer"}\'')
    .action(async (said: readonly string[], options: SetOptions) => {
      const { defaultOrgRole, defaultSeats, ...settings } = Object.fromEntries(said.map(parsePair))
      if (defaultOrgRole !== undefined && typeof defaultOrgRole !== 'string') {
        throw new InvalidArgumentError('defaultOrgRole is member or viewer.')
      }
      if (defaultSeats !== undefined && !isJsonObject(defaultSeats)) {
        throw new InvalidArgumentError('defaultSeats is an object such as {"models":"full"}.')
      }
      const change = {
        settings,
        ...(defaultOrgRole === undefined ? {} : { defaultOrgRole }),
        ...(defaultSeats === undefined ? {} : { defaultSeats }),
      }
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        if (options.preview === true) {
          await showForeseen(ports, operator, org, { stated: { kind: 'settings', change }, options })
          return
        }
        const caller = operatorIn(operator, org.id)
        const { value, changed } = await changeOrgSettings(operator.provisioning, caller, change).durable
        const sentence = changed ? 'Changed' : 'Nothing to change'
        ports.out(options.json === true ? json({ ...valuesOf(value), changed }) : sentence)
      })
    })
}

function parsePair(text: string): readonly [string, Json] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Wanted is name=value, e.g. breaker.mode=hold.')
  const value = text.slice(at + 1)
  try {
    return [text.slice(0, at), JSON.parse(value) as Json]
  } catch {
    return [text.slice(0, at), value]
  }
}
