import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Group, GroupDraft } from '../domain/group.ts'
import { type GroupId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isDirectoryOnly } from './directory-only.ts'
import { droppedKeys } from './dropped-keys.ts'
import { groupTargets, recordGroupChange, skippedMembers } from './group-record.ts'
import { applyMemberSteps } from './member-changes.ts'
import { insertGroup } from './new-group.ts'
import { checkMayOwn, ownerFor } from './ownership.ts'
import { checkGroupOpen, matched } from './protected-group.ts'
import type { Provisioning } from './provisioning.ts'
import { joinOrgAccounts } from './service-account.ts'
import { submitChange } from './submit-change.ts'
import { peopleOfTeam } from './touched-people.ts'

/** How long a deleted group can come back: restored by an admin, or pushed again by the connection that deleted it. */
export const RESTORE_MS = 30 * 86_400_000

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
      const { group: made, ended, action, hasTeam } = await makeGroup(stores, caller, draft, fresh)
      const services = hasTeam ? await joinOrgAccounts(stores, caller, made.id) : []
      const members = await applyMemberSteps(stores, caller, made, [{ do: 'add', members: draft.members }])
      // Whoever was in a team that comes back, as a service account or by a rule, is in it again.
      const others = action === 'team.restore' ? await peopleOfTeam(stores, orgId, made.id) : []
      const people = new Set([...members.people, ...services, ...others])
      const group: Group = { ...made, memberCount: members.listed }
      if (members.listed > 0) await stores.groups.update(orgId, group)
      await stores.users.touch(orgId, [...people], stores.now)
      const { steps = [] } = droppedKeys(draft.ignored)
      const record = {
        orgId,
        action,
        actor: caller.actor,
        request: caller.request,
        targets: groupTargets(group, hasTeam),
        changes: [
          { path: 'displayName', new: group.displayName },
          ...(services.length === 0 ? [] : [{ path: 'serviceAccounts', added: services }]),
        ],
        steps: [...steps, ...skippedMembers(members.skipped)],
      }
      const { added } = members
      const removed = new Set(ended.filter((person) => !added.has(person)))
      if (await recordGroupChange(stores, record, { added, removed, people })) started()
      return group
    }),
  )
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

interface MadeGroup {
  readonly group: Group
  /** Who was in it when it was deleted, deleted people among them. */
  readonly ended: readonly UserId[]
  readonly action: string
  readonly hasTeam: boolean
}

async function makeGroup(stores: WriteStores, caller: Caller, draft: GroupDraft, fresh: GroupId): Promise<MadeGroup> {
  const { orgId } = caller
  await checkMayOwn(stores, caller)
  const owner = ownerFor(caller)
  const { displayName, externalId } = draft
  const deleted = owner && (await stores.groups.findDeleted(orgId, displayName, owner, stores.now - RESTORE_MS))
  if (deleted !== undefined) {
    const version = deleted.version + 1
    const group: Group = { ...deleted, displayName, externalId, version, updated: stores.now, memberCount: 0 }
    await checkGroupOpen(stores, caller, group)
    const team = await stores.teams.findDeleted(orgId, group.id)
    const archivedBefore = team?.archivedAt === team?.deletedAt ? undefined : team?.archivedAt
    await stores.count(orgId, 'group', 1)
    const ended = await stores.groups.revive(orgId, group)
    await stores.teams.endRoles(orgId, group.id)
    await stores.groups.archiveTeam(orgId, group.id, archivedBefore)
    return { group, ended, action: 'team.restore', hasTeam: true }
  }
  const group = await insertGroup(stores, orgId, { id: fresh, displayName, owner, externalId })
  await checkGroupOpen(stores, caller, group)
  const { settings } = await stores.orgs.policy(orgId)
  const hasTeam = settings.groupsCreateTeams && !isDirectoryOnly(await stores.rules.all(orgId), matched(group))
  if (hasTeam) await stores.groups.insertTeam(orgId, group.id)
  return { group, ended: [], action: 'group.create', hasTeam }
}
