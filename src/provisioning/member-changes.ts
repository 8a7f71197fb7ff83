import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import {
  type Group,
  MAX_MEMBERS_PER_REQUEST,
  type MemberInput,
  type MemberOrigin,
  type MemberStep,
} from '../domain/group.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { MemberDelta, WriteStores } from '../domain/write-ports.ts'
import { idsToRemove, resolveMembers } from './resolve-members.ts'

/** What steps over a group's members came to. */
export interface MemberChanges {
  /** People and nested groups that were not in and now are, net over the steps. */
  readonly added: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
  /** People whose facts changed, whatever came of it. */
  readonly people: ReadonlySet<UserId>
  /** By how many the listed members changed. */
  readonly listed: number
  /** Ids of deleted people that were passed over. */
  readonly skipped: readonly string[]
}

/**
 * Applies member steps in order as deltas, never loading the group. A fact has the origin of who states it: `scim` from
 * an identity provider, `manual` from a script. Replace and remove-all end the caller's own facts (a script's also those
 * of origin `scim`); a removal that names the person ends that person's facts of every origin but `service`.
 * @throws DomainError `invalid-value` for members that cannot be, `too-large` past 20,000 named
 */
export async function applyMemberSteps(
  stores: WriteStores,
  caller: Caller,
  group: Group,
  steps: readonly MemberStep[],
): Promise<MemberChanges> {
  checkCount(steps)
  const change = new MemberChange(stores, caller, group)
  for (const step of steps) await change.apply(step)
  return change
}

function checkCount(steps: readonly MemberStep[]): void {
  const named = steps.reduce((sum, step) => sum + ('members' in step ? step.members.length : 0), 0)
  if (named <= MAX_MEMBERS_PER_REQUEST) return
  throw new DomainError(
    'too-large',
    `This request names ${named} members; send at most ${MAX_MEMBERS_PER_REQUEST} in one request`,
  )
}

class MemberChange implements MemberChanges {
  readonly #stores: WriteStores
  readonly #caller: Caller
  readonly #group: GroupId
  readonly added = new Set<string>()
  readonly removed = new Set<string>()
  readonly people = new Set<UserId>()
  readonly skipped: string[] = []
  listed = 0

  constructor(stores: WriteStores, caller: Caller, group: Group) {
    this.#stores = stores
    this.#caller = caller
    this.#group = group.id
  }

  async apply(step: MemberStep): Promise<void> {
    const { members } = this.#stores
    switch (step.do) {
      case 'add':
        return this.#add(step.members)
      case 'remove':
        return this.#removeNamed(await idsToRemove(this.#stores, this.#caller.orgId, step.members))
      case 'removeWhere':
        return this.#removeNamed(await members.matching(this.#caller.orgId, this.#group, step.where))
      case 'removeAll':
        return this.#set([])
      case 'set':
        return this.#set(step.members)
    }
  }

  get #origin(): MemberOrigin {
    return this.#caller.connection?.kind === 'idp' ? 'scim' : 'manual'
  }

  async #add(inputs: readonly MemberInput[]): Promise<void> {
    const { people, groups } = await this.#resolve(inputs)
    await this.#state(people)
    this.#nest(await this.#stores.members.addChildren(this.#caller.orgId, this.#group, groups), true)
  }

  async #removeNamed(ids: readonly string[]): Promise<void> {
    const { orgId } = this.#caller
    this.#take(await this.#stores.members.removePeople(orgId, this.#group, ids), false)
    this.#nest(await this.#stores.members.removeChildren(orgId, this.#group, ids), false)
  }

  async #set(inputs: readonly MemberInput[]): Promise<void> {
    const { orgId } = this.#caller
    const { members } = this.#stores
    const { people, groups } = await this.#resolve(inputs)
    const origins: MemberOrigin[] = this.#origin === 'scim' ? ['scim'] : ['scim', 'manual']
    this.#take(await members.removeOthers(orgId, this.#group, people, origins), false)
    const keep = new Set<string>(groups)
    const others = (await members.children(orgId, this.#group)).filter((child) => !keep.has(child))
    this.#nest(await members.removeChildren(orgId, this.#group, others), false)
    await this.#state(people)
    this.#nest(await members.addChildren(orgId, this.#group, groups), true)
  }

  async #resolve(inputs: readonly MemberInput[]): Promise<{ people: readonly UserId[]; groups: readonly GroupId[] }> {
    const { people, groups, skipped } = await resolveMembers(this.#stores, this.#caller.orgId, inputs)
    if (groups.includes(this.#group)) {
      throw new DomainError('invalid-value', 'members: a group cannot be a member of itself')
    }
    this.skipped.push(...skipped)
    return { people, groups }
  }

  async #state(people: readonly UserId[]): Promise<void> {
    const fact = { origin: this.#origin, setBy: this.#caller.connection?.id, at: this.#stores.now }
    this.#take(await this.#stores.members.add(this.#caller.orgId, this.#group, people, fact), true)
  }

  #take(delta: MemberDelta, joined: boolean): void {
    this.listed += delta.listed
    for (const person of delta.people) {
      this.people.add(person)
      this.#net(person, joined)
    }
  }

  #nest(groups: readonly GroupId[], joined: boolean): void {
    this.listed += joined ? groups.length : -groups.length
    for (const group of groups) this.#net(group, joined)
  }

  /** Added and removed again within one request is neither. */
  #net(id: string, joined: boolean): void {
    const [here, there] = joined ? [this.added, this.removed] : [this.removed, this.added]
    if (!there.delete(id)) here.add(id)
  }
}
