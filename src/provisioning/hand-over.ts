import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { HandedOver } from '../domain/ownership-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { wakingJobs } from './create-group.ts'
import { recordGroupChange } from './group-record.ts'
import type { Provisioning } from './provisioning.ts'
import { PEOPLE_PER_RECORD } from './reconcile-people.ts'
import { submitChange } from './submit-change.ts'
import { peopleOf } from './team-record.ts'

export interface OwnershipChange {
  /** Who is to own it; undefined for nobody: the next connection that updates it then takes it. */
  readonly to: ConnectionId | undefined
  /** The one user or group, or all that a connection owns. */
  readonly what: { readonly type: 'user' | 'group'; readonly id: string } | { readonly allOf: ConnectionId }
}

/**
 * Hands ownership over: of one user or group, or of all that a connection owns, with the externalIds. Rules look at
 * groups of identity providers alone, so the people of a group that changes hands are reconciled.
 * @returns how many users and groups changed hands
 * @throws DomainError `not-found`, `forbidden`, `invalid-value` for a connection that cannot own, `uniqueness` where the
 * new owner has one of the externalIds
 */
export function handOver(
  provisioning: Provisioning,
  caller: Caller,
  { to, what }: OwnershipChange,
): Submitted<{ readonly users: number; readonly groups: number }> {
  const { orgId } = caller
  const subject = 'allOf' in what ? undefined : what
  const target: RecordTarget = 'allOf' in what ? { type: 'connection', id: what.allOf } : what
  const intent = { action: 'owner.change', subject: target.id, targets: [target] }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      requireOrgAdmin(caller)
      if (to !== undefined) await checkCanOwn(stores, orgId, to)
      const from = 'allOf' in what ? await connectionId(stores, orgId, what.allOf) : await ownerOf(stores, orgId, what)
      if (from === to) return { users: 0, groups: 0 }
      const handed = await stores.orgs.handOver(orgId, {
        ...{ from, to, at: stores.now },
        ...(subject === undefined ? {} : { subject }),
      })
      if (handed.users.length + handed.groups.length === 0) return { users: 0, groups: 0 }
      if (await record(stores, caller, { from, to, handed })) started()
      return { users: handed.users.length, groups: handed.groups.length }
    }),
  )
}

interface Handed {
  readonly from: ConnectionId | undefined
  readonly to: ConnectionId | undefined
  readonly handed: HandedOver
}

/** Records of at most 500 users and groups each; people are touched by the last. @returns whether a job was started */
async function record(stores: WriteStores, caller: Caller, { from, to, handed }: Handed): Promise<boolean> {
  const { orgId, actor, request } = caller
  const changes = [
    {
      path: 'owner',
      ...(from === undefined ? {} : { old: from }),
      ...(to === undefined ? {} : { new: to }),
    },
  ]
  const connections = [from, to].flatMap((id): RecordTarget[] => (id === undefined ? [] : [{ type: 'connection', id }]))
  const objects: readonly RecordTarget[] = [
    ...handed.groups.map((id) => ({ type: 'group', id }) as const),
    ...handed.users.map((id) => ({ type: 'user', id }) as const),
  ]
  const chunks = Math.ceil(objects.length / PEOPLE_PER_RECORD)
  for (let chunk = 0; chunk < chunks - 1; chunk++) {
    const targets = [...connections, ...objects.slice(chunk * PEOPLE_PER_RECORD, (chunk + 1) * PEOPLE_PER_RECORD)]
    await stores.journal.append(orgId, {
      ...{ action: 'owner.change', actor, request, outcome: { result: 'success' } },
      ...{ targets, changes },
    })
  }
  const targets = [...connections, ...objects.slice((chunks - 1) * PEOPLE_PER_RECORD)]
  const people = await membersOf(stores, orgId, handed.groups)
  return recordGroupChange(
    stores,
    { orgId, action: 'owner.change', actor, request, targets, changes },
    peopleOf(people),
  )
}

async function membersOf(stores: WriteStores, orgId: OrgId, groups: readonly GroupId[]): Promise<ReadonlySet<UserId>> {
  const people = new Set<UserId>()
  for (const group of groups) for (const user of await stores.members.people(orgId, group)) people.add(user)
  return people
}

/** @throws DomainError `not-found`, `invalid-value` */
async function checkCanOwn(stores: WriteStores, orgId: OrgId, id: ConnectionId): Promise<void> {
  const connection = await stores.orgs.connection(orgId, id)
  if (connection === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
  if (connection.status === 'active' && connection.kind === 'idp') return
  const why = connection.kind === 'idp' ? 'is revoked' : 'is a script, which owns nothing'
  throw new DomainError('invalid-value', `The connection "${connection.name}" ${why}; choose another.`, {
    reason: 'owner.cannot-own',
    params: { path: 'to' },
  })
}

async function connectionId(stores: WriteStores, orgId: OrgId, id: ConnectionId): Promise<ConnectionId> {
  if ((await stores.orgs.connection(orgId, id)) !== undefined) return id
  throw new DomainError('not-found', `Connection ${id} not found`)
}

async function ownerOf(
  stores: WriteStores,
  orgId: OrgId,
  { type, id }: { readonly type: 'user' | 'group'; readonly id: string },
): Promise<ConnectionId | undefined> {
  const found =
    type === 'user' ? await stores.users.find(orgId, id as UserId) : await stores.groups.find(orgId, id as GroupId)
  if (found !== undefined) return found.owner
  throw new DomainError('not-found', `${type === 'user' ? 'User' : 'Group'} ${id} not found`)
}
