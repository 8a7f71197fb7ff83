import { randomUUID } from 'node:crypto'
import type { Caller } from '../../src/domain/caller.ts'
import { newId, type OrgId, type ProviderId } from '../../src/domain/ids.ts'
import type { ProvedPerson, SignedIn } from '../../src/domain/sign-in.ts'
import { signInPerson } from '../../src/provisioning/sign-in-person.ts'
import type { SignInAttempt } from '../../src/provisioning/sign-in-turn.ts'
import type { TestStore } from './databases.ts'
import type { Tenant } from './tenant.ts'

/** What a provider of an org proves, said by the parts that matter. */
export interface ProviderVoice {
  readonly id: ProviderId
  readonly issuer: string
  /** A person of that subject; their userName is the subject, and no address is known, unless said otherwise. */
  proves(subject: string, more?: Partial<ProvedPerson>): ProvedPerson
  /** Signs that person in; `attempt` says what the deployment and the browser add. */
  signIn(subject: string, more?: Partial<ProvedPerson>, attempt?: Partial<SignInAttempt>): Promise<SignedIn>
}

/** A provider's voice, without the protocol by which it comes to say anything. */
export function providerOf(
  tenant: Pick<Tenant, 'orgId' | 'provisioning'>,
  issuer = `https://${randomUUID()}.example`,
): ProviderVoice {
  const id = newId<ProviderId>(Date.now())
  const proves = (subject: string, more: Partial<ProvedPerson> = {}): ProvedPerson => ({
    ...{ orgId: tenant.orgId, providerId: id, kind: 'oidc', issuer, subject, userName: subject },
    ...{ emailVerified: false, claims: {} },
    ...more,
  })
  return {
    id,
    issuer,
    proves,
    signIn: (subject, more, attempt = {}) =>
      signInPerson(tenant.provisioning, {
        proved: proves(subject, more),
        request: { id: randomUUID(), receivedAt: Date.now(), started: performance.now() },
        provisioningDisabled: false,
        ...attempt,
      }).durable,
  }
}

/** Pairs a connection with a provider, as far as the store goes. */
export async function pair(test: TestStore, connection: Caller, provider: ProviderId | null): Promise<void> {
  await test.connections.writer
    .updateTable('connection')
    .set({ signin_provider_id: provider })
    .where('org_id', '=', connection.orgId)
    .where('id', '=', connection.connection!.id)
    .execute()
}

/** How many live people an org has. */
export async function peopleIn(test: TestStore, orgId: OrgId): Promise<number> {
  return (await test.store.reads.orgs.counts(orgId)).users
}
