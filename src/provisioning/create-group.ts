import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Group, GroupDraft } from '../domain/group.ts'
import { type GroupId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { droppedKeys } from './dropped-keys.ts'
import { groupTargets, recordGroupChange, skippedMembers } from './group-record.ts'
import { applyMemberSteps } from './member-changes.ts'
import { checkMayOwn, ownerFor } from './ownership.ts'
import type { Provisioning } from './provisioning.ts'
import { joinOrgAccounts } from './service-account.ts'
import { submitChange } from './submit-change.ts'

/** How long a deleted group's name brings its team back to the connection that deleted it. */
const RESTORE_MS = 30 * 86_400_000

/**
 * Makes a group and its team of the same id (RFC 7644 §3.3). A name that the same connection deleted within 30 days
 * brings back that team and id, with the members this request names. The org's service accounts join it.
 * @throws DomainError `uniqueness` naming the holder, `invalid-value` for members that cannot be
 */
export function createGroup(provisioning: Provisioning, caller: Caller, draft: GroupDraft): Submitted<Group> {
  const { orgId } = caller
  const fresh = newId<GroupId>(caller.request.receivedAt)
  const intent = { action: 'group.create', subject: draft.displayName, targets: [] }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      await checkNameFree(stores, orgId, draft.displayName)
      const { group: made, action } = await makeGroup(stores, caller, draft, fresh)
      const services = await serviceAccounts(stores, caller, made, action)
      const members = await applyMemberSteps(stores, caller, made, [{ do: 'add', members: draft.members }])
      const people = new Set([...members.people, ...services])
      const group: Group = { ...made, memberCount: members.listed }
      if (members.listed > 0) await stores.groups.update(orgId, group)
      await stores.users.touch(orgId, [...people], stores.now)
      const { steps = [] } = droppedKeys(draft.ignored)
      const record = {
        orgId,
        action,
        actor: caller.actor,
        request: caller.request,
        targets: groupTargets(group),
        changes: [
          { path: 'displayName', new: group.displayName },
          ...(services.length === 0 ? [] : [{ path: 'serviceAccounts', added: services }]),
        ],
        steps: [...steps, ...skippedMembers(members.skipped)],
      }
      const { added, removed } = members
      if (await recordGroupChange(stores, record, { added, removed, people })) started()
      return group
    }),
  )
}

/** The service accounts of the org are in every team that SCIM makes; those of a team that comes back were in it. */
async function serviceAccounts(
  stores: WriteStores,
  caller: Caller,
  group: Group,
  action: string,
): Promise<readonly UserId[]> {
  const joined = await joinOrgAccounts(stores, caller, group.id)
  return action === 'team.restore' ? stores.members.people(caller.orgId, group.id) : joined
}

/** Tells the job runner once the change that started a job is committed. */
export function wakingJobs<T>(
  provisioning: Provisioning,
  orgId: OrgId,
  submit: (started: () => void) => Submitted<T>,
): Submitted<T> {
  let jobs = false
  const submitted = submit(() => {
    jobs = true
  })
  const wake = (): void => {
    if (jobs) provisioning.wakeJobs(orgId)
  }
  submitted.durable.then(wake, () => undefined)
  return submitted
}

/**
 * One live group a name in an org.
 * @throws DomainError `uniqueness`
 */
export async function checkNameFree(
  stores: WriteStores,
  orgId: OrgId,
  displayName: string,
  except?: GroupId,
): Promise<void> {
  const holder = await stores.groups.nameHolder(orgId, displayName)
  if (holder === undefined || holder === except) return
  throw new DomainError(
    'uniqueness',
    `The group ${holder} has this displayName already; link to it or choose another name`,
    { reason: 'group.name-taken', params: { holder } },
  )
}

async function makeGroup(
  stores: WriteStores,
  caller: Caller,
  draft: GroupDraft,
  fresh: GroupId,
): Promise<{ readonly group: Group; readonly action: string }> {
  const { orgId } = caller
  await checkMayOwn(stores, caller)
  const owner = ownerFor(caller)
  const { displayName, externalId } = draft
  const deleted = owner && (await stores.groups.findDeleted(orgId, displayName, owner, stores.now - RESTORE_MS))
  await stores.count(orgId, 'group', 1)
  if (deleted !== undefined) {
    const version = deleted.version + 1
    const group: Group = { ...deleted, displayName, externalId, version, updated: stores.now, memberCount: 0 }
    await stores.groups.revive(orgId, group)
    await stores.groups.archiveTeam(orgId, group.id, undefined)
    return { group, action: 'team.restore' }
  }
  const group: Group = {
    id: fresh,
    ord: await stores.next(orgId, 'ord.group'),
    version: 1,
    created: stores.now,
    updated: stores.now,
    displayName,
    owner,
    externalId,
    markedProtected: false,
    memberCount: 0,
  }
  await stores.groups.insert(orgId, group)
  const { settings } = await stores.orgs.policy(orgId)
  if (settings.groupsCreateTeams) await stores.groups.insertTeam(orgId, group.id)
  return { group, action: 'group.create' }
}
