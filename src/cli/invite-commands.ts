import { Command, InvalidArgumentError, Option } from 'commander'
import { ORG_ROLES, type OrgRole } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import { type InviteId, isId, newId, type OrgId } from '../domain/ids.ts'
import { resendInvite, revokeInvite } from '../provisioning/change-invite.ts'
import { invitePath, type InviteSecret } from '../provisioning/invite-mail.ts'
import { type Invited, invitePerson } from '../provisioning/invite-person.ts'
import { shownInvite } from '../provisioning/shown-invite.ts'
import { getOrg } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const DAY_MS = 86_400_000
const MOST = 1_000

interface OrgOptions {
  readonly org: string
  readonly json?: true
}

interface InviteOptions extends OrgOptions {
  readonly userName?: string
  readonly name?: string
  readonly role?: OrgRole
  readonly seat: readonly (readonly [product: string, type: string])[]
  readonly team: readonly string[]
  readonly days: number
}

/** `rollcall invite create`, `list`, `resend`, `revoke`. */
export function inviteCommand(ports: CommandPorts): Command {
  const invite = new Command('invite').description('invitations: people who are pending until they arrive')
  invite.addCommand(createCommand(ports))
  invite.addCommand(listCommand(ports))
  invite.addCommand(resendCommand(ports))
  invite.addCommand(revokeCommand(ports))
  return invite
}

function ofOrg(command: Command): Command {
  return command.option('--org <org>', 'organisation, by id or name', 'default').option('--json', 'answer in JSON')
}

function forDays(): Option {
  return new Option('--days <days>', 'for how long the link works').default(7).argParser((text) => {
    const days = Number(text)
    if (Number.isInteger(days) && days >= 1 && days <= 90) return days
    throw new InvalidArgumentError('A whole number from 1 to 90 is wanted.')
  })
}

function createCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('create'))
    .description('invite somebody by mail; where no mail is sent, the link is shown once')
    .argument('<email>', 'their address')
    .option('--user-name <name>', 'their userName (default: the address)')
    .option('--name <name>', 'what they are called')
    .addOption(new Option('--role <role>', 'role in the organisation').choices(ORG_ROLES))
    .option('--seat <product=type>', 'a seat, such as models=full; several times', collectSeat, [])
    .option('--team <team>', 'a team they join; several times', collect, [])
    .addOption(forDays())
    .action(async (email: string, options: InviteOptions) => {
      const answer = await ports.withStore(async (operator) => {
        const { id: orgId } = await getOrg(operator, options.org)
        const id = newId<InviteId>(Date.now())
        const secret = secretOf(operator, id, options.days)
        const invited = await invitePerson(
          operator.provisioning,
          { orgId, connection: undefined, ...operator.operation() },
          {
            ...{ id, email, secret, userName: options.userName, displayName: options.name, orgRole: options.role },
            seats: Object.fromEntries(options.seat),
            teams: options.team.map((team) => ({ team })),
          },
        )
        return { invited, secret }
      })
      ports.out(answered(ports, answer, options))
    })
}

function listCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('list'))
    .description('list the newest invitations')
    .action(async (options: OrgOptions) => {
      const invites = await ports.withStore(async (operator) => {
        const { id } = await getOrg(operator, options.org)
        return operator.reads.invites.list(id, MOST)
      })
      const shown = invites.map((one) => shownInvite(one, Date.now()))
      if (options.json === true) {
        ports.out(json(shown.map((one) => ({ ...one, ...timesOf(one) }))))
        return
      }
      const rows = shown.map(({ id, email, state, sent, expires }) => ({
        ...{ id, email: email ?? '', state, sent: time(sent), expires: time(expires) },
      }))
      ports.out(table(rows, 'No invitations yet'))
    })
}

function resendCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('resend'))
    .description('send an invitation again; the link before works no more')
    .argument('<invitation>', 'its id')
    .addOption(forDays())
    .action(async (id: string, options: OrgOptions & { readonly days: number }) => {
      const answer = await ports.withStore(async (operator) => {
        const { id: orgId } = await getOrg(operator, options.org)
        const secret = secretOf(operator, inviteId(id), options.days)
        const caller = callerIn(operator, orgId)
        return { invited: await resendInvite(operator.provisioning, caller, inviteId(id), secret).durable, secret }
      })
      ports.out(answered(ports, answer, options))
    })
}

function revokeCommand(ports: CommandPorts): Command {
  return ofOrg(new Command('revoke'))
    .description('take an invitation back; the pending person and their seat go with it')
    .argument('<invitation>', 'its id')
    .action(async (id: string, options: OrgOptions) => {
      await ports.withStore(async (operator) => {
        const { id: orgId } = await getOrg(operator, options.org)
        await revokeInvite(operator.provisioning, callerIn(operator, orgId), inviteId(id)).durable
      })
      ports.out(options.json === true ? json({ id, state: 'revoked' }) : `Took back the invitation ${id}`)
    })
}

function callerIn(operator: Operator, orgId: OrgId) {
  return { orgId, connection: undefined, ...operator.operation() }
}

function inviteId(text: string): InviteId {
  if (isId(text)) return text as InviteId
  throw new DomainError('not-found', `${JSON.stringify(text)} is no id of an invitation; see: rollcall invite list`)
}

function secretOf(operator: Operator, id: InviteId, days: number): InviteSecret {
  return { ...operator.mintToken(id), expires: operator.operation().request.receivedAt + days * DAY_MS }
}

interface Answer {
  readonly invited: Invited
  readonly secret: InviteSecret
}

function answered(ports: CommandPorts, { invited, secret }: Answer, options: OrgOptions): string {
  const { invite, user, mailed } = invited
  const link = mailed ? undefined : ports.publicUrl() + invitePath(secret.text)
  const shown = shownInvite({ ...invite, status: user.status, attributes: user.attributes }, Date.now())
  if (options.json === true) return json({ ...shown, ...timesOf(shown), mailed, link: link ?? null })
  const whom = printable(shown.email ?? shown.userName)
  if (link === undefined) return `Invited ${whom} (${invite.id}); the mail goes out from the server`
  return `Invited ${whom} (${invite.id}). No mail server is configured; hand this link on, it is shown this once:\n${link}`
}

function timesOf({ created, sent, expires }: { created: number; sent: number; expires: number }) {
  return { created: time(created), sent: time(sent), expires: time(expires) }
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text]
}

function collectSeat(text: string, before: InviteOptions['seat']): InviteOptions['seat'] {
  const [product = '', type = '', ...rest] = text.split('=')
  if (product !== '' && type !== '' && rest.length === 0) return [...before, [product, type]]
  throw new InvalidArgumentError('A product and a type are wanted, such as models=full.')
}
