import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { RecordId, RoleId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft } from '../domain/record.ts'
import type { CustomRole } from '../domain/role.ts'
import type { TeamRoleGrant, WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import type { ChangeOptions, Provisioning } from './provisioning.ts'
import { INLINE_PEOPLE, PEOPLE_PER_RECORD, reconcilePeople } from './reconcile-people.ts'
import { startReconcileJob } from './reconcile-job.ts'
import { roleChanges, roleTarget } from './role-record.ts'
import { checkMayWriteRoles } from './role-right.ts'
import { peopleOfRole, recordUses, rewriteUses } from './role-uses.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'

/**
 * Deletes a custom role (RFC 7644 §3.6). Whoever had it in a team has its base there from now on: the grants of people and
 * rules, and default roles of teams, are rewritten with it, each in the log.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`
 */
export function deleteRole(
  provisioning: Provisioning,
  caller: Caller,
  id: RoleId,
  options: ChangeOptions,
): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'role.delete', subject: id, targets: [{ type: 'role', id }] as const }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      const role = await stores.roles.find(orgId, id)
      if (role === undefined) throw new DomainError('not-found', `Role ${id} not found`)
      checkMayWriteRoles(caller)
      checkVersion(role.version, options.ifMatch)
      const people = await peopleOfRole(stores, orgId, id)
      const grants = await stores.roles.rewriteGrants(orgId, id, role.base)
      const uses = await rewriteUses(stores, caller, role)
      await stores.roles.remove(orgId, id)
      if (await recordDeletion(stores, caller, role, grants)) started()
      if (await recordUses(stores, orgId, uses, people)) started()
    }),
  )
}

/** One record for the role and the first of its holders, further ones caused by it. @returns whether a job was started */
async function recordDeletion(
  stores: WriteStores,
  caller: Caller,
  role: CustomRole,
  grants: readonly TeamRoleGrant[],
): Promise<boolean> {
  const { orgId } = caller
  const holders = [...new Set(grants.map(({ user }) => user))]
  const inline = holders.length <= INLINE_PEOPLE
  await stores.users.touch(orgId, holders, stores.now)
  let first: { readonly id: RecordId; readonly seq: number } | undefined
  for (const people of chunksOf(holders)) {
    const effects = inline ? await reconcilePeople(stores, orgId, people) : []
    const named = new Set(people)
    const theirs = grants.filter(({ user }) => named.has(user))
    const draft = { ...draftOf(caller, role, people, theirs), effects }
    const changes = first === undefined ? [...roleChanges(role, undefined), ...draft.changes] : draft.changes
    const cause = first === undefined ? {} : { cause: first.id }
    const appended = await stores.journal.append(orgId, { ...draft, changes, ...cause })
    first ??= appended
  }
  if (inline || first === undefined) return false
  await startReconcileJob(stores, orgId, { reason: 'role.delete', cause: first, people: holders })
  return true
}

/** At least one chunk, for a role that nobody holds. */
function chunksOf(people: readonly UserId[]): readonly (readonly UserId[])[] {
  const count = Math.max(1, Math.ceil(people.length / PEOPLE_PER_RECORD))
  return Array.from({ length: count }, (_, index) =>
    people.slice(index * PEOPLE_PER_RECORD, (index + 1) * PEOPLE_PER_RECORD),
  )
}

function draftOf(
  caller: Caller,
  role: CustomRole,
  people: readonly UserId[],
  grants: readonly TeamRoleGrant[],
): RecordDraft & Required<Pick<RecordDraft, 'changes'>> {
  return {
    action: 'role.delete',
    actor: caller.actor,
    request: caller.request,
    outcome: { result: 'success' },
    targets: [roleTarget(role), ...people.map((id) => ({ type: 'user', id }) as const)],
    changes: grants.map(({ user, team }) => ({
      path: 'teamRoles',
      old: { user, team, role: role.id },
      new: { user, team, role: role.base },
    })),
  }
}
