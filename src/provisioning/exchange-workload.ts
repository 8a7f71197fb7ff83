import type { Caller } from '../domain/caller.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RequestFacts } from '../domain/record.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import type { OnceToken } from '../domain/spent-token.ts'
import { sameIdentity, type WorkloadIdentity } from '../domain/workload.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { refusedExchange, workloadActor } from './workload-identity.ts'

/** A JWT that was verified, and the access token that is to be given for it. */
export interface WorkloadExchange {
  readonly orgId: OrgId
  readonly user: UserId
  readonly identity: WorkloadIdentity
  /** The JWT, to be used up; undefined for one without `jti`. */
  readonly token: OnceToken | undefined
  /** The access token's id. */
  readonly tokenId: string
  readonly request: RequestFacts
}

/**
 * Records that a program got an access token for its service account, and uses the JWT up that it showed.
 * @throws DomainError `forbidden` for one that was used before, and where the account, as it is now, is not active, rests
 * with its team or has not that identity
 */
export function exchangeWorkload(
  provisioning: Provisioning,
  { orgId, user, identity, token, tokenId, request }: WorkloadExchange,
): Submitted<void> {
  const caller: Caller = { orgId, actor: workloadActor(user, identity), connection: undefined, request }
  const intent = { action: 'token.exchange', subject: user, targets: [{ type: 'user', id: user }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const { workload } = (await stores.orgs.policy(orgId)).settings
    const account = await stores.services.find(orgId, user)
    const isTheirs = sameIdentity(account?.identity, identity) && workload.issuers.includes(identity.issuer)
    if (account === undefined || !isTheirs) throw refusedExchange('workload.untrusted')
    if (!(await mayAct(stores, orgId, account))) throw refusedExchange('workload.resting')
    const once = workload.reusableTokens ? undefined : token
    if (once !== undefined && !(await stores.spentTokens.spend(orgId, once, stores.now))) {
      throw refusedExchange('workload.spent')
    }
    await stores.journal.append(orgId, {
      ...{ action: 'token.exchange', actor: caller.actor, request, outcome: { result: 'success' } },
      targets: [
        { type: 'user', id: user },
        { type: 'token', id: tokenId },
      ],
    })
  })
}

/** An account of a team rests with it. */
async function mayAct(
  stores: WriteStores,
  orgId: OrgId,
  { user, scope, defaultTeam }: ServiceAccount,
): Promise<boolean> {
  const home = scope === 'team' ? await stores.teams.find(orgId, defaultTeam) : undefined
  return (await stores.users.find(orgId, user))?.status === 'active' && home?.archivedAt === undefined
}
