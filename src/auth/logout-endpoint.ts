import type { Request, Response, Router } from 'express'
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
import type { IssuerLogout, LogoutTokens } from './logout-token.ts'

/** Where issuers say that somebody signed out: what is registered there as `backchannel_logout_uri`. */
export const LOGOUT_PATH = '/oidc/backchannel-logout'

export interface LogoutEndpointOptions extends Pick<FormEndpointOptions, 'onRefused' | 'sourceOf'> {
  readonly tokens: LogoutTokens
  readonly limiter: FailureLimiter
  /** Ends what an issuer says has ended. @returns false where the token was used before */
  readonly end: (logout: IssuerLogout, req: Request, res: Response) => Promise<boolean>
}

const REFUSED =
  'The logout_token is not one of an issuer that people sign in with here, or it has expired or was used before.'

/**
 * The endpoint of OpenID Connect Back-Channel Logout 1.0 §2.5. Refusals are one sentence; an outage is a 503, since the
 * same token may be sent again after it.
 */
export function logoutEndpoint({ tokens, limiter, end, ...options }: LogoutEndpointOptions): Router {
  return formEndpoint({
    ...options,
    path: LOGOUT_PATH,
    async answer(request, req, res) {
      try {
        const logout = await tokens.verify(tokenOf(request))
        if (!(await guarded(() => end(logout, req, res)))) throw unauthorized('jwt.replayed', known(logout))
        return { status: 200, headers: NO_STORE, body: {} }
      } catch (error) {
        return refused(await limited(limiter, error, request.source))
      }
    },
  })
}

function tokenOf({ form }: FormRequest): string {
  const fields = singleFields(form, ['logout_token'])
  const text = typeof fields === 'string' ? undefined : fields['logout_token']
  if (text === undefined) throw unauthorized('jwt.malformed')
  return text
}

function known({ orgs }: IssuerLogout): { readonly orgId: IssuerLogout['orgs'][number] } | undefined {
  const [orgId] = orgs
  return orgId === undefined ? undefined : { orgId }
}

function refused(error: unknown): FormAnswer {
  if (!(error instanceof AuthError)) throw error
  if (error.status !== 401) return busyAnswer(error)
  return { ...errorAnswer(400, 'invalid_request', REFUSED), refusal: error }
}
