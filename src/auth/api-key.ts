import type { Account, KeyHolder, StoredKey } from '../domain/api-key.ts'
import type { KeyId, OrgId, TokenId } from '../domain/ids.ts'
import type { KeyReads } from '../domain/ports.ts'
import type { AccountTokens } from './account-token.ts'
import { AuthError, guarded, unauthorized } from './auth-error.ts'
import { parseAuthorization } from './credential.ts'
import { limited, type FailureLimiter } from './failure-limiter.ts'
import { parseJwt } from './jwt-parts.ts'
import type { LastUsed } from './last-used.ts'
import { hashToken, parseToken, sameHash } from './token.ts'

/** Whose key a request of the admin API showed. The key's org is the request's; a path or body never decides it. */
export interface KeyBearer {
  readonly orgId: OrgId
  readonly account: Account
}

export interface KeyAuthenticatorOptions {
  readonly keys: KeyReads
  readonly limiter: FailureLimiter
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Access tokens of service accounts, which come where a key does. */
  readonly accountTokens: AccountTokens
  /** Told of every use of a key. */
  readonly onUsed: LastUsed['note']
  /** Whether a key may come as the password of Basic too (RFC 7617), whatever the user name: W&B's programs do that. */
  readonly admitsBasic?: boolean
}

/** Finds out who sent a request of the admin API from its `Authorization` header. */
export interface KeyAuthenticator {
  /**
   * @param source the client's IP address, for the limit on failures
   * @throws AuthError 401, 429 or 503, as with the connections' tokens
   */
  authenticate(header: string | undefined, source: string): Promise<KeyBearer>
}

/**
 * Admits bearer keys and access tokens of service accounts alone: no token of a connection, no other JWT, and, unless it is
 * told to, no Basic, which browsers send by themselves.
 */
export function createKeyAuthenticator(options: KeyAuthenticatorOptions): KeyAuthenticator {
  return {
    async authenticate(header, source) {
      try {
        return await identify(options, header)
      } catch (error) {
        throw await limited(options.limiter, error, source)
      }
    },
  }
}

async function identify(
  { keys, accountTokens, now, onUsed, admitsBasic = false }: KeyAuthenticatorOptions,
  header: string | undefined,
): Promise<KeyBearer> {
  const text = textOf(header, admitsBasic)
  // A key that somebody chose may look like a JWT; it is one of ours only if it says so.
  if (parseJwt(text)?.claims['iss'] === accountTokens.issuer) return byToken(accountTokens, text)
  const key = await guarded(() => findKey(keys, text))
  if (key === undefined) throw unauthorized('key.unknown')
  checkLive(key, now())
  const user = key.holder?.accountType === 'USER' ? { user: key.holder.id } : {}
  onUsed({ orgId: key.orgId, tokenId: key.id, at: now(), ...user })
  return { orgId: key.orgId, account: accountOf(key) }
}

function textOf(header: string | undefined, admitsBasic: boolean): string {
  if (header === undefined || header.trim() === '') throw unauthorized('key.missing')
  const credential = parseAuthorization(header)
  if (credential === undefined || (credential.scheme === 'basic' && !admitsBasic)) throw unauthorized('key.malformed')
  return credential.scheme === 'bearer' ? credential.text : credential.password
}

/** An access token ends with its account, as a key does; it has no row in which its use could be noted. */
async function byToken(tokens: AccountTokens, text: string): Promise<KeyBearer> {
  const { orgId, keyId, holder } = await tokens.verify(text).catch((error: unknown) => {
    // What it says of a bad one is about connections; here it is a bad key.
    if (error instanceof AuthError && error.status === 401) throw unauthorized('key.unknown', error.known, error)
    throw error
  })
  if (!isLive(holder)) throw unauthorized('key.holder', { orgId, tokenId: keyId })
  return { orgId, account: accountOf({ id: keyId, scope: 'user', holder }) }
}

async function findKey(keys: KeyReads, text: string): Promise<StoredKey | undefined> {
  const hash = hashToken(text)
  const parsed = parseToken(text)
  const byId = parsed === undefined ? undefined : await keys.byId(asKey(parsed.id))
  if (byId !== undefined && sameHash(byId.secretHash, hash)) return byId
  const byHash = await keys.byHash(hash)
  return byHash !== undefined && sameHash(byHash.secretHash, hash) ? byHash : undefined
}

/** Tokens and keys have one form. */
function asKey(id: TokenId): KeyId {
  return id as string as KeyId
}

/** A key ends with its holder: it was read for this request, with the holder as they are now. */
function checkLive(key: StoredKey, now: number): void {
  const { holder } = key
  const known = { orgId: key.orgId, tokenId: key.id }
  if (key.revoked !== undefined || (key.expires !== undefined && key.expires <= now)) {
    throw unauthorized('key.ended', known)
  }
  if (holder === undefined ? key.scope === 'user' : !isLive(holder)) {
    throw unauthorized('key.holder', known)
  }
}

function isLive({ deleted, resting, status }: KeyHolder): boolean {
  return !deleted && !resting && status === 'active'
}

function accountOf({ id, scope, holder }: Pick<StoredKey, 'id' | 'scope' | 'holder'>): Account {
  const isOrgAdmin = scope === 'operator' || scope === 'admin' || holder?.orgRole === 'admin'
  return {
    keyId: id,
    user: holder?.id,
    isService: holder !== undefined && holder.accountType !== 'USER',
    isOperator: scope === 'operator',
    isOrgAdmin,
    isAuditor: scope === 'auditor' || holder?.auditor === true,
    isBillingAdmin: isOrgAdmin || holder?.billingAdmin === true,
  }
}
