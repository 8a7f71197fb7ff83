import type { ConnectionId, OrgId, TokenId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** `idp` owns what it pushes; `script` (admin keys, scripts) owns nothing and states manual facts. */
export type ConnectionKind = 'idp' | 'script'

export type Scope = 'users' | 'groups'

/** One identity provider's (or script's) link to one org. */
export interface Connection {
  readonly orgId: OrgId
  readonly id: ConnectionId
  readonly name: string
  readonly kind: ConnectionKind
  readonly status: 'active' | 'revoked'
  readonly mayGrantAdmin: boolean
  readonly scopes: readonly Scope[]
  readonly version: number
  readonly created: number
  /** Version of the attributes its org declared, read along with a credential; absent where none was ever declared. */
  readonly attributesVersion?: number
}

/** An opaque bearer token; only the SHA-256 of its text is stored. Times are epoch milliseconds. */
export interface ConnectionToken {
  readonly orgId: OrgId
  readonly connectionId: ConnectionId
  readonly id: TokenId
  readonly origin: 'minted' | 'bootstrap'
  readonly created: number
  readonly expires: number | undefined
  readonly lastUsed: number | undefined
  readonly revoked: number | undefined
}

/** A token as it is looked up: with the SHA-256 (32 bytes) of its text, and its connection as it is now. */
export interface StoredToken extends ConnectionToken {
  readonly secretHash: Uint8Array
  readonly connection: Connection
}

/** Trust in an identity provider's JWTs: which issuer and audience, which claims must equal what. */
export interface JwtTrust {
  readonly orgId: OrgId
  readonly id: string
  readonly connectionId: ConnectionId
  readonly issuer: string
  readonly audience: string
  /** JWKS address; where absent it comes from the issuer's discovery document. */
  readonly jwksUri: string | undefined
  /** Claims that must be present with exactly these values, e.g. `{tid: …, appid: …}`. */
  readonly pins: JsonObject
  readonly algorithms: readonly string[]
  /** Accept tokens living longer than 24 hours. */
  readonly longLived: boolean
}

/** Whose eyes a resource is read with: a client sees and filters only its own `externalId`. */
export interface Viewer {
  readonly connectionId: ConnectionId | undefined
  readonly kind: ConnectionKind
}
