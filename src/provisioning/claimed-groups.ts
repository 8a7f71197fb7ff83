import type { GroupId, UserId } from '../domain/ids.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { matched } from './protected-group.ts'
import { reconcilePeople, withEffects } from './reconcile-people.ts'
import type { SignInTurn } from './sign-in-turn.ts'
import { userTarget } from './user-record.ts'

/** Names beyond these are passed over: providers themselves send no more than some hundreds. */
const MAX_NAMES = 1_000

/** Groups that a sign-in puts a person into and takes them from. */
interface Moves {
  readonly added: readonly GroupId[]
  readonly removed: readonly GroupId[]
  /** Left as they are: their members are made admins, which this provider may not decide. */
  readonly withheld: readonly GroupId[]
}

/**
 * Makes the person's memberships of origin `claim` those of the groups that the provider named; facts of every other
 * origin stay. Names without a group make none. Groups whose people become admins are left alone, unless a paired
 * connection may grant admin; the last admin keeps theirs.
 * @returns the person with the role that came of it
 */
export async function followClaimedGroups(turn: SignInTurn, user: User): Promise<User> {
  const { stores, proved, cause, actor, request } = turn
  const { orgId, groups } = proved
  if (groups === undefined) return user
  const { added, removed, withheld } = await movesOf(turn, user, groups)
  if (added.length + removed.length === 0) return user
  const targets: RecordTarget[] = []
  for (const id of added) targets.push(await move(turn, user.id, id, 'in'))
  for (const id of removed) targets.push(await move(turn, user.id, id, 'out'))
  await stores.users.touch(orgId, [user.id], stores.now)
  const effects = await reconcilePeople(stores, orgId, [user.id])
  await stores.journal.append(orgId, {
    ...{ action: 'sso.groups', actor, request, cause, outcome: { result: 'success' } },
    targets: [userTarget(user), ...targets],
    changes: [{ path: 'groups', added, removed }],
    effects,
    ...(withheld.length === 0 ? {} : { steps: [{ name: 'withheld', groups: withheld, reason: 'group.protected' }] }),
  })
  return withEffects({ ...user, version: user.version + 1, updated: stores.now }, effects)
}

async function movesOf({ stores, proved }: SignInTurn, user: User, names: readonly string[]): Promise<Moves> {
  const { orgId, providerId } = proved
  const wanted = new Set(await stores.identities.groupsNamed(orgId, names.slice(0, MAX_NAMES)))
  const { people } = await stores.access.facts(orgId, [user.id])
  const members = people[0]?.members ?? []
  const had = members.filter(({ origin }) => origin === 'claim').map(({ groupId }) => groupId)
  const added = [...wanted].filter((id) => !had.includes(id))
  const removed = had.filter((id) => !wanted.has(id))
  const shielded = await shieldedOf(stores, proved, [...added, ...removed])
  if (shielded.size === 0) return { added, removed, withheld: [] }
  const mayGrant = await stores.identities.providerMayGrantAdmin(orgId, providerId)
  const isLast = user.orgRole === 'admin' && (await stores.access.activeAdmins(orgId)) <= 1
  const keeps = (id: GroupId): boolean => shielded.has(id) && (!mayGrant || isLast)
  const adds = (id: GroupId): boolean => shielded.has(id) && !mayGrant
  return {
    added: added.filter((id) => !adds(id)),
    removed: removed.filter((id) => !keeps(id)),
    withheld: [...added.filter(adds), ...removed.filter(keeps)],
  }
}

/** Those of the groups whose people a rule makes admins, or that an admin marked. */
async function shieldedOf(
  stores: WriteStores,
  { orgId }: SignInTurn['proved'],
  ids: readonly GroupId[],
): Promise<ReadonlySet<GroupId>> {
  const shielded = new Set<GroupId>()
  if (ids.length === 0) return shielded
  const rules = await stores.rules.all(orgId)
  for (const id of ids) {
    const group = await stores.groups.find(orgId, id)
    if (group === undefined) continue
    if (group.markedProtected || rules.makingAdmins(matched(group)).length > 0) shielded.add(id)
  }
  return shielded
}

async function move(turn: SignInTurn, user: UserId, id: GroupId, way: 'in' | 'out'): Promise<RecordTarget> {
  const { stores, proved } = turn
  const { orgId, providerId } = proved
  const fact = { origin: 'claim', setBy: providerId, at: stores.now } as const
  const { listed } =
    way === 'in'
      ? await stores.members.add(orgId, id, [user], fact)
      : await stores.members.removeFacts(orgId, id, [user], 'claim')
  const group = await stores.groups.find(orgId, id)
  if (group === undefined) return { type: 'group', id }
  const memberCount = group.memberCount + listed
  await stores.groups.update(orgId, { ...group, version: group.version + 1, updated: stores.now, memberCount })
  return { type: 'group', id, display: group.displayName }
}
