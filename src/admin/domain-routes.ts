import { z } from 'zod'
import { type DomainClaim, domainState, lapsesAt, proofRecord } from '../domain/domain-claim.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId } from '../domain/ids.ts'
import { changeDomain, claimDomain, noSuchDomain, proveDomain, releaseDomain } from '../provisioning/claim-domain.ts'
import { joinableTeams, joinByDomain } from '../provisioning/domain-team.ts'
import { maybeTime, type Route, route, shownTime, textOf, time } from './route.ts'

const domain = z.object({
  domain: z.string(),
  state: z.enum(['unproved', 'proved', 'failing']),
  record: z
    .object({ name: z.string(), type: z.literal('TXT'), value: z.string() })
    .meta({ description: 'What the DNS must show, now and for as long as the domain is to count' }),
  captures: z.boolean().meta({ description: 'Whether new people of the domain join by signing in' }),
  team: z.uuid().nullable().meta({ description: 'The team that they join as well' }),
  ...{ created: time, proved: time.nullable() },
  checked: time.nullable().meta({ description: 'When the DNS last answered' }),
  lapses: time.nullable().meta({ description: 'When a failing domain counts as yours no more' }),
})

const plan = {
  captures: z.boolean().optional(),
  team: textOf(256).nullish().meta({ description: 'A joinable team, by name or id; null for none' }),
}

const openTeam = z.object({ id: z.uuid(), name: z.string(), defaultRole: z.string(), memberCount: z.int() })

/** Domains of the org, and teams that people of them join by themselves. */
export const domainRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/domains', tag: 'Domains', summary: 'List the domains that are claimed', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(domain) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.domains.list(orgId)).map(shownDomain) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/domains', tag: 'Domains', who: 'orgAdmin' },
    summary: 'Claim a domain: the answer says which TXT record proves it',
    body: z.strictObject({ domain: textOf(253), ...plan }).meta({ examples: [{ domain: 'people.example' }] }),
    answer: { status: 201, schema: domain },
    async handle({ provisioning, caller, body }) {
      const claim = await claimDomain(provisioning, caller, body).durable
      return { body: shownDomain(claim), headers: { Location: `/api/v1/domains/${claim.domain}` } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/domains/{domain}', texts: ['domain'], tag: 'Domains', who: 'reader' },
    summary: 'Show a domain',
    answer: { status: 200, schema: domain },
    async handle({ ports, orgId, params }) {
      const claim = await ports.reads.domains.find(orgId, fold(params.domain))
      if (claim === undefined) throw noSuchDomain(params.domain)
      return { body: shownDomain(claim) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/domains/{domain}/prove', texts: ['domain'], tag: 'Domains', who: 'orgAdmin' },
    summary: 'Look for the TXT record now, and prove the domain by it',
    isDangerous: true,
    body: z.strictObject({}).meta({ examples: [{}] }),
    answer: { status: 200, schema: domain },
    async handle({ ports, provisioning, caller, orgId, params }) {
      const claim = await ports.reads.domains.find(orgId, fold(params.domain))
      if (claim === undefined) throw noSuchDomain(params.domain)
      const look = { challenge: claim.challenge, seen: await ports.lookUpProof(claim) }
      return { body: shownDomain(await proveDomain(provisioning, caller, claim.domain, look).durable) }
    },
  }),
  route({
    ...{ method: 'PATCH', path: '/domains/{domain}', texts: ['domain'], tag: 'Domains', who: 'orgAdmin' },
    summary: 'Say whether new people of a domain join by signing in, and which team',
    isDangerous: true,
    body: z.strictObject(plan).meta({ examples: [{ captures: true }] }),
    answer: { status: 200, schema: domain },
    async handle({ provisioning, caller, params, body }) {
      const { value } = await changeDomain(provisioning, caller, params.domain, body).durable
      return { body: shownDomain(value) }
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/domains/{domain}', texts: ['domain'], tag: 'Domains', who: 'orgAdmin' },
    summary: 'Let a domain go; whoever joined by it stays',
    isDangerous: true,
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await releaseDomain(provisioning, caller, params.domain).durable
      return {}
    },
  }),
  route({
    ...{ method: 'GET', path: '/joinable-teams', tag: 'Domains', who: 'anybody' },
    summary: 'List teams that you may join by the domain of your address, and are not in',
    answer: { status: 200, schema: z.object({ items: z.array(openTeam) }) },
    async handle({ ports, orgId, account }) {
      if (account.user === undefined || account.isService) return { body: { items: [] } }
      const teams = await joinableTeams(ports.reads, orgId, account.user)
      const items = teams.map(({ id, name, defaultRole, memberCount }) => ({ id, name, defaultRole, memberCount }))
      return { body: { items } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/teams/{team}/join', tag: 'Domains', who: 'anybody' },
    summary: 'Join a team that is open to people of your domain',
    body: z.strictObject({}).meta({ examples: [{}] }),
    answer: { status: 200, schema: z.object({ team: z.uuid(), joined: z.boolean() }) },
    async handle({ provisioning, caller, params }) {
      const { team, joined } = await joinByDomain(provisioning, caller, params.team as GroupId).durable
      return { body: { team: team.id, joined } }
    },
  }),
]

function shownDomain(claim: DomainClaim): z.input<typeof domain> {
  const { captures, team, created, provedAt, checked } = claim
  return {
    ...{ domain: claim.domain, state: domainState(claim), record: proofRecord(claim), captures, team: team ?? null },
    ...{ created: shownTime(created), proved: maybeTime(provedAt), checked: maybeTime(checked) },
    lapses: maybeTime(lapsesAt(claim)),
  }
}
