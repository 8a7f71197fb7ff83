import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { DomainError } from '../domain/errors.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { PlannedChange } from '../provisioning/planned-change.ts'
import { applyRules, planRules, type RulesDifference } from '../provisioning/apply-rules.ts'
import { foresee, foreseenLines, MOST_NAMED } from './foreseen.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { readRulesFile, type RulesFile, writeRulesFile } from './rules-file.ts'
import { draftsOf, grantsText, matchText } from './rules-text.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface FileOptions extends OrgOptions {
  readonly file: string
}

/** `rollcall rules list`, `plan`, `apply`, `export`. */
export function rulesCommand(ports: CommandPorts): Command {
  const rules = new Command('rules').description('rules from groups of an identity provider to teams, roles and seats')
  for (const command of [listCommand, planCommand, applyCommand, exportCommand]) rules.addCommand(command(ports))
  return rules
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function ofFile(command: Command): Command {
  return ofOrg(command).requiredOption('-f, --file <file>', 'rules in YAML, as export writes them')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list rules')
    .action(async (options: OrgOptions) => {
      const rows = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const rules = await operator.reads.rules.list(id)
        const drafts = await draftsOf(operator.reads, id, rules)
        return drafts.map((draft, at) => ({ id: rules[at]!.id, version: rules[at]!.version, ...draft }))
      })
      if (options.json === true) return ports.out(json(rows))
      const shown = rows.map((row) => ({
        id: row.id,
        name: row.name ?? '',
        match: matchText(row.match),
        gives: grantsText(row),
      }))
      ports.out(table(shown, 'No rules yet'))
    })
}

function exportCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('export'))
    .description('write the rules as they are, in YAML')
    .action(async (options: OrgOptions) => {
      const drafts = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return draftsOf(operator.reads, id, await operator.reads.rules.list(id))
      })
      ports.out(options.json === true ? json({ rules: drafts }) : writeRulesFile(drafts).trimEnd())
    })
}

function planCommand(ports: CommandPorts): Command {
  return ofFile(new Command('plan'))
    .description('show what applying a file would change, and for whom')
    .option('--people', 'name everybody whose access changes, not only the first 20')
    .action(async (options: FileOptions & { readonly people?: true }) => {
      const file = await read(ports, options.file)
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const difference = await located(file, planRules(operator.provisioning, org.id, file.rules).durable)
        const most = options.people === true ? Infinity : MOST_NAMED
        const foreseen = await foresee(operator, org, ruleChange(difference), most)
        const shown = await shownDifference(operator, org, difference)
        if (options.json === true) return ports.out(json({ ...shown, ...foreseen }))
        ports.out(
          [...differenceLines(shown), ...(await foreseenLines(operator, org, foreseen))].map(printable).join('\n'),
        )
      })
    })
}

function applyCommand(ports: CommandPorts): Command {
  return ofFile(new Command('apply'))
    .description('make the rules those of a file, all or nothing')
    .action(async (options: FileOptions) => {
      const file = await read(ports, options.file)
      const shown = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const caller = operatorIn(operator, org.id)
        const difference = await located(file, applyRules(operator.provisioning, caller, file.rules).durable)
        return shownDifference(operator, org, difference)
      })
      ports.out(options.json === true ? json(shown) : differenceLines(shown).map(printable).join('\n'))
    })
}

/** The rules of a file; every mistake in it is told on a line of its own. @throws DomainError */
async function read(ports: CommandPorts, path: string): Promise<RulesFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException
    throw new DomainError('invalid-value', `The file ${path} cannot be read: ${code}`)
  }
  try {
    return readRulesFile(text, path)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const mistakes = error.message.split('\n')
    for (const mistake of mistakes) ports.err(printable(mistake))
    throw new DomainError('invalid-syntax', `${path} has ${mistakes.length} mistakes; nothing was done`)
  }
}

/** What the store says of the file's rules, with the line that it is about. */
async function located<T>(file: RulesFile, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw file.located(error)
  }
}

function ruleChange({ made, changed, removed }: RulesDifference): PlannedChange {
  const before = [...removed, ...changed.map((each) => each.before)]
  return { kind: 'rules', before, after: [...made, ...changed.map((each) => each.after)] }
}

interface ShownDifference {
  readonly made: readonly string[]
  readonly changed: readonly { readonly match: string; readonly before: string; readonly after: string }[]
  readonly removed: readonly string[]
  readonly same: number
}

async function shownDifference(
  { reads }: Operator,
  { id }: OrgSummary,
  { made, changed, removed, same }: RulesDifference,
): Promise<ShownDifference> {
  const [news, olds] = [await draftsOf(reads, id, made), await draftsOf(reads, id, removed)]
  const before = await draftsOf(
    reads,
    id,
    changed.map((each) => each.before),
  )
  const after = await draftsOf(
    reads,
    id,
    changed.map((each) => each.after),
  )
  return {
    made: news.map((draft) => `${matchText(draft.match)}: ${grantsText(draft)}`),
    changed: after.map((draft, at) => ({
      match: matchText(draft.match),
      before: [before[at]!.name, grantsText(before[at]!)].join(' ').trim(),
      after: [draft.name, grantsText(draft)].join(' ').trim(),
    })),
    removed: olds.map((draft) => `${matchText(draft.match)}: ${grantsText(draft)}`),
    same,
  }
}

function differenceLines({ made, changed, removed, same }: ShownDifference): readonly string[] {
  const lines = [
    ...made.map((rule) => `+ ${rule}`),
    ...changed.flatMap(({ match, before, after }) => [`~ ${match}`, `    was ${before}`, `    is  ${after}`]),
    ...removed.map((rule) => `- ${rule}`),
  ]
  const count = `${made.length} new, ${changed.length} changed, ${removed.length} gone, ${same} as they were`
  return [...lines, `Rules: ${count}`]
}
