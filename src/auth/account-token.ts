import { createHash } from 'node:crypto'
import { isId, type KeyId, type OrgId, type UserId } from '../domain/ids.ts'
import type { WorkloadHolder, WorkloadIdentity } from '../domain/workload.ts'
import { guarded, unauthorized } from './auth-error.ts'
import { createOwnJwts, type OwnJwtsOptions } from './own-jwt.ts'

/** `<publicUrl>/api/v1` is the `aud`. */
export interface AccountTokensOptions extends Omit<OwnJwtsOptions, 'path'> {
  /** A service account as it is now. */
  readonly holder: (orgId: OrgId, user: UserId) => Promise<WorkloadHolder | undefined>
}

/** What an access token of a service account is made of. */
export interface AccountGrant {
  readonly orgId: OrgId
  readonly user: UserId
  readonly identity: WorkloadIdentity
  readonly tokenId: string
}

/** The service account behind an access token. */
export interface TokenAccount {
  readonly orgId: OrgId
  /** The id of the token. */
  readonly keyId: KeyId
  readonly holder: WorkloadHolder['holder']
}

/** Access tokens of service accounts, of one hour, that programs got for a JWT of the platform they run on. */
export interface AccountTokens {
  /** What `iss` says in tokens of ours. */
  readonly issuer: string
  sign(grant: AccountGrant): Promise<string>
  /**
   * The account as it is now; whether it may act is for the caller to look at.
   * @throws AuthError 401 when the token is not ours or has expired, or the account has not that identity any more; 503
   */
  verify(text: string): Promise<TokenAccount>
}

/**
 * Signs and verifies with one key.
 * @throws Error when the key is no Ed25519 private key
 */
export function createAccountTokens({ holder, ...options }: AccountTokensOptions): AccountTokens {
  const jwts = createOwnJwts({ ...options, path: '/api/v1' })
  return {
    issuer: jwts.issuer,
    sign: ({ orgId, user, identity, tokenId }) =>
      jwts.sign({ sub: user, jti: tokenId, org_id: orgId, workload: hashOf(identity) }),
    async verify(text) {
      const { sub, jti, org_id: orgId, workload } = await jwts.verify(text, ['org_id', 'workload'])
      if (![sub, jti, orgId].every(isId)) throw unauthorized('key.unknown')
      const found = await guarded(() => holder(orgId as OrgId, sub as UserId))
      // Who takes an identity from an account ends what was got by it.
      if (found?.identity === undefined || hashOf(found.identity) !== workload) throw unauthorized('key.ended')
      return { orgId: orgId as OrgId, keyId: jti as KeyId, holder: found.holder }
    },
  }
}

function hashOf({ issuer, subject }: WorkloadIdentity): string {
  return createHash('sha256').update(`${issuer}\n${subject}`).digest('base64url')
}
