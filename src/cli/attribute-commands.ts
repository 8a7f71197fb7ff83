import { Command, Option } from 'commander'
import { ORG_ATTRIBUTE_TYPES, type OrgAttribute, type OrgAttributeType } from '../domain/org-attribute.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import { declareAttribute, type Declared } from '../provisioning/declare-attribute.ts'
import { removeAttribute } from '../provisioning/remove-attribute.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table } from './output.ts'
import type { CommandPorts } from './ports.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface DeclareOptions extends OrgOptions {
  readonly type?: OrgAttributeType
  readonly multiValued?: boolean
  readonly caseExact?: boolean
  readonly description?: string
}

/** `rollcall attribute list`, `declare`, `remove`. */
export function attributeCommand(ports: CommandPorts): Command {
  const attribute = new Command('attribute').description(`attributes an organisation declares, under ${CUSTOM_URN}`)
  attribute.addCommand(listCommand(ports))
  attribute.addCommand(declareCommand(ports))
  attribute.addCommand(removeCommand(ports))
  return attribute
}

/** A command about the attributes of one org. */
function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the attributes of an organisation')
    .action(async (options: OrgOptions) => {
      const attributes = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return (await operator.reads.attributes.of(id)).attributes
      })
      ports.out(options.json === true ? json(attributes) : table(attributes.map(asRow), 'No attributes yet'))
    })
}

function asRow(attribute: OrgAttribute): Readonly<Record<string, string>> {
  const { name, type, multiValued, caseExact, state, description } = attribute
  const values = multiValued ? 'several' : 'one'
  return { name, type, values, case: caseExact ? 'exact' : 'any', state, description }
}

function declareCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('declare'))
    .description('declare an attribute, or change one where nothing people have of it speaks against it')
    .argument('<name>', 'its name: a letter, then letters, digits, "-" and "_"')
    .addOption(new Option('--type <type>', 'type of its values (default: string)').choices(ORG_ATTRIBUTE_TYPES))
    .option('--multi-valued', 'people may have several values of it')
    .option('--no-multi-valued', 'people have one value of it')
    .option('--case-exact', 'text is compared with its case')
    .option('--no-case-exact', 'text is compared without its case')
    .option('--description <text>', 'what it is, as /Schemas shows it')
    .action(async (name: string, options: DeclareOptions) => {
      const { type, multiValued, caseExact, description } = options
      const declared = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        const draft = { name, type, multiValued, caseExact, description }
        return declareAttribute(operator.provisioning, operator.operation(), id, draft).durable
      })
      const { attribute, outcome } = declared
      ports.out(options.json === true ? json({ ...attribute, outcome }) : sentenceOf(declared))
    })
}

function sentenceOf({ attribute, outcome }: Declared): string {
  const { name, type, multiValued } = attribute
  const done = { declared: 'Declared', changed: 'Changed', unchanged: 'Already declared:' }[outcome]
  return `${done} ${name}, ${type}${multiValued ? ' with several values' : ''}; its path is ${CUSTOM_URN}:${name}`
}

function removeCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('remove'))
    .description('remove an attribute and every value people have of it')
    .argument('<name>', 'its name, in any case')
    .action(async (name: string, options: OrgOptions) => {
      const { attribute, cleared } = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return removeAttribute(operator.provisioning, operator.operation(), id, name)
      })
      const text = `Removed ${printable(attribute.name)}; people who had a value of it: ${cleared}`
      ports.out(options.json === true ? json({ name: attribute.name, cleared }) : text)
    })
}
