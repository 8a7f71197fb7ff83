import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'

/**
 * What an org admin says of a person beside the org role; neither a rule nor a connection ever does. A break-glass
 * account signs in by password where single sign-on is asked of everybody, and no connection may touch it.
 */
export type PersonFlag = 'billing_admin' | 'auditor' | 'break_glass'

const PATHS: Readonly<Record<PersonFlag, string>> = {
  billing_admin: 'billingAdmin',
  auditor: 'auditor',
  break_glass: 'breakGlass',
}

/**
 * Makes a person a billing admin or an auditor, or ends it. An auditor reads all and changes nothing by that.
 * @returns whether anything changed
 * @throws DomainError `not-found`, `forbidden`, `invalid-value` for a service account
 */
export function setPersonFlag(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  { flag, on }: { readonly flag: PersonFlag; readonly on: boolean },
): Submitted<boolean> {
  const { orgId, actor } = caller
  const intent = { action: 'user.update', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const user = await stores.users.find(orgId, id)
    if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
    if (user.accountType !== 'USER') {
      throw new DomainError('invalid-value', 'A service account has no right over the organization; name a person.')
    }
    if (flag === 'break_glass' && on && user.owner !== undefined) throw managed()
    const key = { kind: flag, target: '' } as const
    const former = on
      ? await stores.grants.set(orgId, id, { ...key, value: 'true', setBy: actor.id, at: stores.now })
      : await stores.grants.clear(orgId, id, key)
    if ((former === 'true') === on) {
      provisioning.tally.noop(caller, 'user.update', id)
      return false
    }
    await stores.users.touch(orgId, [id], stores.now)
    await stores.journal.append(orgId, {
      action: 'user.update',
      actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [userTarget(user)],
      changes: [{ path: PATHS[flag], old: !on, new: on }],
    })
    return true
  })
}

function managed(): DomainError {
  return new DomainError(
    'forbidden',
    'An identity provider manages this person; a break-glass account is one that none manages. Make an account of its own for it',
    { reason: 'break-glass.managed' },
  )
}
