import type { Command } from 'commander'
import type { OrgSummary } from '../domain/ports.ts'
import { planChange, type StatedChange } from '../provisioning/plan-change.ts'
import type { PlannedChange } from '../provisioning/planned-change.ts'
import { preview, type PreviewPerson, type PreviewSummary } from '../provisioning/preview.ts'
import { json, printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

/** People named where not all are asked for. */
export const MOST_NAMED = 20

/** What commands that change many people's access take. */
export interface PreviewOptions {
  readonly preview?: true
  readonly people?: true
  readonly json?: true
}

/** Lets a command say what it would come to. */
export function withPreview(command: Command): Command {
  return command
    .option('--preview', 'show for whom what would change, and change nothing')
    .option('--people', 'with --preview: name everybody whose access changes, not only the first 20')
}

/** Shows what a stated change would come to. @throws DomainError as making it would */
export async function showForeseen(
  ports: CommandPorts,
  operator: Operator,
  org: OrgSummary,
  { stated, options }: { readonly stated: StatedChange; readonly options: PreviewOptions },
): Promise<void> {
  const change = await planChange(operator.provisioning, org.id, stated).durable
  const foreseen = await foresee(operator, org, change, options.people === true ? Infinity : MOST_NAMED)
  if (options.json === true) ports.out(json(foreseen))
  else ports.out((await foreseenLines(operator, org, foreseen)).map(printable).join('\n'))
}

/** What a change would come to, and the first of the people for whom something changes. */
export interface Foreseen {
  readonly people: readonly PreviewPerson[]
  readonly summary: PreviewSummary
}

/** Computes a change without making it. @param most people kept by name */
export async function foresee(
  { reads }: Operator,
  { id }: OrgSummary,
  change: PlannedChange,
  most: number,
): Promise<Foreseen> {
  const people: PreviewPerson[] = []
  for await (const event of preview(reads, id, change)) {
    if (event.type === 'person' && people.length < most) people.push(event)
    if (event.type === 'summary') return { people, summary: event }
  }
  throw new Error('A preview ended without its summary')
}

/** The same in words, with the names of teams. */
export async function foreseenLines(
  { reads }: Operator,
  { id }: OrgSummary,
  { people, summary }: Foreseen,
): Promise<readonly string[]> {
  const teams = people.flatMap(({ changes }) =>
    changes.flatMap(({ kind, target }) => (kind === 'team' ? [target] : [])),
  )
  const names = await reads.access.groupNames(id, [...new Set(teams)])
  const lines = people.map(({ userName, changes }) => {
    const shown = changes.map(({ kind, target, old, new: next }) => {
      const what = kind === 'org_role' ? 'org role' : `${kind} ${names.get(target) ?? target}`.trim()
      return `${what} ${old ?? 'none'} -> ${next ?? 'none'}`
    })
    return `  ${userName}: ${shown.join(', ')}`
  })
  const { changed, gaining, losing, adminsBefore, adminsAfter, touched, seats, warnings } = summary
  const more = changed - people.length
  return [
    `People: ${changed} of ${touched} change, ${gaining} gain, ${losing} lose; admins ${adminsBefore} -> ${adminsAfter}`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more (--people)`] : []),
    ...seats
      .filter(({ usedNow, wantedThen }) => usedNow !== wantedThen)
      .map(({ product, type, usedNow, wantedThen, bought }) => {
        return `Seats of ${product}, ${type}: ${usedNow} -> ${wantedThen}${bought === null ? '' : ` of ${bought}`}`
      }),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ]
}
