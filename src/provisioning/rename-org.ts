import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

const MAX_NAME = 200

/**
 * Gives an org another name; its id, and all that names it by its id, stays.
 * @returns whether that was another name
 * @throws DomainError `forbidden`, `uniqueness` when another org has the name, `invalid-value`
 */
export function renameOrg(provisioning: Provisioning, caller: Caller, name: string): Submitted<boolean> {
  const { orgId } = caller
  const targets = [{ type: 'org', id: orgId }] as const
  return submitChange(provisioning, caller, { action: 'org.rename', subject: orgId, targets }, async (stores) => {
    requireOrgAdmin(caller)
    checkOrgName(name)
    const former = await stores.orgs.rename(orgId, name)
    if (former === name) {
      provisioning.tally.noop(caller, 'org.rename', orgId)
      return false
    }
    await stores.journal.append(orgId, {
      action: 'org.rename',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [{ type: 'org', id: orgId, display: name }],
      changes: [{ path: 'name', old: former, new: name }],
    })
    return true
  })
}

/** Refuses a name that is blank, too long, could not be shown or be taken for an id. @throws DomainError `invalid-value` */
export function checkOrgName(name: string): void {
  const problem =
    name.trim() === '' || name.trim() !== name
      ? 'must be text without spaces around it'
      : name.length > MAX_NAME
        ? `is longer than ${MAX_NAME} characters`
        : /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)
          ? 'must not hold control characters'
          : isId(name)
            ? 'must not look like an id'
            : undefined
  if (problem === undefined) return
  throw new DomainError('invalid-value', `name ${problem}.`, { params: { path: 'name' } })
}
