import type { VNode } from 'preact'
import { type DomainClaim, type DomainState, domainState, lapsesAt, proofRecord } from '../domain/domain-claim.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Team } from '../domain/team.ts'
import { OrgPage, type Said } from './org-page.tsx'
import { Act, Check, Choice, Field, Form, Hidden, Link, shownTime, Table, Time } from './page.tsx'
import type { PageRequest } from './page-route.ts'

const HERE = '/org/domains'

const STATES: Readonly<Record<DomainState, string>> = {
  unproved: 'not proved yet',
  proved: 'proved',
  failing: 'proved, but its record is gone',
}

interface DomainsProps {
  readonly domains: readonly DomainClaim[]
  /** Those that people may join by themselves. */
  readonly teams: readonly Team[]
  readonly ofDomains: ReadonlyMap<GroupId, string>
  readonly mayChange: boolean
  readonly form: PageRequest['form']
  readonly said: Said | undefined
}

/** All domains of an organisation, and the teams that people of them may join. */
export function DomainsPage({ domains, teams, ofDomains, mayChange, form, said }: DomainsProps): VNode {
  return (
    <OrgPage title="Domains" at={HERE} said={said}>
      <p>
        A domain that is proved to be yours lets people with an address of it sign in as themselves, join by signing in
        where you say so, and join teams that you open to them.
      </p>
      {domains.length === 0 ? <p>No domain is claimed yet.</p> : <DomainTable domains={domains} teams={ofDomains} />}
      {mayChange ? (
        <Form action={HERE}>
          <Field
            name="domain"
            label="Claim a domain"
            value={form['domain']}
            autocomplete="off"
            hint="Such as example.com"
          />
          <button>Claim it</button>
        </Form>
      ) : null}
      <h2>Teams that people of your domains may join by themselves</h2>
      {teams.length === 0 ? <p>There are none.</p> : <TeamTable teams={teams} mayChange={mayChange} />}
      {mayChange ? (
        <Form action={`${HERE}/teams`}>
          <Field name="team" label="Open a team to them" value={form['team']} autocomplete="off" hint="By its name" />
          <button>Open it</button>
        </Form>
      ) : null}
    </OrgPage>
  )
}

function DomainTable({
  domains,
  teams,
}: {
  readonly domains: readonly DomainClaim[]
  readonly teams: DomainsProps['ofDomains']
}) {
  return (
    <Table label="Domains" columns={['Domain', 'State', 'New people join', 'With the team']}>
      {domains.map((claim) => (
        <tr key={claim.domain}>
          <td>
            <Link to={`${HERE}/${encodeURIComponent(claim.domain)}`}>{claim.domain}</Link>
          </td>
          <td>{STATES[domainState(claim)]}</td>
          <td>{claim.captures ? 'yes' : 'no'}</td>
          <td>{claim.team === undefined ? '' : teams.get(claim.team)}</td>
        </tr>
      ))}
    </Table>
  )
}

function TeamTable({ teams, mayChange }: { readonly teams: readonly Team[]; readonly mayChange: boolean }): VNode {
  return (
    <Table label="Teams that may be joined" columns={['Team', 'Members', ...(mayChange ? ['Close it'] : [])]}>
      {teams.map(({ id, name, memberCount }) => (
        <tr key={id}>
          <td>{name}</td>
          <td>{memberCount}</td>
          {mayChange ? (
            <td>
              <Act action={`${HERE}/teams`} fields={{ close: id }} label="Close" of={name} danger />
            </td>
          ) : null}
        </tr>
      ))}
    </Table>
  )
}

interface DomainProps {
  readonly claim: DomainClaim
  readonly teams: readonly Team[]
  readonly names: ReadonlyMap<GroupId, string>
  readonly mayChange: boolean
  readonly said: Said | undefined
}

/** One domain: what proves it, what comes of it, and how to let it go. */
export function DomainPage({ claim, teams, names, mayChange, said }: DomainProps): VNode {
  const { domain } = claim
  return (
    <OrgPage title={domain} at={HERE} said={said}>
      <Proof claim={claim} mayChange={mayChange} />
      <h2>New people with an address of it</h2>
      {mayChange ? <Plan claim={claim} teams={teams} names={names} /> : <PlanInWords claim={claim} names={names} />}
      {mayChange ? (
        <details>
          <summary>Let the domain go</summary>
          <p>
            New people of it join no more, and an address of it links no account. Whoever joined by it stays. To have it
            back it must be proved anew, with another record.
          </p>
          <Act action={`${HERE}/release`} fields={{ domain }} label="Let it go" of={domain} danger />
        </details>
      ) : null}
    </OrgPage>
  )
}

function Proof({ claim, mayChange }: Pick<DomainProps, 'claim' | 'mayChange'>): VNode {
  const { domain, checked } = claim
  const { name, type, value } = proofRecord(claim)
  const lapses = lapsesAt(claim)
  return (
    <>
      <p>
        <strong>{STATES[domainState(claim)]}</strong>
        {checked === undefined ? null : `, looked at ${shownTime(checked)}`}
      </p>
      {lapses === undefined ? null : (
        <p>
          Unless the record is back by <Time at={lapses} />, the domain counts as yours no more.
        </p>
      )}
      <h2>The record that proves it</h2>
      <p>Set it with whoever runs the DNS of the domain, and keep it: it is looked at every day.</p>
      <dl>
        <dt>Name</dt>
        <dd>
          <code class="copy">{name}</code>
        </dd>
        <dt>Type</dt>
        <dd>
          <code class="copy">{type}</code>
        </dd>
        <dt>Value</dt>
        <dd>
          <code class="copy">{value}</code>
        </dd>
      </dl>
      {mayChange ? <Act action={`${HERE}/prove`} fields={{ domain }} label="Look for the record now" /> : null}
    </>
  )
}

function Plan({ claim, teams, names }: Pick<DomainProps, 'claim' | 'teams' | 'names'>): VNode {
  const { domain, captures, team } = claim
  const open = teams.map(({ id, name }) => [id, name] as const)
  // One that may no longer be joined stays what it is until another is chosen.
  const kept = team === undefined || open.some(([id]) => id === team) ? [] : [[team, names.get(team) ?? ''] as const]
  return (
    <Form action={`${HERE}/plan`}>
      <Hidden name="domain" value={domain} />
      <Check
        name="captures"
        label="They join the organisation by signing in"
        checked={captures}
        hint="Only once the domain is proved, and only where signing in makes people at all"
      />
      <Choice
        name="team"
        label="The team they join as well"
        options={[['', 'none'], ...kept, ...open]}
        value={team ?? ''}
        hint="Of the teams that people of your domains may join"
      />
      <button>Save</button>
    </Form>
  )
}

function PlanInWords({ claim: { captures, team }, names }: Pick<DomainProps, 'claim' | 'names'>): VNode {
  const also = team === undefined ? '' : `, and the team "${names.get(team) ?? ''}"`
  return <p>{captures ? `They join the organisation by signing in${also}.` : 'They do not join by signing in.'}</p>
}
