import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { User } from '../domain/user.ts'
import { sameIdentity } from '../domain/workload.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin, requireTeamAdmin } from './caller-right.ts'
import { createUser, type Prepared } from './create-user.ts'
import { deleteUser } from './delete-user.ts'
import { getPersonNamed } from './named-person.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { type AskedIdentity, checkedIdentity } from './workload-identity.ts'
import { getActiveTeam } from './team-lookup.ts'
import { userTarget } from './user-record.ts'
import { checkVersion } from './version-check.ts'

/** A service account to be made by an admin. */
export interface ServiceAccountDraft {
  readonly userName: string
  readonly displayName?: string
  readonly scope: ServiceAccount['scope']
  readonly defaultTeam: GroupId
  /** The person who answers for it, by id, userName or address; whoever makes it where a person does. */
  readonly owner?: string
  /** What its programs show instead of a key. */
  readonly identity?: AskedIdentity | undefined
}

/** What is changed of a service account; what is absent stays. */
export interface ServiceAccountChange extends Pick<ChangeOptions, 'ifMatch'> {
  readonly owner?: string | undefined
  /** Null ends it, and with it the access tokens that were got by it. */
  readonly identity?: AskedIdentity | null | undefined
}

/**
 * Makes a service account: one of the org by its admins, one of a team by that team's admins as well.
 * @throws DomainError `not-found`, `forbidden`, `uniqueness` when the userName is taken, `invalid-value`
 */
export function createServiceAccount(
  provisioning: Provisioning,
  caller: Caller,
  draft: ServiceAccountDraft,
): Submitted<User> {
  const { orgId } = caller
  const { userName, displayName } = draft
  const attributes = { userName, ...(displayName === undefined ? {} : { displayName }) }
  const prepare = async (stores: WriteStores): Promise<Prepared> => {
    await checkMayRun(stores, caller, draft)
    checkUserName(userName)
    const team = await getActiveTeam(stores, orgId, draft.defaultTeam)
    return {
      answering: await ownerOf(stores, caller, draft.owner),
      identity: draft.identity && (await checkedIdentity(stores, orgId, draft.identity, undefined)),
      wishes: [
        { kind: 'account_type', value: draft.scope === 'org' ? 'ORG_SERVICE' : 'SERVICE' },
        { kind: 'default_team', teamName: team.name },
      ],
    }
  }
  return createUser(provisioning, caller, { active: true, externalId: undefined, attributes, prepare })
}

/**
 * Names another person to answer for a service account, or another identity for its programs.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`, `invalid-value`, `uniqueness` for another's identity
 */
export function changeServiceAccount(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  change: ServiceAccountChange,
): Submitted<Changed<User>> {
  const { orgId } = caller
  const intent = { action: 'user.update', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const { user, account } = await getServiceAccount(stores, orgId, id)
    await checkMayRun(stores, caller, account)
    checkVersion(user.version, change.ifMatch)
    const changes = [
      ...(await changedOwner(stores, orgId, account, change.owner)),
      ...(await changedIdentity(stores, orgId, account, change.identity)),
    ]
    if (changes.length === 0) {
      provisioning.tally.noop(caller, 'user.update', id)
      return { value: user, changed: false }
    }
    await stores.users.touch(orgId, [id], stores.now)
    await stores.journal.append(orgId, {
      action: 'user.update',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [userTarget(user)],
      changes,
    })
    return { value: { ...user, version: user.version + 1, updated: stores.now }, changed: true }
  })
}

async function changedOwner(
  stores: WriteStores,
  orgId: OrgId,
  { user, owner }: ServiceAccount,
  said: string | undefined,
): Promise<readonly RecordChange[]> {
  const next = said === undefined ? owner : (await getPersonNamed(stores, orgId, said)).id
  if (next === undefined || next === owner) return []
  await stores.services.setOwner(orgId, user, next)
  return [{ path: 'owner', ...(owner === undefined ? {} : { old: owner }), new: next }]
}

async function changedIdentity(
  stores: WriteStores,
  orgId: OrgId,
  { user, identity }: ServiceAccount,
  asked: AskedIdentity | null | undefined,
): Promise<readonly RecordChange[]> {
  if (asked === undefined) return []
  const next = asked === null ? undefined : await checkedIdentity(stores, orgId, asked, user)
  if (sameIdentity(next, identity)) return []
  await stores.services.setIdentity(orgId, user, next)
  return [{ path: 'identity', old: identity === undefined ? null : { ...identity }, new: next ? { ...next } : null }]
}

/**
 * Deletes a service account; its keys end with it.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`
 */
export function deleteServiceAccount(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  { ifMatch }: Pick<ChangeOptions, 'ifMatch'>,
): Submitted<void> {
  return deleteUser(provisioning, caller, id, {
    method: 'DELETE',
    ...(ifMatch === undefined ? {} : { ifMatch }),
    check: async (stores) => checkMayRun(stores, caller, (await getServiceAccount(stores, caller.orgId, id)).account),
  })
}

/**
 * Refuses whoever may not make, change or end a service account and its keys: those of the org are for its admins, those
 * of a team also for the team's.
 * @throws DomainError `not-found`, `forbidden`
 */
export async function checkMayRun(
  stores: WriteStores,
  caller: Caller,
  { scope, defaultTeam }: Pick<ServiceAccount, 'scope' | 'defaultTeam'>,
): Promise<void> {
  if (scope === 'org') requireOrgAdmin(caller)
  else await requireTeamAdmin(stores, caller, defaultTeam)
}

/** A live service account. @throws DomainError `not-found` */
export async function getServiceAccount(
  stores: WriteStores,
  orgId: OrgId,
  id: UserId,
): Promise<{ readonly user: User; readonly account: ServiceAccount }> {
  const user = await stores.users.find(orgId, id)
  const account = user && (await stores.services.find(orgId, id))
  if (user !== undefined && account !== undefined) return { user, account }
  throw new DomainError('not-found', `Service account ${id} not found`)
}

async function ownerOf(stores: WriteStores, caller: Caller, said: string | undefined): Promise<UserId> {
  if (said !== undefined) return (await getPersonNamed(stores, caller.orgId, said)).id
  const { account } = caller
  if (account?.user !== undefined && !account.isService) return account.user
  throw new DomainError('invalid-value', 'owner is required: the person who answers for the account.', {
    params: { path: 'owner' },
  })
}

/** UTF-16 units: a key of an index. */
const MAX_USER_NAME = 256

function checkUserName(userName: string): void {
  if (
    userName.trim() === userName &&
    userName !== '' &&
    userName.length <= MAX_USER_NAME &&
    !/\p{Cc}/u.test(userName)
  ) {
    return
  }
  const sentence = `userName must be text of 1 to ${MAX_USER_NAME} characters without spaces around it.`
  throw new DomainError('invalid-value', sentence, { params: { path: 'userName' } })
}
