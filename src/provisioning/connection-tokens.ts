import { DomainError } from '../domain/errors.ts'
import type { ConnectionToken } from '../domain/connection.ts'
import type { ConnectionId, OrgId, TokenId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft } from '../domain/record.ts'
import type { NewToken, WriteStores } from '../domain/write-ports.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/** Two, so that a secret can be changed without downtime: the new one is pasted while the old one still works. */
const MAX_LIVE_TOKENS = 2

/**
 * Stores a freshly minted token of a connection.
 * @throws DomainError `not-found`, `forbidden` for a revoked connection, `uniqueness` naming the older of two live ones
 */
export function addToken(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  token: NewToken,
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    await checkConnection(stores, orgId, token.connectionId)
    const live = await liveTokens(stores, orgId, token.connectionId)
    const older = live[0]
    if (live.length >= MAX_LIVE_TOKENS && older !== undefined) throw tooManyTokens(older)
    await writeToken(stores, operation, orgId, token)
  })
}

/** The row and the record of a new token, within a unit of work. */
export async function writeToken(
  stores: WriteStores,
  operation: Operation,
  orgId: OrgId,
  token: NewToken,
): Promise<void> {
  await stores.orgs.insertToken(orgId, token, stores.now)
  await stores.journal.append(orgId, tokenRecord(operation, 'token.create', token))
}

/**
 * Revokes a token; access tokens made from it end with it. Revoking a revoked one changes nothing.
 * @throws DomainError `not-found`
 */
export function revokeToken(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  token: { readonly id: TokenId; readonly connectionId: ConnectionId },
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    const found = (await stores.orgs.tokens(orgId, token.connectionId)).find(({ id }) => id === token.id)
    if (found === undefined) throw new DomainError('not-found', `Token ${token.id} not found`)
    if (found.revoked !== undefined) return
    await stores.orgs.revokeToken(orgId, token.id, stores.now)
    await stores.journal.append(orgId, tokenRecord(operation, 'token.revoke', token))
  })
}

/**
 * Makes the given secret the connection's bootstrap token: the same value changes nothing, another one replaces the
 * bootstrap token before it.
 * @throws DomainError `uniqueness` when two minted tokens are live already
 */
export function setBootstrapToken(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  token: NewToken,
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    const live = await liveTokens(stores, orgId, token.connectionId)
    if (live.some((known) => sameBytes(known.secretHash, token.secretHash))) return
    for (const earlier of live.filter((known) => known.origin === 'bootstrap')) {
      await stores.orgs.revokeToken(orgId, earlier.id, stores.now)
      await stores.journal.append(orgId, tokenRecord(operation, 'token.revoke', earlier))
    }
    const minted = live.filter((known) => known.origin !== 'bootstrap')
    if (minted.length >= MAX_LIVE_TOKENS && minted[0] !== undefined) throw tooManyTokens(minted[0])
    await writeToken(stores, operation, orgId, token)
  })
}

async function checkConnection(stores: WriteStores, orgId: OrgId, id: ConnectionId): Promise<void> {
  const connection = await stores.orgs.connection(orgId, id)
  if (connection === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
  if (connection.status === 'active') return
  throw new DomainError('forbidden', `The connection "${connection.name}" is revoked; make a new one`)
}

type StoredToken = ConnectionToken & { readonly secretHash: Uint8Array }

/** Oldest first. */
async function liveTokens(stores: WriteStores, orgId: OrgId, id: ConnectionId): Promise<readonly StoredToken[]> {
  const tokens = await stores.orgs.tokens(orgId, id)
  return tokens.filter(
    ({ revoked, expires }) => revoked === undefined && (expires === undefined || expires > stores.now),
  )
}

function tooManyTokens(older: ConnectionToken): DomainError {
  const made = new Date(older.created).toISOString()
  return new DomainError(
    'uniqueness',
    `The connection has two live tokens; revoke the older one first: ${older.id} (made ${made})`,
    { reason: 'token.too-many', params: { older: older.id } },
  )
}

function tokenRecord(
  operation: Operation,
  action: string,
  token: { readonly id: TokenId; readonly connectionId: ConnectionId },
): RecordDraft {
  return {
    action,
    actor: operation.actor,
    request: operation.request,
    outcome: { result: 'success' },
    targets: [
      { type: 'token', id: token.id },
      { type: 'connection', id: token.connectionId },
    ],
  }
}

/** Digests of secrets, not secrets: nothing is learned from how long comparing them takes. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
