import { Command } from 'commander'
import type { JwtTrust } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { addTrust, removeTrust } from '../provisioning/connection-trusts.ts'
import { addPin } from './arguments.ts'
import { getConnection, getOrg } from './lookup.ts'
import { json, printable, table } from './output.ts'
import type { CommandPorts, TrustDraft } from './ports.ts'
import { operatorIn } from './team-lookup.ts'

/** What a command line says of an issuer of JWTs. */
export interface TrustOptions {
  readonly issuer?: string
  readonly audience?: string
  readonly jwks?: string
  readonly pin: Readonly<Record<string, string>>
  readonly longLived?: true
}

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

/** Gives a command the options that {@link trustOf} reads. */
export function withTrustOptions(command: Command): Command {
  return command
    .option('--issuer <url>', "issuer of the identity provider's JWTs, exactly as in their iss")
    .option('--audience <aud>', 'audience of the JWTs, exactly as in their aud')
    .option('--jwks <url>', "address of the issuer's keys (default: from its discovery document)")
    .option('--pin <claim=value>', 'claim the JWTs must carry, e.g. appid=…; repeat for several', addPin, {})
    .option('--long-lived', 'accept JWTs that live longer than 24 hours')
}

/**
 * @returns undefined where nothing is said of JWTs
 * @throws DomainError `invalid-value` when what belongs together does not come together
 */
export function trustOf({ issuer, audience, jwks, pin, longLived }: TrustOptions): TrustDraft | undefined {
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new DomainError('invalid-value', 'Give --issuer and --audience together: a JWT is trusted by both')
  }
  if (issuer === undefined || audience === undefined) {
    if (jwks === undefined && longLived === undefined && Object.keys(pin).length === 0) return undefined
    throw new DomainError('invalid-value', '--jwks, --pin and --long-lived belong to an --issuer and its --audience')
  }
  return { issuer, audience, jwksUri: jwks, pins: pin, algorithms: [], longLived: longLived === true }
}

/** `rollcall connection trust list`, `add`, `remove`. */
export function trustCommand(ports: CommandPorts): Command {
  return new Command('trust')
    .description("trust in identity providers' JWTs")
    .addCommand(listCommand(ports))
    .addCommand(addCommand(ports))
    .addCommand(removeCommand(ports))
}

function ofConnection(command: Command): Command {
  return command
    .argument('<connection>', 'connection, by id or name')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
}

function listCommand(ports: CommandPorts): Command {
  return ofConnection(new Command('list'))
    .description('list whose JWTs a connection trusts')
    .action(async (name: string, options: OrgOptions) => {
      const trusts = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const { id } = await getConnection(operator, org, name)
        return (await operator.reads.orgs.trusts(org.id)).filter(({ connectionId }) => connectionId === id)
      })
      const shown = trusts.map(shownTrust)
      ports.out(options.json === true ? json(shown) : table(trusts.map(asRow), 'No JWTs are trusted'))
    })
}

function addCommand(ports: CommandPorts): Command {
  return withTrustOptions(ofConnection(new Command('add')))
    .description('trust the JWTs of one more issuer, or for one more audience')
    .action(async (name: string, options: OrgOptions & TrustOptions) => {
      const draft = trustOf(options)
      if (draft === undefined) throw new DomainError('invalid-value', 'Give --issuer and --audience')
      const made = await ports.withStore(async (operator) => {
        const problem = operator.trustProblem(draft)
        if (problem !== undefined) throw new DomainError('invalid-value', problem)
        const org = await getOrg(operator, options.org)
        const { id } = await getConnection(operator, org, name)
        return addTrust(operator.provisioning, operatorIn(operator, org.id), id, draft).durable
      })
      const said = `Trusts JWTs of ${printable(made.issuer)} for ${printable(made.audience)} (${made.id})`
      ports.out(options.json === true ? json(shownTrust(made)) : said)
    })
}

function removeCommand(ports: CommandPorts): Command {
  return ofConnection(new Command('remove'))
    .description('end a trust: JWTs that were accepted before are refused at once')
    .argument('<trust>', 'its id')
    .action(async (name: string, id: string, options: OrgOptions) => {
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const connection = await getConnection(operator, org, name)
        const key = { connectionId: connection.id, id }
        return removeTrust(operator.provisioning, operatorIn(operator, org.id), key).durable
      })
      ports.out(options.json === true ? json({ id, removed: true }) : `Removed trust ${printable(id)}`)
    })
}

/** A trust as JSON. */
export function shownTrust({
  id,
  issuer,
  audience,
  jwksUri,
  pins,
  longLived,
}: JwtTrust): Readonly<Record<string, unknown>> {
  return { id, issuer, audience, jwks: jwksUri ?? null, pins, longLived }
}

function asRow({ id, issuer, audience, pins }: JwtTrust): Readonly<Record<string, string>> {
  const pinned = Object.entries(pins).map(
    ([claim, value]) => `${claim}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return { id, issuer, audience, pins: pinned.join(' ') }
}
