import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, ProviderId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { RequestFacts } from '../domain/record.ts'
import type { SignInRefusal } from '../domain/sign-in.ts'
import type { Provisioning } from './provisioning.ts'

/**
 * What each refusal says to the person: what to do where they are honest, and nothing of others where they are not. Of
 * an account they did not prove to be theirs it says no more than that there is one to be linked.
 */
const SENTENCES: Readonly<Record<SignInRefusal, string>> = {
  'sign-in.provisioning-off':
    'You have no account here yet, and signing in does not make one; ask an administrator to add you',
  'sign-in.deactivated': 'Your account is deactivated; ask an administrator if you should have access again',
  'sign-in.deleted':
    'Your account was deleted and does not come back by signing in; ask an administrator to restore it',
  'sign-in.domain-not-allowed':
    'Accounts are made at sign-in only for verified addresses of certain domains, and yours is not one; ask an administrator to add you',
  'sign-in.claim-missing':
    'You have no account here yet, and your identity provider does not say that you should; ask an administrator to add you',
  'sign-in.no-name':
    'Your identity provider sent no user name for you; ask an administrator to let it send preferred_username or a verified email',
  'sign-in.unusable-name':
    'The name that your identity provider sent for you cannot be used here; ask an administrator to look at it',
  'sign-in.name-taken':
    'An account of your name is here that is not linked to this sign-in; ask an administrator to link or rename it',
  'sign-in.not-linked':
    'An account with your address is here that this sign-in does not prove to be yours; ask an administrator to link it',
  'sign-in.invited': 'You were invited: open the link in the invitation you were sent, then sign in from there',
  'sign-in.other-address':
    'This invitation is for another address than the one you signed in with; sign in with that one, or ask for an invitation to yours',
}

/** The refusal of a sign-in that a provider proved. `params` go into the record and hold nothing personal. */
export function signInRefused(reason: SignInRefusal, params?: JsonObject): DomainError {
  return new DomainError('forbidden', SENTENCES[reason], { reason, ...(params === undefined ? {} : { params }) })
}

/** A sign-in whose proof did not hold. */
export interface ProviderRefusal {
  readonly orgId: OrgId
  readonly providerId: ProviderId
  readonly request: RequestFacts
  /** Which check failed; a word, nothing that was sent. */
  readonly check: string
}

/**
 * Records that what came back from a provider proved nobody; the same again within an hour is only counted.
 * @throws DomainError `unavailable` where it cannot be recorded
 */
export async function recordProviderRefusal(
  { work, tally }: Provisioning,
  { orgId, providerId, request, check }: ProviderRefusal,
): Promise<void> {
  const actor = { type: 'system' } as const
  const caller: Caller = { orgId, actor, connection: undefined, request }
  const about = ['sso.refused', providerId, `sign-in.rejected ${check}`] as const
  if (tally.repeated(caller, ...about)) return
  try {
    await work.submit(orgId, (stores) =>
      stores.journal.append(orgId, {
        ...{ action: 'sso.refused', actor, request },
        outcome: { result: 'refused', status: 403, reason: 'sign-in.rejected', params: { check } },
        targets: [{ type: 'provider', id: providerId }],
      }),
    ).durable
  } catch (error) {
    tally.forget(caller, ...about)
    throw error
  }
}
