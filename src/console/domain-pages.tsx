import type { DomainClaim } from '../domain/domain-claim.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { type GroupId, isId } from '../domain/ids.ts'
import type { Team } from '../domain/team.ts'
import { requireOrgAdmin } from '../provisioning/caller-right.ts'
import { changeTeam } from '../provisioning/change-team.ts'
import { changeDomain, claimDomain, noSuchDomain, proveDomain, releaseDomain } from '../provisioning/claim-domain.ts'
import { DomainPage, DomainsPage } from './domain-page.tsx'
import { doOnPage, orgReader, type Said, saidOf, type ShowAgain, tryOnPage } from './org-page.tsx'
import { ownCaller, type PageRequest, type PageRoute, type Topic } from './page-route.ts'
import { redirect, render } from './render.tsx'

const HERE = '/org/domains'
const MOST_TEAMS = 200

const changing = (path: string, handle: PageRoute['handle']): PageRoute => ({
  ...{ method: 'POST', path, who: 'fresh', handle },
  back: (form) => addressOf(form['domain'] ?? ''),
})

/** Domains that an organisation proves to be its own, and teams that their people may join. */
export const domainTopic: Topic = {
  routes: [
    { method: 'GET', path: HERE, who: 'signedIn', handle: (page) => showDomains(page, 200, saidOf(page, DONE)) },
    { method: 'POST', path: HERE, who: 'signedIn', back: HERE, handle: claim },
    { method: 'POST', path: `${HERE}/teams`, who: 'signedIn', back: HERE, handle: openTeam },
    changing(`${HERE}/prove`, prove),
    changing(`${HERE}/plan`, plan),
    changing(`${HERE}/release`, release),
    { method: 'GET', path: `${HERE}/:domain`, who: 'signedIn', handle: showOne },
  ],
}

const DONE = {
  claimed: 'The domain is claimed. Set the record below, and then look for it.',
  proved: 'The domain is proved.',
  planned: 'Saved.',
  released: 'The domain is let go. Whoever joined by it stays.',
  opened: 'People of your domains may join the team by themselves now.',
  closed: 'People join the team by themselves no more. Whoever is in it stays.',
}

function addressOf(domain: string): string {
  return domain === '' ? HERE : `${HERE}/${encodeURIComponent(domain)}`
}

async function showDomains(page: PageRequest, status: number, said: Said | undefined): Promise<void> {
  const { caller, mayChange } = orgReader(page)
  const { reads } = page.ports
  const domains = await reads.domains.list(caller.orgId)
  const teams = await joinable(page)
  const ofDomains = await teamsOf(page, domains, teams)
  const shown = { domains, teams, ofDomains, mayChange, form: page.form }
  render(page.res, status, <DomainsPage {...shown} said={said} />)
}

/** The names of default teams, also of such as may no longer be joined. */
async function teamsOf(
  { ports: { reads }, session }: PageRequest,
  domains: readonly DomainClaim[],
  known: readonly Team[],
): Promise<ReadonlyMap<GroupId, string>> {
  const names = new Map(known.map(({ id, name }) => [id, name]))
  for (const { team } of domains) {
    if (team === undefined || names.has(team)) continue
    const found = await reads.teams.find(session!.orgId, team)
    names.set(team, found?.name ?? 'a team that is gone')
  }
  return names
}

async function joinable({ ports: { reads }, session }: PageRequest): Promise<readonly Team[]> {
  return reads.teams.page(session!.orgId, { joinable: true, state: 'active', limit: MOST_TEAMS })
}

async function showOne(page: PageRequest): Promise<void> {
  await showDomain(page, String(page.req.params['domain']), { status: 200, said: saidOf(page, DONE) })
}

async function showDomain(
  page: PageRequest,
  named: string,
  { status, said }: { readonly status: number; readonly said: Said | undefined },
): Promise<void> {
  const { mayChange } = orgReader(page)
  const found = await getClaim(page, named)
  const teams = await joinable(page)
  const names = await teamsOf(page, [found], teams)
  render(page.res, status, <DomainPage {...{ claim: found, teams, names, mayChange, said }} />)
}

async function getClaim({ ports: { reads }, session }: PageRequest, named: string): Promise<DomainClaim> {
  const found = await reads.domains.find(session!.orgId, fold(named))
  if (found === undefined) throw noSuchDomain(named)
  return found
}

async function claim(page: PageRequest): Promise<void> {
  const again: ShowAgain = (status, said) => showDomains(page, status, said)
  const domain = page.form['domain'] ?? ''
  const { provisioning } = page.ports
  const made = await tryOnPage(page, again, () => claimDomain(provisioning, ownCaller(page), { domain }).durable)
  if (made !== undefined) redirect(page.res, `${addressOf(made.value.domain)}?done=claimed`)
}

/** Does something to the domain that the form names, and shows its page. */
async function doToDomain(
  page: PageRequest,
  done: keyof typeof DONE,
  work: (domain: string) => Promise<unknown>,
): Promise<void> {
  const domain = page.form['domain'] ?? ''
  const again: ShowAgain = (status, said) => showDomain(page, domain, { status, said })
  const to = done === 'released' ? HERE : addressOf(domain)
  await doOnPage(page, { to, done, again }, () => work(domain))
}

async function prove(page: PageRequest): Promise<void> {
  const { lookUpProof, provisioning } = page.ports
  await doToDomain(page, 'proved', async (named) => {
    orgReader(page)
    const found = await getClaim(page, named)
    const look = { challenge: found.challenge, seen: await lookUpProof(found) }
    await proveDomain(provisioning, ownCaller(page), found.domain, look).durable
  })
}

async function plan(page: PageRequest): Promise<void> {
  const { form, ports } = page
  const team = form['team'] ?? ''
  const wish = { captures: form['captures'] === 'on', team: team === '' ? null : team }
  await doToDomain(page, 'planned', (domain) => changeDomain(ports.provisioning, ownCaller(page), domain, wish).durable)
}

async function release(page: PageRequest): Promise<void> {
  const { provisioning } = page.ports
  await doToDomain(page, 'released', (domain) => releaseDomain(provisioning, ownCaller(page), domain).durable)
}

/** A team by its name opens; one by its id, of the list, closes. */
async function openTeam(page: PageRequest): Promise<void> {
  const { form, ports } = page
  const again: ShowAgain = (status, said) => showDomains(page, status, said)
  const id = form['close'] ?? ''
  const done = id === '' ? 'opened' : 'closed'
  await doOnPage(page, { to: HERE, done, again }, async () => {
    const caller = ownCaller(page)
    requireOrgAdmin(caller)
    const named = form['team']?.trim() ?? ''
    const team =
      id === '' ? (await ports.reads.teams.named(caller.orgId, named))?.id : isId(id) ? (id as GroupId) : undefined
    if (team === undefined) throw new DomainError('not-found', `There is no team ${JSON.stringify(named.slice(0, 80))}`)
    await changeTeam(ports.provisioning, caller, team, { plan: { joinable: done === 'opened' } }).durable
  })
}
