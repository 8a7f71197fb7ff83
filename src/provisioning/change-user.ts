import type { AccessWish } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import { primaryEmail, type User, type UserState, type UserStatus } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { checkAdminUntouched, isOrgAdmin, mayGrantAdmin } from './admin-guard.ts'
import { applyWishes } from './apply-wishes.ts'
import { askedSeats } from './grant-outcome.ts'
import { currentAccess } from './current-access.ts'
import { declaredValues } from './declared-values.ts'
import { droppedKeys } from './dropped-keys.ts'
import { followIdentity } from './follow-identity.ts'
import { endedAccess, guardRemovals, holdRemoval, removerOf } from './guard-removals.ts'
import { askToLink, checkLink, LINK_REASON, settleLink } from './link-confirmation.ts'
import { checkMayOwn, checkOwner, ownerFor, takesOwnership } from './ownership.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { reconcileAsked, withEffects } from './reconcile-people.ts'
import { removeAccess } from './restore-user.ts'
import { checkNotBreakGlass } from './local-way.ts'
import { endSessionsAfter } from './sessions.ts'
import { submitChange } from './submit-change.ts'
import { isSameUser, userChanges, userTarget } from './user-record.ts'
import { checkVersion } from './version-check.ts'

export interface UserChange extends ChangeOptions {
  /** Pure: the state wanted, computed on the stored one. It refuses by throwing a DomainError. */
  readonly change: (current: UserState) => UserState
  /** Whether `change` looks at what the person may do. */
  readonly readsAccess?: boolean
  /** Whether it names `roles` or `entitlements`, and so states them also where they are what they were. */
  readonly namesRoles?: boolean
}

/**
 * Changes a person by PUT or PATCH (RFC 7644 §3.5). `change` is computed on the stored state inside the org's write
 * lock, so no two changes lose one another. The first change by an idp connection to a person nobody owns takes
 * ownership. What changes nothing leaves the version as it is.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden`, `uniqueness`, `last-admin`, or what `change` or its
 * wishes meet
 */
export function changeUser(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  options: UserChange,
): Submitted<Changed<User>> {
  const { orgId } = caller
  const intent = {
    action: 'user.update',
    subject: id,
    targets: [{ type: 'user', id }] as const,
    afterRefusal: (stores: WriteStores, error: DomainError) =>
      error.reason === LINK_REASON
        ? askToLink(stores, caller, { subjectType: 'user', subjectId: id })
        : holdRemoval(stores, caller, error, { act: 'deactivate', user: id }),
  }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const before = await stores.users.find(orgId, id)
    if (before === undefined) throw new DomainError('not-found', `User ${id} not found`)
    checkVersion(before.version, options.ifMatch)
    await checkOwner(stores, orgId, caller, before.owner)
    await checkNotBreakGlass(stores, caller, before)
    const { after, wishes } = await changed(stores, caller, before, options)
    const subject = { before, after, namesRoles: options.namesRoles === true }
    const granted = await applyWishes(stores, caller, subject, wishes)
    const isSame = isSameUser(before, after)
    if (isSame && granted.changes.length === 0) {
      provisioning.tally.noop(caller, 'user.update', id)
      return { value: before, changed: false }
    }
    await stores.users.update(orgId, before, after)
    await followIdentity(stores, orgId, before, after)
    if (before.owner !== after.owner) await settleLink(stores, caller, id)
    const concerned = before.status !== after.status || granted.changes.length > 0
    const { effects, policy } = concerned
      ? await reconcileAsked(stores, orgId, [id], askedSeats(granted))
      : { effects: [], policy: undefined }
    const removed = policy === undefined ? [] : await removal(stores, orgId, { before, after, policy })
    const ended = await endSessionsAfter(stores, caller, before, after)
    await stores.journal.append(orgId, {
      action: actionOf(before, after),
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [userTarget(after), ...granted.targets, ...ended.targets],
      changes: [...userChanges(before, after), ...granted.changes, ...removed],
      effects,
      steps: [...(droppedKeys(options.ignored).steps ?? []), ...granted.steps, ...ended.steps],
    })
    if (policy !== undefined && endedAccess(effects, id)) {
      await guardRemovals(stores, removerOf(caller), policy.settings.breaker, { act: 'deactivate', people: [id] })
    }
    return { value: withEffects(after, effects), changed: true }
  })
}

/**
 * Where the org says that deactivation ends what people have for good: that, and no way back but an admin's.
 * @throws DomainError `invalid-value` in the words that clients of W&B know
 */
async function removal(
  stores: WriteStores,
  orgId: OrgId,
  { before, after, policy }: { readonly before: User; readonly after: User; readonly policy: OrgPolicy },
): Promise<readonly RecordChange[]> {
  if (!policy.settings.deactivateRemoves || before.status === after.status) return []
  if (after.status === 'deactivated') return removeAccess(stores, orgId, after.id)
  if (!(await stores.removed.has(orgId, after.id))) return []
  throw new DomainError('invalid-value', 'User reactivation operations are not supported in SaaS Cloud', {
    reason: 'user.removed',
  })
}

interface Wanted {
  readonly after: User
  readonly wishes: readonly AccessWish[]
}

async function changed(
  stores: WriteStores,
  caller: Caller,
  before: User,
  { change, readsAccess = false }: UserChange,
): Promise<Wanted> {
  const links = takesOwnership(caller, before.owner)
  if (links) await checkMayOwn(stores, caller)
  const seesExternalId = before.owner === ownerFor(caller)
  const next = change({
    attributes: before.attributes,
    active: before.status !== 'deactivated',
    // A client sees and changes only its own externalId: one that a script left, or that links another's, stays hidden.
    externalId: seesExternalId ? before.externalId : undefined,
    ...(readsAccess ? { access: await currentAccess(stores, caller.orgId, before) } : {}),
  })
  const after: User = {
    ...before,
    version: before.version + 1,
    updated: stores.now,
    status: statusOf(before.status, next.active, caller),
    owner: links ? caller.connection?.id : before.owner,
    externalId: seesExternalId || links ? next.externalId : before.externalId,
    attributes: await declaredValues(stores, caller.orgId, next.attributes, before.attributes),
  }
  if (links && (await needsConfirmation(stores, caller, before, after))) await checkLink(stores, caller, before.id)
  await checkAdminUntouched(stores, caller, { before, after, links })
  return { after, wishes: next.wishes ?? [] }
}

/**
 * A link that changes who the person is in the eyes of sign-in, gives an admin an owner that may make none, or hands an
 * identity provider an account that is no person.
 */
async function needsConfirmation(stores: WriteStores, caller: Caller, before: User, after: User): Promise<boolean> {
  if (changesIdentity(before, after) || before.accountType !== 'USER') return true
  return !mayGrantAdmin(caller) && (await isOrgAdmin(stores, caller.orgId, before))
}

/** The first write of an identity provider means the invited person has arrived. */
function statusOf(before: UserStatus, active: boolean, caller: Caller): UserStatus {
  if (!active) return 'deactivated'
  return before === 'pending' && caller.connection?.kind !== 'idp' ? 'pending' : 'active'
}

/** Whether a linking write would make the resource somebody else's in the eyes of sign-in. */
function changesIdentity(before: User, after: User): boolean {
  const email = (user: User): string => fold(primaryEmail(user.attributes) ?? '')
  return fold(before.attributes.userName) !== fold(after.attributes.userName) || email(before) !== email(after)
}

function actionOf(before: User, after: User): string {
  if (before.status === after.status) return 'user.update'
  return after.status === 'deactivated'
    ? 'user.deactivate'
    : before.status === 'pending'
      ? 'user.activate'
      : 'user.reactivate'
}
