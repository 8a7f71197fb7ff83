import type { Connection, JwtTrust, StoredToken } from '../../src/domain/connection.ts'
import { newId, type ConnectionId, type OrgId, type TokenId } from '../../src/domain/ids.ts'
import type { CredentialReads } from '../../src/domain/ports.ts'
import { hashToken, mintToken } from '../../src/auth/token.ts'

/** A token without its connection, which may change after it. */
type HeldToken = Omit<StoredToken, 'connection'>

/** The credentials port over plain maps, with the changes an administrator would make. */
export class MemoryCredentials implements CredentialReads {
  readonly connections = new Map<string, Connection>()
  readonly tokens = new Map<string, HeldToken>()
  trusts: JwtTrust[] = []
  /** Thrown by every read while set. */
  outage: Error | undefined
  reads: string[] = []

  addConnection(values: Partial<Connection> = {}): Connection {
    const connection: Connection = {
      ...{ orgId: newId<OrgId>(Date.now()), id: newId<ConnectionId>(Date.now()), name: 'directory', kind: 'idp' },
      ...{ status: 'active', mayGrantAdmin: false, scopes: ['users', 'groups'], version: 1, created: 0, ...values },
    }
    this.connections.set(connection.id, connection)
    return connection
  }

  changeConnection(id: ConnectionId, values: Partial<Connection>): void {
    const before = this.connections.get(id)!
    this.connections.set(id, { ...before, ...values, version: before.version + 1 })
  }

  /** A minted token of the connection. */
  addToken(connection: Connection, values: Partial<HeldToken> = {}): { id: TokenId; text: string } {
    const id = newId<TokenId>(Date.now())
    const { text, secretHash } = mintToken(id)
    this.#put(connection, id, { secretHash, ...values })
    return { id, text }
  }

  /** A token whose text somebody else chose. */
  addBootstrap(connection: Connection, text: string): TokenId {
    const id = newId<TokenId>(Date.now())
    this.#put(connection, id, { secretHash: hashToken(text), origin: 'bootstrap' })
    return id
  }

  changeToken(id: TokenId, values: Partial<HeldToken>): void {
    this.tokens.set(id, { ...this.tokens.get(id)!, ...values })
  }

  addTrust(connection: Connection, values: Partial<JwtTrust> & { issuer: string; audience: string }): JwtTrust {
    const trust: JwtTrust = {
      ...{ orgId: connection.orgId, connectionId: connection.id, id: newId(Date.now()), jwksUri: undefined },
      ...{ pins: {}, algorithms: [], longLived: false, ...values },
    }
    this.trusts.push(trust)
    return trust
  }

  async tokenById(id: TokenId): Promise<StoredToken | undefined> {
    this.#read('tokenById')
    return this.#withConnection(this.tokens.get(id))
  }

  async tokenByHash(hash: Uint8Array): Promise<StoredToken | undefined> {
    this.#read('tokenByHash')
    return this.#withConnection([...this.tokens.values()].find((token) => Buffer.compare(token.secretHash, hash) === 0))
  }

  async connection(orgId: OrgId, id: ConnectionId): Promise<Connection | undefined> {
    this.#read('connection')
    const found = this.connections.get(id)
    return found?.orgId === orgId ? found : undefined
  }

  async trustsByIssuer(issuer: string): Promise<readonly JwtTrust[]> {
    this.#read('trustsByIssuer')
    const active = (trust: JwtTrust): boolean => this.connections.get(trust.connectionId)?.status === 'active'
    return this.trusts.filter((trust) => trust.issuer === issuer && active(trust))
  }

  #withConnection(token: HeldToken | undefined): StoredToken | undefined {
    return token && { ...token, connection: this.connections.get(token.connectionId)! }
  }

  #read(name: string): void {
    this.reads.push(name)
    if (this.outage !== undefined) throw this.outage
  }

  #put(connection: Connection, id: TokenId, values: Partial<HeldToken> & { secretHash: Uint8Array }): void {
    this.tokens.set(id, {
      ...{ orgId: connection.orgId, connectionId: connection.id, id, origin: 'minted', created: 0 },
      ...{ expires: undefined, lastUsed: undefined, revoked: undefined, ...values },
    })
  }
}
