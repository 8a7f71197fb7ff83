import type { Selectable } from 'kysely'
import type { ConnectionTable, ConnectionTokenTable, JwtTrustTable } from '../../db/credential-schema.ts'
import type { Connection, ConnectionKind, ConnectionToken, JwtTrust, Scope, StoredToken } from '../domain/connection.ts'
import type { ConnectionId, OrgId, TokenId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'

interface WithAttributes {
  /** Read only where the connection is read for a request. */
  readonly attributes_version?: number | null
}

export function toConnection(row: Selectable<ConnectionTable> & WithAttributes): Connection {
  const attributesVersion = row.attributes_version ?? 0
  return {
    orgId: row.org_id as OrgId,
    id: row.id as ConnectionId,
    name: row.name,
    kind: row.kind as ConnectionKind,
    status: row.status as Connection['status'],
    mayGrantAdmin: row.may_grant_admin === 1,
    scopes: row.scopes.split(' ').filter((scope) => scope !== '') as Scope[],
    version: row.version,
    created: row.created,
    ...(attributesVersion === 0 ? {} : { attributesVersion }),
  }
}

export function toToken(row: Selectable<ConnectionTokenTable>): ConnectionToken & { readonly secretHash: Uint8Array } {
  return {
    orgId: row.org_id as OrgId,
    connectionId: row.connection_id as ConnectionId,
    id: row.id as TokenId,
    origin: row.origin as ConnectionToken['origin'],
    created: row.created,
    expires: row.expires ?? undefined,
    lastUsed: row.last_used ?? undefined,
    revoked: row.revoked ?? undefined,
    secretHash: row.secret_hash,
  }
}

/** Columns of a connection beside its token's, whose names they share in part. */
export const CONNECTION_OF_TOKEN = [
  'connection.name',
  'connection.name_key',
  'connection.kind',
  'connection.status',
  'connection.may_grant_admin',
  'connection.scopes',
  'connection.signin_provider_id',
  'connection.version',
  'connection.created as connection_created',
] as const

export function toStoredToken(
  row: Selectable<ConnectionTokenTable> &
    Omit<Selectable<ConnectionTable>, 'id' | 'created'> &
    ConnectionTimes &
    WithAttributes,
): StoredToken {
  const connection = toConnection({ ...row, id: row.connection_id, created: row.connection_created })
  return { ...toToken(row), connection }
}

interface ConnectionTimes {
  readonly connection_created: number
}

export function toTrust(row: Selectable<JwtTrustTable>): JwtTrust {
  return {
    orgId: row.org_id as OrgId,
    id: row.id,
    connectionId: row.connection_id as ConnectionId,
    issuer: row.issuer,
    audience: row.audience,
    jwksUri: row.jwks_uri ?? undefined,
    pins: JSON.parse(row.pins) as JsonObject,
    algorithms: row.algorithms.split(' ').filter((name) => name !== ''),
    longLived: row.long_lived === 1,
  }
}
