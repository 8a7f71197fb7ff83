import type { AccessWish } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { newId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { User, UserState, UserStatus } from '../domain/user.ts'
import type { WorkloadIdentity } from '../domain/workload.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { applyWishes } from './apply-wishes.ts'
import { askedSeats } from './grant-outcome.ts'
import { declaredValues } from './declared-values.ts'
import { droppedKeys } from './dropped-keys.ts'
import { checkMayOwn, ownerFor } from './ownership.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcileMade, reconcileNewPerson, withEffects } from './reconcile-people.ts'
import { accountTypeOf, equipService, serviceAttributes } from './service-account.ts'
import { submitChange } from './submit-change.ts'
import { userChanges, userTarget } from './user-record.ts'

export interface UserDraft extends UserState {
  /** Names of unknown keys that were dropped. */
  readonly ignored?: readonly string[]
  /** Runs first, in the same unit of work: it may refuse, and says what is wished and who answers for the account. */
  readonly prepare?: (stores: WriteStores) => Promise<Prepared>
  /** Runs last, in the same unit of work, for what goes with the person. */
  readonly finish?: (stores: WriteStores, made: User) => Promise<void>
  /** Whether the person is pending until they arrive. */
  readonly isInvited?: boolean
}

export interface Prepared {
  readonly wishes: readonly AccessWish[]
  /** The person who answers for a service account. */
  readonly answering?: UserId
  /** What the programs of a service account show. */
  readonly identity?: WorkloadIdentity | undefined
}

/**
 * Makes a person, or a service account where the wishes say so (RFC 7644 §3.3). A userName that was freed by a deletion
 * makes a new one with nothing of the old.
 * @throws DomainError `uniqueness` when a live person has the userName, or the connection's externalId, or what its wishes meet
 */
export function createUser(provisioning: Provisioning, caller: Caller, draft: UserDraft): Submitted<User> {
  const { orgId } = caller
  const id = newId<UserId>(caller.request.receivedAt)
  const intent = { action: 'user.create', subject: draft.attributes.userName, targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    await checkMayOwn(stores, caller)
    const prepared = await draft.prepare?.(stores)
    const wishes = prepared?.wishes ?? draft.wishes ?? []
    const accountType = accountTypeOf(wishes)
    const isPerson = accountType === 'USER'
    const status = statusOf(draft)
    const user: User = {
      id,
      ord: await stores.next(orgId, 'ord.user'),
      version: 1,
      created: stores.now,
      updated: stores.now,
      status,
      accountType,
      owner: ownerFor(caller),
      externalId: draft.externalId,
      orgRole: 'none',
      attributes: isPerson
        ? await declaredValues(stores, orgId, draft.attributes)
        : serviceAttributes(draft.attributes),
    }
    const context = await stores.access.emptyContext(orgId)
    if (context.policy.settings.deactivateRemoves) await replaceRemoved(stores, caller, draft.attributes.userName)
    await stores.users.insert(orgId, user)
    await stores.count(orgId, 'user', 1)
    const granted = isPerson
      ? await applyWishes(stores, caller, { before: undefined, after: user }, wishes)
      : await equipService(stores, caller, { account: user, ...prepared }, wishes)
    const person = { id, status, accountType, explicit: [], members: [] } as const
    const effects =
      granted.changes.length === 0
        ? await reconcileNewPerson(stores, orgId, person, context)
        : await reconcileMade(stores, orgId, id, askedSeats(granted))
    await stores.journal.append(orgId, {
      action: 'user.create',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [userTarget(user), ...granted.targets],
      changes: [...userChanges(undefined, user), ...granted.changes],
      effects,
      steps: [...(droppedKeys(draft.ignored).steps ?? []), ...granted.steps],
    })
    await draft.finish?.(stores, user)
    return withEffects(user, effects)
  })
}

function statusOf({ isInvited, active }: UserDraft): UserStatus {
  if (isInvited === true) return 'pending'
  return active ? 'active' : 'deactivated'
}

/**
 * Where deactivation ends what people have for good, whoever is added again is a new person, and the record of the old
 * one goes: clients of W&B know no other way back.
 */
async function replaceRemoved(stores: WriteStores, caller: Caller, userName: string): Promise<void> {
  const { orgId, actor, request } = caller
  const old = await stores.users.nameHolder(orgId, userName)
  const isTheirs = old?.owner === undefined || old.owner === ownerFor(caller)
  if (old?.status !== 'deactivated' || !isTheirs || !(await stores.removed.has(orgId, old.id))) return
  await stores.users.remove(orgId, old.id, stores.now)
  await stores.count(orgId, 'user', -1)
  const outcome = { result: 'success', reason: 'user.replaced' } as const
  await stores.journal.append(orgId, { action: 'user.delete', actor, request, outcome, targets: [userTarget(old)] })
}
