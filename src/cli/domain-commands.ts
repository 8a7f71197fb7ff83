import { Command } from 'commander'
import { type DomainClaim, domainState, lapsesAt, proofRecord } from '../domain/domain-claim.ts'
import { fold } from '../domain/fold.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { changeDomain, claimDomain, noSuchDomain, proveDomain, releaseDomain } from '../provisioning/claim-domain.ts'
import { getOrg } from './lookup.ts'
import { json, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface PlanOptions extends OrgOptions {
  readonly capture?: boolean
  /** False takes it away. */
  readonly team?: string | false
}

/** `rollcall domain claim`, `list`, `show`, `prove`, `set`, `release`. */
export function domainCommand(ports: CommandPorts): Command {
  const domain = new Command('domain').description('domains of e-mail addresses that are an own of an organisation')
  for (const command of [claimCommand, listCommand, showCommand, proveCommand, setCommand, releaseCommand]) {
    domain.addCommand(command(ports))
  }
  return domain
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function withPlan(command: Command): Command {
  return command
    .option('--capture', 'new people of the domain join the organisation by signing in')
    .option('--team <team>', 'the joinable team that they join as well, by id or name')
}

function claimCommand(ports: CommandPorts): Command {
  return withPlan(ofOrg(new Command('claim')))
    .description('claim a domain, and say which DNS record proves it')
    .argument('<domain>', 'such as example.com')
    .action(async (domain: string, options: PlanOptions) => {
      const draft = { domain, captures: options.capture, team: options.team === false ? null : options.team }
      const claim = await inOrg(ports, options, (operator, { id }) => {
        return claimDomain(operator.provisioning, operatorIn(operator, id), draft).durable
      })
      say(ports, options, claim, `Claimed ${claim.domain}. ${whatToSet(claim)}`)
    })
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the domains that are claimed')
    .action(async (options: OrgOptions) => {
      const claims = await inOrg(ports, options, ({ reads }, { id }) => reads.domains.list(id))
      ports.out(options.json === true ? json(claims.map(asJson)) : table(claims.map(asRow), 'No domains yet'))
    })
}

function showCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('show'))
    .description('show a domain and the DNS record that proves it')
    .argument('<domain>')
    .action(async (domain: string, options: OrgOptions) => {
      const claim = await inOrg(ports, options, (operator, org) => getClaim(operator, org, domain))
      const { name, value } = proofRecord(claim)
      const lines = Object.entries({ ...asRow(claim), 'TXT record': name, 'its value': value })
      say(ports, options, claim, lines.map(([key, text]) => `${key}: ${text}`).join('\n'))
    })
}

function proveCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('prove'))
    .description('look for the DNS record now, and prove the domain by it')
    .argument('<domain>')
    .action(async (domain: string, options: OrgOptions) => {
      const claim = await inOrg(ports, options, async (operator, org) => {
        const { challenge, domain: name } = await getClaim(operator, org, domain)
        const look = { challenge, seen: await operator.lookUpProof({ challenge, domain: name }) }
        return proveDomain(operator.provisioning, operatorIn(operator, org.id), name, look).durable
      })
      say(ports, options, claim, `${claim.domain} is proved; leave the record where it is, it is looked at every day`)
    })
}

function setCommand(ports: CommandPorts): Command {
  return withPlan(ofOrg(new Command('set')))
    .description('say whether new people of a domain join by signing in, and which team')
    .argument('<domain>')
    .option('--no-capture', 'nobody joins the organisation by the domain')
    .option('--no-team', 'they join no team')
    .action(async (domain: string, options: PlanOptions) => {
      const plan = { captures: options.capture, team: options.team === false ? null : options.team }
      const { value, changed } = await inOrg(ports, options, (operator, { id }) => {
        return changeDomain(operator.provisioning, operatorIn(operator, id), domain, plan).durable
      })
      say(ports, options, value, `${changed ? 'Changed' : 'Nothing to change in'} ${value.domain}`)
    })
}

function releaseCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('release'))
    .description('let a domain go; whoever joined by it stays')
    .argument('<domain>')
    .action(async (domain: string, options: OrgOptions) => {
      await inOrg(ports, options, (operator, { id }) => {
        return releaseDomain(operator.provisioning, operatorIn(operator, id), domain).durable
      })
      const name = fold(domain)
      ports.out(options.json === true ? json({ domain: name, state: 'released' }) : `Released ${name}`)
    })
}

function whatToSet(claim: DomainClaim): string {
  const { name, value } = proofRecord(claim)
  return `Set this TXT record, then: rollcall domain prove ${claim.domain}\n${name}\n${value}`
}

async function getClaim({ reads }: Operator, org: OrgSummary, domain: string): Promise<DomainClaim> {
  const claim = await reads.domains.find(org.id, fold(domain))
  if (claim === undefined) throw noSuchDomain(domain)
  return claim
}

function inOrg<T>(
  ports: CommandPorts,
  { org }: OrgOptions,
  run: (operator: Operator, org: OrgSummary) => Promise<T>,
): Promise<T> {
  return ports.withStore(async (operator) => run(operator, await getOrg(operator, org)))
}

function say(ports: CommandPorts, options: OrgOptions, claim: DomainClaim, sentence: string): void {
  ports.out(options.json === true ? json(asJson(claim)) : sentence)
}

function asJson(claim: DomainClaim): object {
  const { domain, captures, team, created, provedAt, checked } = claim
  const optional = (at: number | undefined) => (at === undefined ? null : time(at))
  return {
    ...{ domain, state: domainState(claim), record: proofRecord(claim), captures, team: team ?? null },
    ...{ created: time(created), proved: optional(provedAt), checked: optional(checked) },
    lapses: optional(lapsesAt(claim)),
  }
}

function asRow(claim: DomainClaim): Readonly<Record<string, string>> {
  const { domain, captures, team, provedAt, checked } = claim
  return {
    ...{ domain, state: domainState(claim), captures: captures ? 'yes' : 'no', team: team ?? '' },
    ...{ proved: time(provedAt), checked: time(checked), lapses: time(lapsesAt(claim)) },
  }
}
