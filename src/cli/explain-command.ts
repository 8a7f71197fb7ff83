import { Command } from 'commander'
import { type ExplainedPerson, explainPerson, type ShownValue } from '../provisioning/explain-person.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, printable } from './output.ts'
import type { CommandPorts } from './ports.ts'

/** `rollcall explain <user>`: what a person has, what gave it, and what lost. */
export function explainCommand(ports: CommandPorts): Command {
  return new Command('explain')
    .description('say what a person has and why')
    .argument('<user>', 'by id, userName or e-mail address')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (name: string, options: { readonly org: string; readonly json?: true }) => {
      const explained = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        return explainPerson(operator.reads, org.id, (await getUser(operator, org, name)).id)
      })
      ports.out(options.json === true ? json(explained) : lines(explained).map(printable).join('\n'))
    })
}

const NESTED = 'Groups within groups grant nothing: identity providers push who is in them as members.'

function lines(person: ExplainedPerson): readonly string[] {
  const { userName, status, pending, values, withoutEffect, nested, withheldAdmin } = person
  return [
    `${userName}, ${status}${pending ? '; a change is on its way to this person' : ''}`,
    ...values.flatMap(valueLines),
    ...withoutEffect.map(
      ({ kind, targetName, value, by }) => `without effect: ${label(kind, targetName)} ${value} (${by.text})`,
    ),
    ...(withheldAdmin === null
      ? []
      : [`withheld: admin, asked for in ${withheldAdmin} by a connection that may grant none`]),
    ...nested.map(
      ({ name, throughName }) => `nothing through group ${name}, which only holds the group ${throughName}`,
    ),
    ...(nested.length === 0 ? [] : [NESTED]),
  ]
}

function valueLines({ kind, targetName, value, held, by, capped, losers, ties }: ShownValue): readonly string[] {
  const notes = [
    ...(capped === null ? [] : [`instead of ${capped}, which the role in the organization does not allow`]),
    ...(held === value ? [] : [`has ${held} for now`]),
    ...ties.map((tie) => `stands as high as ${tie}`),
  ]
  const first = `${label(kind, targetName)}: ${value} (${[by.text, ...notes].join('; ')})`
  return [first, ...losers.map((loser) => `    not ${loser.value} (${loser.by.text})`)]
}

function label(kind: string, target: string): string {
  if (kind === 'org_role') return 'role in the organization'
  if (kind === 'billing_admin') return 'billing admin'
  return kind === 'seat' ? `seat of ${target}` : `team ${target}`
}
