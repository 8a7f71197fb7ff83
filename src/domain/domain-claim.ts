import type { GroupId, OrgId } from './ids.ts'

/** A domain that an org says is its own. Times are epoch milliseconds. */
export interface DomainClaim {
  /** Folded; an international one in its `xn--` form. */
  readonly domain: string
  /** What the DNS must show. */
  readonly challenge: string
  /** Whether new people of the domain join the org by signing in. */
  readonly captures: boolean
  /** The team they join as well. */
  readonly team: GroupId | undefined
  readonly created: number
  /** When the DNS was seen to show the challenge; undefined while it was not. */
  readonly provedAt: number | undefined
  readonly checked: number | undefined
  /** When a proved one is looked at next. */
  readonly next: number
  /** Since when the DNS of a proved one says that there is no proof any more. */
  readonly failingSince: number | undefined
}

export type DomainState = 'unproved' | 'proved' | 'failing'

/** What a look into the DNS showed; `unknown` where nobody answered, which says nothing of the proof. */
export type ProofSeen = 'shown' | 'absent' | 'unknown'

const DAY_MS = 86_400_000
/** A proved domain is looked at once a day, a failing one or one that nobody answers for every hour. */
export const PROOF_EVERY_MS = DAY_MS
export const PROOF_AGAIN_MS = 3_600_000
/** For how long a proof may be missing before the domain counts as the org's no more. */
export const PROOF_GRACE_MS = 7 * DAY_MS
/** A claim that is not proved is not looked at by itself: the latest time there is (ECMA-262 §21.4.1.1). */
export const NEVER = 8_640_000_000_000_000

/** Where a claim stands. One that fails is still proved, until its grace is over. */
export function domainState({ provedAt, failingSince }: DomainClaim): DomainState {
  if (provedAt === undefined) return 'unproved'
  return failingSince === undefined ? 'proved' : 'failing'
}

/** When a failing claim lapses; undefined where it does not fail. */
export function lapsesAt({ failingSince }: DomainClaim): number | undefined {
  return failingSince === undefined ? undefined : failingSince + PROOF_GRACE_MS
}

/** The TXT record that proves a domain. */
export interface ProofRecord {
  readonly name: string
  readonly type: 'TXT'
  readonly value: string
}

/** The label is one that only whoever runs the zone can set (RFC 8552), and is no name of a host. */
export function proofRecord({ domain, challenge }: Pick<DomainClaim, 'domain' | 'challenge'>): ProofRecord {
  return { name: `_rollcall-challenge.${domain}`, type: 'TXT', value: `rollcall-domain-verification=${challenge}` }
}

/** Looks whether the DNS shows a claim's record. Never throws. */
export type LookUpProof = (claim: Pick<DomainClaim, 'domain' | 'challenge'>) => Promise<ProofSeen>

export interface DomainReads {
  /** By name. */
  list(orgId: OrgId): Promise<readonly DomainClaim[]>
  find(orgId: OrgId, domain: string): Promise<DomainClaim | undefined>
  /** The org that proved a domain (folded) to be its own. */
  ownerOf(domain: string): Promise<OrgId | undefined>
  /** Proved ones of every org that are to be looked at by `now`, at most `limit`, the longest waiting first. */
  due(now: number, limit: number): Promise<readonly (DomainClaim & { readonly orgId: OrgId })[]>
}

export interface DomainWrites {
  /** By name. */
  list(orgId: OrgId): Promise<readonly DomainClaim[]>
  find(orgId: OrgId, domain: string): Promise<DomainClaim | undefined>
  insert(orgId: OrgId, claim: DomainClaim): Promise<void>
  /** @throws DomainError `uniqueness` where another org has proved the domain */
  update(orgId: OrgId, claim: DomainClaim): Promise<void>
  remove(orgId: OrgId, domain: string): Promise<void>
  /** Domains of which a team is the default one. */
  ofTeam(orgId: OrgId, team: GroupId): Promise<readonly string[]>
}
