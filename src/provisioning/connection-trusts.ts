import type { Caller } from '../domain/caller.ts'
import type { Connection, JwtTrust } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { type ConnectionId, newId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** Trust in an identity provider's JWTs as an admin states it. */
export type TrustDraft = Omit<JwtTrust, 'orgId' | 'id' | 'connectionId'>

/** One trust of one connection. */
export interface TrustKey {
  readonly connectionId: ConnectionId
  readonly id: string
}

/**
 * Lets a connection be used with JWTs of one more issuer, or for one more audience; with its next request.
 * @throws DomainError `forbidden`, `not-found`, or `uniqueness` when issuer, audience and pins are trusted already
 */
export function addTrust(
  provisioning: Provisioning,
  caller: Caller,
  connectionId: ConnectionId,
  draft: TrustDraft,
): Submitted<JwtTrust> {
  const { orgId, actor, request } = caller
  const targets = [{ type: 'connection', id: connectionId }] as const
  return submitChange(
    provisioning,
    caller,
    { action: 'trust.create', subject: connectionId, targets },
    async (stores) => {
      requireOrgAdmin(caller)
      const connection = await renewed(stores, caller, connectionId)
      return writeTrust(stores, { actor, request }, { ...connection, orgId }, draft)
    },
  )
}

/**
 * Ends a connection's trust in an issuer's JWTs; those that were accepted before are refused from the next request on.
 * @throws DomainError `forbidden`, `not-found`
 */
export function removeTrust(
  provisioning: Provisioning,
  caller: Caller,
  { connectionId, id }: TrustKey,
): Submitted<void> {
  const { orgId, actor, request } = caller
  const intent = { action: 'trust.delete', subject: id, targets: targetsOf({ id, connectionId }) }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    await renewed(stores, caller, connectionId)
    const removed = await stores.orgs.removeTrust(orgId, connectionId, id)
    if (removed === undefined) throw new DomainError('not-found', `Trust ${id} not found`)
    await stores.journal.append(orgId, {
      ...{ action: intent.action, actor, request, outcome: { result: 'success' }, targets: intent.targets },
      changes: trustChanges(removed, 'old'),
    })
  })
}

/** The row and record of a new trust, within a unit of work. */
export async function writeTrust(
  stores: WriteStores,
  { actor, request }: Operation,
  { orgId, id: connectionId }: Connection,
  draft: TrustDraft,
): Promise<JwtTrust> {
  const trust: JwtTrust = { ...draft, orgId, connectionId, id: newId(stores.now) }
  await stores.orgs.insertTrust(orgId, trust, stores.now)
  await stores.journal.append(orgId, {
    ...{ action: 'trust.create', actor, request, outcome: { result: 'success' }, targets: targetsOf(trust) },
    changes: trustChanges(trust, 'new'),
  })
  return trust
}

/** The connection with a new version: what was verified for the old one counts no more. */
async function renewed(stores: WriteStores, { orgId }: Caller, id: ConnectionId): Promise<Connection> {
  const before = await stores.orgs.connection(orgId, id)
  if (before === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
  if (before.status !== 'active') {
    throw new DomainError('forbidden', `The connection "${before.name}" is revoked; make a new one`, {
      reason: 'connection.revoked',
    })
  }
  const after = { ...before, version: before.version + 1 }
  await stores.orgs.updateConnection(orgId, after)
  return after
}

function targetsOf({ id, connectionId }: TrustKey): readonly RecordTarget[] {
  return [
    { type: 'trust', id },
    { type: 'connection', id: connectionId },
  ]
}

function trustChanges({ issuer, audience, pins }: TrustDraft, side: 'old' | 'new'): readonly RecordChange[] {
  return [
    { path: 'issuer', [side]: issuer },
    { path: 'audience', [side]: audience },
    // Claim names are the administrator's words, so they are values here and not keys.
    { path: 'pins', [side]: Object.entries(pins).map(([claim, value]) => ({ claim, value: value ?? null })) },
  ]
}
