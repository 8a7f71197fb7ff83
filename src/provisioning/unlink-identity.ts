import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { endSessions } from './sessions.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'

/**
 * Ends that a subject at an issuer is a person, and the person's sessions with it. Whoever that subject is may be linked
 * anew at their next sign-in, as any other.
 * @param key as `Identity.key`
 * @throws DomainError `not-found`, `forbidden`
 */
export function unlinkIdentity(provisioning: Provisioning, caller: Caller, id: UserId, key: string): Submitted<void> {
  const { orgId, actor, request } = caller
  const intent = { action: 'sso.unlink', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const user = await stores.users.find(orgId, id)
    if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
    const identity = (await stores.identities.list(orgId, id)).find((each) => each.key === key)
    if (identity === undefined) throw new DomainError('not-found', 'This person has no such identity')
    await stores.identities.unlink(orgId, id, key)
    const ended = await endSessions(stores, orgId, id)
    const { issuer, way, providerId } = identity
    await stores.journal.append(orgId, {
      ...{ action: 'sso.unlink', actor, request, outcome: { result: 'success' } },
      targets: [userTarget(user), { type: 'provider', id: providerId }, ...ended.targets],
      changes: [{ path: 'identities', old: { issuer, way } }],
      steps: ended.steps,
    })
  })
}
