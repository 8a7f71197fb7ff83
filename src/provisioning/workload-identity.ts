import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { WorkloadIdentity } from '../domain/workload.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** An identity as it is asked for: the issuer may be left out where the org has one alone. */
export interface AskedIdentity {
  readonly issuer?: string | undefined
  readonly subject: string
}

const MAX_SUBJECT = 512
/** Printable ASCII and spaces, none of them at an end: what indexes of every store hold. */
const SUBJECT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/**
 * The identity that a service account is to have.
 * @throws DomainError `invalid-value` for an issuer that the org does not trust, `uniqueness` for one that another
 * account of the org has
 */
export async function checkedIdentity(
  stores: WriteStores,
  orgId: OrgId,
  asked: AskedIdentity,
  account: UserId | undefined,
): Promise<WorkloadIdentity> {
  const identity = { issuer: await trustedIssuer(stores, orgId, asked.issuer), subject: asked.subject }
  if (asked.subject.length > MAX_SUBJECT || !SUBJECT.test(asked.subject)) {
    throw invalid('subject', `it is 1 to ${MAX_SUBJECT} printable ASCII characters, exactly as in the sub of the JWTs`)
  }
  const holder = await stores.services.withIdentity(orgId, identity)
  if (holder === undefined || holder === account) return identity
  throw new DomainError('uniqueness', 'Another service account of the organisation has this identity already', {
    params: { path: 'identity', holder },
  })
}

async function trustedIssuer(stores: WriteStores, orgId: OrgId, said: string | undefined): Promise<string> {
  const { issuers } = (await stores.orgs.policy(orgId)).settings.workload
  const [only, ...others] = issuers
  if (only === undefined) {
    throw invalid('issuer', 'the organisation trusts no issuer of programs yet; an admin names it in workload.issuers')
  }
  if (said === undefined && others.length > 0) throw invalid('issuer', `it is one of ${issuers.join(', ')}`)
  const issuer = said ?? only
  if (issuers.includes(issuer)) return issuer
  throw invalid('issuer', `the organisation trusts ${issuers.join(', ')}; an admin changes that in workload.issuers`)
}

/**
 * Refuses who may not be given a token although a JWT names them.
 * @throws DomainError `forbidden`
 */
export function refusedExchange(reason: 'workload.spent' | 'workload.resting' | 'workload.untrusted'): DomainError {
  return new DomainError('forbidden', 'This JWT is exchanged for no access token', { reason })
}

/** The account itself, as records name who shows a JWT. */
export function workloadActor(user: UserId, { issuer }: WorkloadIdentity): Caller['actor'] {
  return { type: 'serviceAccount', id: user, issuer }
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `identity.${path}: ${sentence}`, { params: { path: `identity.${path}` } })
}
