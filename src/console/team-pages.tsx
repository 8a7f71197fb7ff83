import type { VNode } from 'preact'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, isId } from '../domain/ids.ts'
import type { Team } from '../domain/team.ts'
import { joinableTeams, joinByDomain } from '../provisioning/domain-team.ts'
import { Form, Hidden, Link, Notice, Page, Table } from './page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

/** Teams that somebody may join by the domain of their address. */
export const teamTopic: Topic = {
  routes: [
    { method: 'GET', path: '/account/teams', who: 'signedIn', handle: showTeams },
    { method: 'POST', path: '/account/teams/join', who: 'signedIn', handle: join },
  ],
}

async function showTeams({ res, session, query, ports }: PageRequest): Promise<void> {
  const { orgId, user } = session!
  const teams = await joinableTeams(ports.reads, orgId, user)
  render(res, 200, <TeamsPage teams={teams} joined={query['joined'] !== undefined} />)
}

async function join(page: PageRequest): Promise<void> {
  const id = page.form['team'] ?? ''
  if (!isId(id)) throw new DomainError('not-found', 'There is no such team; go back to the list of teams')
  await joinByDomain(page.ports.provisioning, ownCaller(page), id as GroupId).durable
  redirect(page.res, '/account/teams?joined=1')
}

function TeamsPage({ teams, joined }: { readonly teams: readonly Team[]; readonly joined: boolean }): VNode {
  return (
    <Page title="Teams you may join">
      {joined ? <Notice kind="done">You are in the team now.</Notice> : null}
      {teams.length > 0 ? null : <p>There is no team that you may join by yourself, or you are in all of them.</p>}
      {teams.length === 0 ? null : (
        <Table label="Teams" columns={['Team', 'Members', 'Join it']}>
          {teams.map((team) => (
            <TeamRow key={team.id} team={team} />
          ))}
        </Table>
      )}
      <Link to="/account">Back to your account</Link>
    </Page>
  )
}

function TeamRow({ team: { id, name, memberCount } }: { readonly team: Team }): VNode {
  return (
    <tr>
      <td>{name}</td>
      <td>{memberCount}</td>
      <td>
        <Form action="/account/teams/join">
          <Hidden name="team" value={id} />
          <button aria-label={`Join ${name}`}>Join</button>
        </Form>
      </td>
    </tr>
  )
}
