import type { OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RequestFacts } from '../domain/record.ts'
import type { EndedSession, IssuerSelection } from '../domain/session.ts'
import type { OnceToken } from '../domain/spent-token.ts'
import type { Provisioning } from './provisioning.ts'
import { endRecorded } from './sessions.ts'

/** What an issuer says of sessions that people began with it. */
export interface IssuerSaying {
  readonly sessions: IssuerSelection
  readonly token: OnceToken
  readonly request: RequestFacts
}

/**
 * Ends the sessions of an org that their issuer says have ended, each with its record.
 * @returns which there were; undefined where the token that says it was used before
 */
export function endIssuerSessions(
  provisioning: Provisioning,
  orgId: OrgId,
  { sessions, token, request }: IssuerSaying,
): Submitted<readonly EndedSession[] | undefined> {
  return provisioning.work.submit(orgId, async (stores) => {
    if (!(await stores.spentTokens.spend(orgId, token, stores.now))) return undefined
    const operation = { actor: { type: 'system', issuer: sessions.issuer }, request } as const
    return endRecorded(stores, operation, orgId, { ...sessions, reason: 'issuer-signed-out' })
  })
}
