import { randomBytes } from 'node:crypto'
import type { Caller } from '../domain/caller.ts'
import { type DomainClaim, NEVER, PROOF_EVERY_MS, type ProofSeen, proofRecord } from '../domain/domain-claim.ts'
import { isMailDomain } from '../domain/email.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { isPublicMailDomain } from '../domain/public-mail-domains.ts'
import type { RecordChange, RecordDraft } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { checkMayBeDefault, domainTeamNamed } from './domain-team.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

const MOST = 100
const CHALLENGE_BYTES = 20

/** What an admin says of a domain; what is absent stays. `team` is a name or id, null for none. */
export interface DomainPlan {
  readonly captures?: boolean | undefined
  readonly team?: string | null | undefined
}

/**
 * Claims a domain: nothing comes of it until the DNS shows the challenge. Several orgs may claim one, so that a claim
 * that is not proved keeps no true owner out.
 * @throws DomainError `forbidden`, `invalid-value` for what is no domain or a mail provider's, `uniqueness` for one claimed
 * before, `conflict` for a team that nobody may join, `too-many`
 */
export function claimDomain(
  provisioning: Provisioning,
  caller: Caller,
  { domain: said, captures = false, team }: DomainPlan & { readonly domain: string },
): Submitted<DomainClaim> {
  const { orgId } = caller
  return submitChange(provisioning, caller, intentOf('domain.claim', fold(said)), async (stores) => {
    requireOrgAdmin(caller)
    const domain = readDomain(said)
    const claims = await stores.domains.list(orgId)
    if (claims.some((each) => each.domain === domain)) throw claimedBefore(domain)
    if (claims.length >= MOST) {
      throw new DomainError('too-many', `An organisation claims at most ${MOST} domains; release one first`)
    }
    const claim: DomainClaim = {
      ...{ domain, captures, team: await teamOf(stores, caller, team), created: stores.now, next: NEVER },
      ...{ provedAt: undefined, checked: undefined, failingSince: undefined },
      challenge: randomBytes(CHALLENGE_BYTES).toString('hex'),
    }
    await stores.domains.insert(orgId, claim)
    const changes = [{ path: 'captures', new: captures }, ...(claim.team ? [{ path: 'team', new: claim.team }] : [])]
    await stores.journal.append(orgId, domainRecord(caller, 'domain.claim', claim, changes))
    return claim
  })
}

/**
 * A domain in the form it is kept in.
 * @throws DomainError `invalid-value`
 */
function readDomain(said: string): string {
  const domain = fold(said.trim()).replace(/[.]$/, '')
  if (!isMailDomain(domain)) {
    throw invalid('domain must be one such as example.com: no address, no port, an international one in its xn-- form')
  }
  if (isPublicMailDomain(domain)) {
    throw invalid(`${domain} is a mail provider's: anybody can have an address there, so it is nobody's to claim`)
  }
  return domain
}

/** What a look into the DNS showed for a challenge. */
export interface DomainLook {
  readonly challenge: string
  readonly seen: ProofSeen
}

/**
 * Proves a claim by what the DNS showed, and a failing one anew. Of two orgs that prove the same domain the first has it.
 * @throws DomainError `not-found`, `forbidden`, `conflict` where the record is not there, `uniqueness` where another org
 * has proved the domain
 */
export function proveDomain(
  provisioning: Provisioning,
  caller: Caller,
  domain: string,
  { challenge, seen }: DomainLook,
): Submitted<DomainClaim> {
  const { orgId } = caller
  return submitChange(provisioning, caller, intentOf('domain.prove', domain), async (stores) => {
    requireOrgAdmin(caller)
    const before = await getClaim(stores, orgId, domain)
    // Claimed anew while the DNS was asked: what was seen is of the claim before.
    const shown = before.challenge === challenge ? seen : 'absent'
    if (shown !== 'shown') throw notShown(before, shown)
    const after: DomainClaim = {
      ...before,
      ...{ provedAt: before.provedAt ?? stores.now, checked: stores.now, next: stores.now + PROOF_EVERY_MS },
      failingSince: undefined,
    }
    await stores.domains.update(orgId, after)
    if (before.provedAt !== undefined && before.failingSince === undefined) {
      provisioning.tally.noop(caller, 'domain.prove', domain)
      return after
    }
    const old = before.provedAt === undefined ? 'unproved' : 'failing'
    const change = { path: 'state', old, new: 'proved' }
    await stores.journal.append(orgId, domainRecord(caller, 'domain.prove', after, [change]))
    return after
  })
}

function notShown(claim: DomainClaim, seen: Exclude<ProofSeen, 'shown'>): DomainError {
  const { name, type, value } = proofRecord(claim)
  if (seen === 'unknown') {
    const sentence = `Nobody could be asked what ${name} says in the DNS; look whether ${claim.domain} is there, and try again`
    return new DomainError('conflict', sentence, { reason: 'domain.unanswered' })
  }
  const sentence = `The DNS does not show the proof yet: set a ${type} record at ${name} with the value "${value}", and try again`
  return new DomainError('conflict', sentence, { reason: 'domain.not-shown' })
}

/**
 * Says whether new people of a domain join by signing in, and which team they join as well.
 * @throws DomainError `not-found`, `forbidden`, `invalid-value`, `conflict` for a team that nobody may join
 */
export function changeDomain(
  provisioning: Provisioning,
  caller: Caller,
  domain: string,
  plan: DomainPlan,
): Submitted<Changed<DomainClaim>> {
  const { orgId } = caller
  return submitChange(provisioning, caller, intentOf('domain.update', domain), async (stores) => {
    requireOrgAdmin(caller)
    const before = await getClaim(stores, orgId, domain)
    const team = plan.team === undefined ? before.team : await teamOf(stores, caller, plan.team)
    const after: DomainClaim = { ...before, captures: plan.captures ?? before.captures, team }
    const changes: RecordChange[] = []
    if (before.captures !== after.captures) {
      changes.push({ path: 'captures', old: before.captures, new: after.captures })
    }
    if (before.team !== team) changes.push({ path: 'team', old: before.team ?? null, new: team ?? null })
    if (changes.length === 0) {
      provisioning.tally.noop(caller, 'domain.update', domain)
      return { value: before, changed: false }
    }
    await stores.domains.update(orgId, after)
    await stores.journal.append(orgId, domainRecord(caller, 'domain.update', after, changes))
    return { value: after, changed: true }
  })
}

/**
 * Lets a domain go. Whoever joined by it stays.
 * @throws DomainError `not-found`, `forbidden`
 */
export function releaseDomain(provisioning: Provisioning, caller: Caller, domain: string): Submitted<void> {
  const { orgId } = caller
  return submitChange(provisioning, caller, intentOf('domain.release', domain), async (stores) => {
    requireOrgAdmin(caller)
    const claim = await getClaim(stores, orgId, domain)
    await stores.domains.remove(orgId, claim.domain)
    await stores.journal.append(orgId, domainRecord(caller, 'domain.release', claim, []))
  })
}

async function teamOf(
  stores: WriteStores,
  { orgId }: Caller,
  said: string | null | undefined,
): Promise<GroupId | undefined> {
  if (said === null || said === undefined) return undefined
  const team = await domainTeamNamed(stores, orgId, said)
  checkMayBeDefault(team)
  return team.id
}

async function getClaim(stores: WriteStores, orgId: OrgId, domain: string): Promise<DomainClaim> {
  const claim = await stores.domains.find(orgId, fold(domain))
  if (claim === undefined) throw noSuchDomain(domain)
  return claim
}

/** The refusal for a domain that the org does not claim. */
export function noSuchDomain(domain: string): DomainError {
  return new DomainError('not-found', `The domain ${JSON.stringify(domain.slice(0, 253))} is not claimed here`)
}

/** What a record says of a domain. Names of domains are no personal values. */
export function domainRecord(
  { actor, request }: Pick<Caller, 'actor' | 'request'>,
  action: string,
  { domain }: DomainClaim,
  changes: readonly RecordChange[],
): RecordDraft {
  return {
    ...{ action, actor, request, outcome: { result: 'success' } },
    targets: [{ type: 'domain', id: domain }],
    ...(changes.length === 0 ? {} : { changes }),
  }
}

function intentOf(action: string, domain: string) {
  // What was typed may be anything; only what could be a domain is named.
  const targets = isMailDomain(domain) ? [{ type: 'domain', id: domain } as const] : []
  return { action, subject: domain, targets }
}

function claimedBefore(domain: string): DomainError {
  return new DomainError('uniqueness', `${domain} is claimed already; prove it, or release it first`, {
    reason: 'domain.claimed',
    params: { path: 'domain' },
  })
}

function invalid(sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { reason: 'domain.invalid', params: { path: 'domain' } })
}
