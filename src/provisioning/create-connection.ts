import type { Connection, ConnectionKind, Scope } from '../domain/connection.ts'
import { type ConnectionId, newId, type OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft } from '../domain/record.ts'
import type { NewToken, WriteStores } from '../domain/write-ports.ts'
import { writeToken } from './connection-tokens.ts'
import { type TrustDraft, writeTrust } from './connection-trusts.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

export interface ConnectionDraft {
  readonly name: string
  readonly kind: ConnectionKind
  readonly mayGrantAdmin: boolean
  readonly scopes: readonly Scope[]
  /** Trust in an identity provider's JWTs, where it sends them. */
  readonly trust: TrustDraft | undefined
  /** Its first token, stored in the same transaction: none is lost to a start or command that was cut off in between. */
  readonly token?: Omit<NewToken, 'connectionId'>
}

/**
 * Makes a connection of an org, with the trust and the first token it is given.
 * @throws DomainError `uniqueness` when the name, or the trust's issuer, audience and pins, are taken
 */
export function createConnection(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  draft: ConnectionDraft,
): Submitted<Connection> {
  return provisioning.work.submit(orgId, (stores) => writeConnection(stores, operation, orgId, draft))
}

/** The rows and records of a new connection, within a unit of work. */
export async function writeConnection(
  stores: WriteStores,
  operation: Operation,
  orgId: OrgId,
  draft: ConnectionDraft,
): Promise<Connection> {
  const connection: Connection = {
    orgId,
    id: newId<ConnectionId>(operation.request.receivedAt),
    name: draft.name,
    kind: draft.kind,
    status: 'active',
    mayGrantAdmin: draft.mayGrantAdmin,
    scopes: draft.scopes,
    version: 1,
    created: stores.now,
  }
  await stores.orgs.insertConnection(orgId, connection)
  await stores.journal.append(orgId, connectionRecord(operation, connection))
  if (draft.trust !== undefined) await writeTrust(stores, operation, connection, draft.trust)
  if (draft.token !== undefined) {
    await writeToken(stores, operation, orgId, { ...draft.token, connectionId: connection.id })
  }
  return connection
}

function connectionRecord(operation: Operation, connection: Connection): RecordDraft {
  return {
    action: 'connection.create',
    actor: operation.actor,
    request: operation.request,
    outcome: { result: 'success' },
    targets: [{ type: 'connection', id: connection.id, display: connection.name }],
    changes: [
      { path: 'kind', new: connection.kind },
      { path: 'mayGrantAdmin', new: connection.mayGrantAdmin },
      { path: 'scopes', new: connection.scopes },
    ],
  }
}
