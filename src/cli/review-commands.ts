import { Command, Option } from 'commander'
import { reviewReport } from '../audit/review-report.ts'
import { DomainError } from '../domain/errors.ts'
import { isId, type ReviewId } from '../domain/ids.ts'
import type { Review, ReviewScope } from '../domain/review.ts'
import { decideReviewItem, signReview, startReview } from '../provisioning/access-reviews.ts'
import { parseName, parseWhole } from './arguments.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts } from './ports.ts'
import { reportCommand, type ReportOptions } from './report-output.ts'
import { getTeam, operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface StartOptions extends OrgOptions {
  readonly of: ReviewScope['of']
  readonly team?: string
}

interface DecideOptions extends OrgOptions {
  readonly item: number
  readonly decision: 'keep' | 'revoke'
  readonly reason: string
}

/** `rollcall review list`, `start`, `show`, `decide`, `sign`. */
export function reviewCommand(ports: CommandPorts): Command {
  const review = new Command('review').description('access reviews: what is held, kept or revoked with a reason')
  for (const make of [listCommand, startCommand, showCommand, decideCommand, signCommand])
    review.addCommand(make(ports))
  return review
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list access reviews, the newest first')
    .action(async (options: OrgOptions) => {
      const reviews = await ports.withStore(async (operator) => {
        return operator.reads.reviews.list((await getOrg(operator, options.org)).id)
      })
      const rows = reviews.map(shownReview)
      ports.out(options.json === true ? json(rows) : table(rows, 'No reviews'))
    })
}

function startCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('start'))
    .description('begin a review over what is held now')
    .argument('<name>', 'name of the review', parseName)
    .addOption(
      new Option('--of <scope>', 'what is reviewed').choices(['admins', 'everybody', 'team']).default('admins'),
    )
    .option('--team <team>', 'with --of team: the team, by id or name')
    .action(async (name: string, options: StartOptions) => {
      const review = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        if ((options.of === 'team') !== (options.team !== undefined)) {
          throw new DomainError('invalid-value', '--team names the team of a review with --of team, and of no other')
        }
        const team = options.team === undefined ? undefined : await getTeam(operator, org, options.team)
        const scope: ReviewScope =
          options.of !== 'team' || team === undefined ? { of: options.of as 'admins' } : { of: 'team', team: team.id }
        return startReview(operator.provisioning, operatorIn(operator, org.id), { name, scope }).durable
      })
      show(ports, review, options)
    })
}

function showCommand(ports: CommandPorts): Command {
  const command = new Command('show').description('show a review with every item').argument('<review>', 'review, by id')
  return reportCommand<ReportOptions>(ports, command, ({ operator, org }) =>
    reviewReport(operator.reads, org.id, idOf(command.args[0]!)),
  )
}

function decideCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('decide'))
    .description('keep or revoke one item; a revocation is applied at once')
    .argument('<review>', 'review, by id')
    .requiredOption('--item <number>', 'number of the item', parseWhole(1, 20_000))
    .addOption(new Option('--decision <decision>', 'keep or revoke').choices(['keep', 'revoke']).makeOptionMandatory())
    .requiredOption('--reason <text>', 'why')
    .action(async (review: string, options: DecideOptions) => {
      const { item: n, decision, reason } = options
      const { problem = null } = await ports.withStore(async (operator) => {
        const caller = operatorIn(operator, (await getOrg(operator, options.org)).id)
        return decideReviewItem(operator.provisioning, caller, idOf(review), { n, decision, reason })
      })
      if (options.json === true) ports.out(json({ item: n, decision, problem }))
      else ports.out(problem === null ? `Item ${n}: ${decision}` : `Item ${n}: still held. ${printable(problem)}`)
    })
}

function signCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('sign'))
    .description('sign a review off, once all is decided and nothing revoked is held')
    .argument('<review>', 'review, by id')
    .action(async (review: string, options: OrgOptions) => {
      const signed = await ports.withStore(async (operator) => {
        const caller = operatorIn(operator, (await getOrg(operator, options.org)).id)
        return signReview(operator.provisioning, caller, idOf(review)).durable
      })
      show(ports, signed, options)
    })
}

function idOf(text: string): ReviewId {
  if (isId(text)) return text as ReviewId
  throw new DomainError('not-found', `There is no review "${text}"; see: rollcall review list`)
}

function show(ports: CommandPorts, review: Review, { json: asJson }: OrgOptions): void {
  const shown = shownReview(review)
  const rows = Object.entries(shown).map(([what, value]) => ({ what, value }))
  ports.out(asJson === true ? json(shown) : table(rows, ''))
}

function shownReview({ id, name, state, seq, created, signed, digest }: Review): Readonly<Record<string, string>> {
  const times = { created: time(created), signed: time(signed) }
  return { id, name, state, record: String(seq), ...times, digest: digest ?? '' }
}
