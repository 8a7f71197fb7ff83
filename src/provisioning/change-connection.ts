import type { Caller } from '../domain/caller.ts'
import type { Connection, Scope } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import type { ConnectionId } from '../domain/ids.ts'
import { equalJson, type Json } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'

/** What an admin wants of a connection; what is absent stays. */
export interface ConnectionChange {
  readonly name?: string | undefined
  readonly mayGrantAdmin?: boolean | undefined
  readonly scopes?: readonly Scope[] | undefined
  /** Versions of `If-Match` as text, or `['*']`. */
  readonly ifMatch?: readonly string[] | undefined
}

/**
 * Changes what a connection is called and may do; its credentials stay as they are, and obey with their next request.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden` for a revoked one, `uniqueness` for a taken name
 */
export function changeConnection(
  provisioning: Provisioning,
  caller: Caller,
  id: ConnectionId,
  change: ConnectionChange,
): Submitted<Changed<Connection>> {
  const { orgId } = caller
  const targets = [{ type: 'connection', id }] as const
  return submitChange(provisioning, caller, { action: 'connection.update', subject: id, targets }, async (stores) => {
    requireOrgAdmin(caller)
    const before = await stores.orgs.connection(orgId, id)
    if (before === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
    checkVersion(before.version, change.ifMatch)
    if (before.status !== 'active') {
      throw new DomainError('forbidden', `The connection "${before.name}" is revoked; make a new one`, {
        reason: 'connection.revoked',
      })
    }
    const after: Connection = {
      ...before,
      name: change.name ?? before.name,
      mayGrantAdmin: change.mayGrantAdmin ?? before.mayGrantAdmin,
      scopes: change.scopes ?? before.scopes,
      version: before.version + 1,
    }
    const changes = (['name', 'mayGrantAdmin', 'scopes'] as const)
      .filter((path) => !equalJson(before[path] as Json, after[path] as Json))
      .map((path) => ({ path, old: before[path], new: after[path] }))
    if (changes.length === 0) {
      provisioning.tally.noop(caller, 'connection.update', id)
      return { value: before, changed: false }
    }
    await stores.orgs.updateConnection(orgId, after)
    await stores.journal.append(orgId, {
      ...{ action: 'connection.update', actor: caller.actor, request: caller.request },
      ...{ outcome: { result: 'success' }, targets: [{ ...targets[0], display: after.name }], changes },
    })
    return { value: after, changed: true }
  })
}
