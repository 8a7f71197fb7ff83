import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Group, GroupPlan } from '../domain/group.ts'
import type { GroupId, RuleId, UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { MatchedGroup } from '../domain/rule-set.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { checkNameFree, wakingJobs } from './create-group.ts'
import { isDirectoryOnly, makeTeam } from './directory-only.ts'
import { droppedKeys } from './dropped-keys.ts'
import { groupTargets, recordGroupChange, skippedMembers } from './group-record.ts'
import { askToLink, checkLink, LINK_REASON, settleLink } from './link-confirmation.ts'
import { applyMemberSteps, type MemberChanges } from './member-changes.ts'
import { checkMayOwn, checkOwner, ownerFor, takesOwnership } from './ownership.ts'
import { checkGroupOpen, matched } from './protected-group.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'

export interface GroupChange extends ChangeOptions {
  readonly plan: GroupPlan
}

/**
 * Changes a group by PUT or PATCH (RFC 7644 §3.5): scalars, and members as deltas, all or nothing.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden`, `uniqueness`, `invalid-value`, `too-large`
 */
export function changeGroup(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  { plan, ...options }: GroupChange,
): Submitted<Changed<Group>> {
  const { orgId } = caller
  const intent = {
    action: 'group.update',
    subject: id,
    targets: [{ type: 'group', id }] as const,
    afterRefusal: (stores: WriteStores, error: DomainError) =>
      error.reason === LINK_REASON
        ? askToLink(stores, caller, { subjectType: 'group', subjectId: id })
        : Promise.resolve(),
  }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      const before = await stores.groups.find(orgId, id)
      if (before === undefined) throw new DomainError('not-found', `Group ${id} not found`)
      checkVersion(before.version, options.ifMatch)
      await checkOwner(stores, orgId, caller, before.owner)
      const scalars = await changedScalars(stores, caller, before, plan)
      const members = await applyMemberSteps(stores, caller, before, plan.steps)
      const changes = scalarChanges(before, scalars)
      if (changes.length === 0 && members.people.size + members.added.size + members.removed.size === 0) {
        provisioning.tally.noop(caller, 'group.update', id)
        return { value: before, changed: false }
      }
      await checkGroupOpen(stores, caller, before, scalars)
      const after = await write(stores, caller, { before, scalars, members })
      const rematched = changes.length === 0 ? NOTHING_REMATCHED : await rematch(stores, caller, before, after)
      const { steps = [] } = droppedKeys(options.ignored)
      const record = {
        orgId,
        action: 'group.update',
        actor: caller.actor,
        request: caller.request,
        targets: groupTargets(after),
        changes,
        steps: [...steps, ...rematched.steps, ...skippedMembers(members.skipped)],
      }
      const { added, removed } = members
      const people = new Set([...members.people, ...rematched.people])
      if (await recordGroupChange(stores, record, { added, removed, people })) started()
      return { value: after, changed: true }
    }),
  )
}

interface Rematched {
  /** Everybody in the group, where other rules are for it now. */
  readonly people: readonly UserId[]
  readonly steps: readonly JsonObject[]
}

const NOTHING_REMATCHED: Rematched = { people: [], steps: [] }

/** What another name, externalId or owner comes to: other rules are for the group, and a team may be missing. */
async function rematch(stores: WriteStores, { orgId, ...caller }: Caller, from: Group, to: Group): Promise<Rematched> {
  const rules = await stores.rules.all(orgId)
  const [before, after] = [matched(from), matched(to)]
  const idsOf = (group: MatchedGroup): readonly RuleId[] => rules.of(group).map(({ id }) => id)
  const [was, is] = [idsOf(before), idsOf(after)]
  const step = {
    name: 'rules',
    cause: from.displayName === to.displayName ? 'group.update' : 'group.rename',
    ended: was.filter((id) => !is.includes(id)),
    begun: is.filter((id) => !was.includes(id)),
  }
  if (step.ended.length + step.begun.length === 0) return NOTHING_REMATCHED
  if (
    isDirectoryOnly(rules, before) &&
    !isDirectoryOnly(rules, after) &&
    !(await stores.groups.hasTeam(orgId, to.id))
  ) {
    await makeTeam(stores, { ...caller, orgId }, to.id)
  }
  return { people: await stores.members.people(orgId, to.id), steps: [step] }
}

async function changedScalars(stores: WriteStores, caller: Caller, before: Group, plan: GroupPlan): Promise<Group> {
  const links = takesOwnership(caller, before.owner)
  if (links) await checkMayOwn(stores, caller)
  const displayName = plan.displayName ?? before.displayName
  if (displayName !== before.displayName) {
    await checkNameFree(stores, caller.orgId, displayName, before.id)
    if (links) await checkLink(stores, caller, before.id)
  }
  const seesExternalId = links || before.owner === ownerFor(caller)
  const current = links ? undefined : before.externalId
  const wanted = plan.externalId === undefined ? current : (plan.externalId ?? undefined)
  return {
    ...before,
    displayName,
    owner: links ? caller.connection?.id : before.owner,
    externalId: seesExternalId ? wanted : before.externalId,
  }
}

function scalarChanges(before: Group, after: Group): readonly RecordChange[] {
  const changes: RecordChange[] = []
  for (const path of ['displayName', 'externalId', 'owner'] as const) {
    const [old, now] = [before[path], after[path]]
    if (old === now) continue
    changes.push({ path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) })
  }
  return changes
}

async function write(
  stores: WriteStores,
  caller: Caller,
  change: { readonly before: Group; readonly scalars: Group; readonly members: MemberChanges },
): Promise<Group> {
  const { before, scalars, members } = change
  const after: Group = {
    ...scalars,
    version: before.version + 1,
    updated: stores.now,
    memberCount: before.memberCount + members.listed,
  }
  await stores.groups.update(caller.orgId, after)
  if (before.owner !== after.owner) await settleLink(stores, caller, before.id)
  await stores.users.touch(caller.orgId, [...members.people], stores.now)
  return after
}
