import { createHash } from 'node:crypto'
import type { Request, Response, Router } from 'express'
import { DomainError } from '../domain/errors.ts'
import { newId } from '../domain/ids.ts'
import type { OnceToken } from '../domain/spent-token.ts'
import type { WorkloadAccount, WorkloadIdentity } from '../domain/workload.ts'
import type { AccountGrant, AccountTokens } from './account-token.ts'
import { AuthError, guarded, unauthorized } from './auth-error.ts'
import { limited, type FailureLimiter } from './failure-limiter.ts'
import {
  busyAnswer,
  errorAnswer,
  type FormAnswer,
  formEndpoint,
  type FormEndpointOptions,
  type FormRequest,
  NO_STORE,
  singleFields,
} from './form-endpoint.ts'
import { type IssuerKeys, KeysUnavailable } from './jwks.ts'
import { checkSignature, keysUnavailable } from './jws-signature.ts'
import { DEFAULT_ALGORITHMS, isAccessTokenLike, satisfies } from './jwt-claims.ts'
import { type JwtParts, parseJwt } from './jwt-parts.ts'
import { ACCESS_TOKEN_LIFE } from './own-jwt.ts'

/** Where programs exchange the JWT of their platform (RFC 7523 §2.1). */
export const WORKLOAD_PATH = '/oidc/token'
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** An exchange to be recorded; the JWT is used up with it. */
export interface AskedExchange extends AccountGrant {
  readonly token: OnceToken | undefined
}

export interface WorkloadGrantOptions extends Pick<FormEndpointOptions, 'onRefused' | 'sourceOf'> {
  /** The address clients use, without a slash at the end. */
  readonly publicUrl: string
  /** Live service accounts that an issuer's JWTs name, of orgs that trust that issuer. */
  readonly accountsOf: (identity: WorkloadIdentity) => Promise<readonly WorkloadAccount[]>
  readonly keys: IssuerKeys
  readonly tokens: AccountTokens
  readonly limiter: FailureLimiter
  /** Records it. @throws DomainError `forbidden` where the JWT was used before, or the account may not act now */
  readonly exchange: (asked: AskedExchange, req: Request, res: Response) => Promise<void>
  /** Epoch milliseconds. */
  readonly now: () => number
}

const REFUSED =
  'The assertion is not a valid JWT of an issuer and subject that a service account here is known by, its aud does ' +
  'not name this server or organization, or it was used before.'

/**
 * `POST /oidc/token`: a JWT of a platform becomes a short-lived access token of the service account it names (RFC 7523).
 * Nothing but the JWT says who asks; a refusal is one sentence (`invalid_grant`).
 */
export function workloadGrant(options: WorkloadGrantOptions): Router {
  return formEndpoint({
    path: WORKLOAD_PATH,
    onRefused: options.onRefused,
    ...(options.sourceOf === undefined ? {} : { sourceOf: options.sourceOf }),
    async answer(request, req, res) {
      const assertion = assertionOf(request)
      if (typeof assertion !== 'string') return assertion
      try {
        return await granted(options, assertion, (asked) => options.exchange(asked, req, res))
      } catch (error) {
        return refused(await limited(options.limiter, error, request.source))
      }
    },
  })
}

function assertionOf({ form }: FormRequest): string | FormAnswer {
  const fields = singleFields(form, ['grant_type', 'assertion', 'scope'])
  if (typeof fields === 'string') return errorAnswer(400, 'invalid_request', fields)
  const { grant_type: grantType, assertion } = fields
  if (grantType === undefined) return errorAnswer(400, 'invalid_request', 'The field grant_type is missing.')
  if (grantType !== GRANT_TYPE) {
    return errorAnswer(400, 'unsupported_grant_type', `Only the grant type ${GRANT_TYPE} is supported here.`)
  }
  return assertion ?? errorAnswer(400, 'invalid_request', 'The field assertion is missing: the JWT of the program.')
}

async function granted(
  options: WorkloadGrantOptions,
  assertion: string,
  exchange: (asked: AskedExchange) => Promise<void>,
): Promise<FormAnswer> {
  const parts = parseJwt(assertion)
  if (parts === undefined) throw unauthorized('jwt.malformed')
  const identity = identityOf(parts)
  const account = await soleAccount(options, parts, identity)
  const check = await checkSignature(options.keys, { ...identity, jwksUri: undefined }, parts, DEFAULT_ALGORITHMS)
  if (check instanceof KeysUnavailable) throw keysUnavailable(check)
  const { orgId, user } = account
  if (check !== 'good') throw unauthorized(check === 'bad' ? 'jwt.signature' : 'jwt.key', { orgId })
  const grant: AccountGrant = { orgId, user, identity, tokenId: newId(options.now()) }
  await recorded({ ...grant, token: onceOf(parts, identity) }, exchange)
  const body = { access_token: await options.tokens.sign(grant), token_type: 'Bearer', expires_in: ACCESS_TOKEN_LIFE }
  return { status: 200, headers: NO_STORE, body }
}

/** What the domain refuses is a refusal of the JWT, any other failure an outage. */
async function recorded(asked: AskedExchange, exchange: (asked: AskedExchange) => Promise<void>): Promise<void> {
  let refusal: DomainError | undefined
  await guarded(() =>
    exchange(asked).catch((error: unknown) => {
      if (!(error instanceof DomainError) || error.code !== 'forbidden') throw error
      refusal = error
    }),
  )
  if (refusal !== undefined) throw unauthorized('jwt.replayed', { orgId: asked.orgId }, refusal)
}

/** Printable ASCII, so that no store chokes on it. */
const NAME = /^[\x20-\x7e]{1,2048}$/

function identityOf({ header, claims }: JwtParts): WorkloadIdentity {
  const { iss, sub } = claims
  const isNamed = typeof iss === 'string' && typeof sub === 'string' && NAME.test(iss) && NAME.test(sub)
  if (!isNamed || !isAccessTokenLike(header, claims)) throw unauthorized('jwt.claims')
  return { issuer: iss, subject: sub }
}

/**
 * The one account that a JWT means. Its audience may be this server, by its address or this endpoint's, or one
 * organisation, by id or name: then no other organisation's account of the same subject stands in the way.
 */
async function soleAccount(
  options: WorkloadGrantOptions,
  { header, claims }: JwtParts,
  identity: WorkloadIdentity,
): Promise<WorkloadAccount> {
  const accounts = await guarded(() => options.accountsOf(identity))
  if (accounts.length === 0) throw unauthorized('jwt.untrusted')
  const general = [options.publicUrl, options.publicUrl + WORKLOAD_PATH]
  const fitting = accounts.filter(({ orgId, orgName }) =>
    [...general, orgId, orgName].some((audience) => {
      const trust = { issuer: identity.issuer, audience, pins: {}, algorithms: [], longLived: false }
      return satisfies(trust, header, claims, options.now())
    }),
  )
  const [account, another] = fitting
  if (account === undefined) throw unauthorized('jwt.claims')
  if (another !== undefined) throw unauthorized('jwt.ambiguous')
  return account
}

/** A JWT with an id works once (RFC 7523 §3). */
function onceOf({ claims: { jti, exp } }: JwtParts, { issuer }: WorkloadIdentity): OnceToken | undefined {
  if (jti === undefined) return undefined
  if (typeof jti !== 'string' || jti === '') throw unauthorized('jwt.claims')
  const hash = createHash('sha256').update(`workload\n${issuer}\n${jti}`).digest()
  // A minute longer than it works, as clocks may differ by one.
  return { hash, expires: Number(exp) * 1000 + 120_000 }
}

function refused(error: unknown): FormAnswer {
  if (!(error instanceof AuthError)) throw error
  if (error.status !== 401) return busyAnswer(error)
  return { ...errorAnswer(400, 'invalid_grant', REFUSED), refusal: error }
}
