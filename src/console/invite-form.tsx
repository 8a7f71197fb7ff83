import type { VNode } from 'preact'
import { ORG_ROLES, type OrgRole } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import type { InviteId } from '../domain/ids.ts'
import { SEAT_TYPES, type SeatType } from '../domain/seat.ts'
import type { InviteSecret } from '../provisioning/invite-mail.ts'
import { type Invited, invitePerson } from '../provisioning/invite-person.ts'
import { OrgPage, orgReader, type Said } from './org-page.tsx'
import { Choice, Field, Form } from './page.tsx'
import { ownCaller, type PageRequest } from './page-route.ts'
import { render } from './render.tsx'

const DAYS = ['1', '3', '7', '14', '30', '90'] as const

/** Shows the form by which somebody is invited, with what was typed before. */
export async function showForm(page: PageRequest, status: number, said: Said | undefined): Promise<void> {
  const { caller, mayChange } = orgReader(page)
  if (!mayChange) throw new DomainError('forbidden', 'Only an organisation admin may invite people here; ask one')
  const { defaultSeats } = await page.ports.reads.orgs.policy(caller.orgId)
  const products = [...defaultSeats.keys()]
  render(
    page.res,
    status,
    <OrgPage title="Invite somebody" at="/org/invites" said={said}>
      <InviteForm form={page.form} products={products} />
    </OrgPage>,
  )
}

function InviteForm({ form, products }: { readonly form: PageRequest['form']; readonly products: readonly string[] }) {
  return (
    <Form action="/org/invites/new">
      <Field name="email" label="E-mail address" type="email" autocomplete="off" value={form['email']} />
      <Field name="displayName" label="Name" required={false} autocomplete="off" value={form['displayName']} />
      <Choice
        name="orgRole"
        label="Role in the organisation"
        options={[['', 'as everybody gets it'], ...ORG_ROLES.map((role) => [role, role] as const)]}
        value={form['orgRole']}
      />
      {products.map((product) => (
        <SeatChoice key={product} product={product} value={form[seatField(product)]} />
      ))}
      <Field
        name="team"
        label="Team"
        required={false}
        value={form['team']}
        hint="By its name; none need be given. Invite into one and add further teams later"
      />
      <Field
        name="teamRole"
        label="Role in the team"
        required={false}
        value={form['teamRole']}
        hint="admin, member, viewer or one of your own; the team’s default where it is empty"
      />
      <Choice
        name="days"
        label="For how long the link works"
        options={DAYS.map((days) => [days, days === '1' ? '1 day' : `${days} days`] as const)}
        value={form['days'] ?? '7'}
      />
      <button>Invite</button>
    </Form>
  )
}

function SeatChoice({ product, value }: { readonly product: string; readonly value: string | undefined }): VNode {
  const options = [['', 'as rules and defaults say'] as const, ...SEAT_TYPES.map((type) => [type, type] as const)]
  return <Choice name={seatField(product)} label={`Seat of ${product}`} options={options} value={value} />
}

function seatField(product: string): string {
  return `seat-${product}`
}

/** An invitation as it was typed. */
export interface TypedInvite {
  readonly days: number
  /** @throws DomainError as the use case of the same name */
  readonly invitePerson: (id: InviteId, secret: InviteSecret) => Promise<Invited>
}

/** Reads the form. */
export function inviteForm(page: PageRequest): TypedInvite {
  const { form, ports } = page
  const typed = (name: string): string | undefined => {
    const text = form[name]?.trim() ?? ''
    return text === '' ? undefined : text
  }
  const orgRole = typed('orgRole')
  const team = typed('team')
  const role = typed('teamRole')
  return {
    days: DAYS.find((days) => days === form['days']) === undefined ? 7 : Number(form['days']),
    async invitePerson(id, secret) {
      if (orgRole !== undefined && !isOrgRole(orgRole)) throw new DomainError('invalid-value', 'There is no such role')
      if (team === undefined && role !== undefined) {
        throw new DomainError('invalid-value', 'A role in a team was chosen, and no team: name the team as well')
      }
      const seats = Object.keys(form).flatMap((name) => {
        const type = name.startsWith('seat-') ? typed(name) : undefined
        return type === undefined ? [] : [[name.slice('seat-'.length), seatType(type)] as const]
      })
      return invitePerson(ports.provisioning, ownCaller(page), {
        ...{ id, secret, email: typed('email') ?? '', displayName: typed('displayName'), orgRole },
        ...(seats.length === 0 ? {} : { seats: Object.fromEntries(seats) }),
        ...(team === undefined ? {} : { teams: [{ team, role }] }),
      })
    },
  }
}

/** @throws DomainError `invalid-value` */
function seatType(text: string): SeatType {
  const found = SEAT_TYPES.find((type) => type === text)
  if (found === undefined) throw new DomainError('invalid-value', 'There is no such type of seat')
  return found
}

function isOrgRole(text: string): text is OrgRole {
  return (ORG_ROLES as readonly string[]).includes(text)
}
