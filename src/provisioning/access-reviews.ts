import { createHash } from 'node:crypto'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, ReviewId } from '../domain/ids.ts'
import { newId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { Personal, type RecordDraft } from '../domain/record.ts'
import type { Review, ReviewDecision, ReviewItem, ReviewScope } from '../domain/review.ts'
import type { UserState } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { changeUser } from './change-user.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { removeTeamMember } from './team-members.ts'

/** Items of one review: somebody decides each of them. */
const MOST_ITEMS = 20_000
const PAGE = 500

/** What became of a decision. */
export interface DecidedItem {
  readonly item: ReviewItem
  /** Why a revocation could not be applied here, and what to do instead. */
  readonly problem: string | undefined
}

/**
 * Begins a review of access: what is held now becomes its items, each with who gave it.
 * @throws DomainError `forbidden`, `not-found` for the team, `invalid-value` where nothing is held, `too-large`
 */
export function startReview(
  provisioning: Provisioning,
  caller: Caller,
  { name, scope }: { readonly name: string; readonly scope: ReviewScope },
): Submitted<Review> {
  const { orgId } = caller
  const id = newId<ReviewId>(Date.now())
  const intent = { action: 'review.start', subject: name, targets: [{ type: 'review', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    if (scope.of === 'team') await checkTeam(stores, caller, scope.team)
    const review = { id, name, seq: stores.journal.nextSeq(orgId) - 1, created: stores.now }
    const items = await stores.reviews.start(orgId, review, scope)
    checkSize(items)
    await record(stores, caller, {
      ...{ action: 'review.start', outcome: { result: 'success', params: { items, after: review.seq } } },
      targets: [...intent.targets, ...(scope.of === 'team' ? [{ type: 'team', id: scope.team } as const] : [])],
    })
    return { ...review, state: 'open', signed: undefined, digest: undefined }
  })
}

async function checkTeam(stores: WriteStores, { orgId }: Caller, team: GroupId): Promise<void> {
  if ((await stores.teams.find(orgId, team)) !== undefined) return
  throw new DomainError('not-found', `Team ${team} not found`)
}

function checkSize(items: number): void {
  if (items === 0)
    throw new DomainError('invalid-value', 'Nobody holds anything of the kind; there is nothing to review')
  if (items <= MOST_ITEMS) return
  throw new DomainError(
    'too-large',
    `${items} values are more than the ${MOST_ITEMS} of one review; review team by team`,
  )
}

/**
 * Decides one item. The reviewer is neither who gave the value nor who holds it. A revocation is applied at once, by the
 * use case that anybody would take it away with, and leaves its own record; what an identity provider or a rule gives
 * can only end there, and stays open until it does.
 * @throws DomainError `not-found`, `forbidden`, `uniqueness` for a review that is signed
 */
export async function decideReviewItem(
  provisioning: Provisioning,
  caller: Caller,
  id: ReviewId,
  decision: ReviewDecision & { readonly n: number },
): Promise<DecidedItem> {
  const item = await decide(provisioning, caller, id, decision).durable
  if (decision.decision === 'keep' || item.endedSeq !== undefined) return { item, problem: undefined }
  return { item, problem: await revoke(provisioning, caller, item) }
}

function decide(
  provisioning: Provisioning,
  caller: Caller,
  id: ReviewId,
  { n, ...decision }: ReviewDecision & { readonly n: number },
): Submitted<ReviewItem> {
  const { orgId, actor } = caller
  const intent = { action: 'review.decide', subject: `${id} ${n}`, targets: [{ type: 'review', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    await getOpen(stores, caller, id)
    const [item] = await stores.reviews.items(orgId, id, n - 1, 1)
    if (item?.n !== n) throw new DomainError('not-found', `This review has no item ${n}`)
    checkReviewer(caller, item)
    const by = { type: actor.type, id: actor.id }
    await stores.reviews.decide(orgId, id, { ...decision, n, by, at: stores.now })
    await record(stores, caller, {
      ...{ action: 'review.decide', outcome: { result: 'success', params: { item: n } } },
      targets: [...intent.targets, { type: 'user', id: item.user }],
      changes: [
        { path: 'decision', old: item.decided?.decision ?? null, new: decision.decision },
        { path: 'reason', new: new Personal(item.user, decision.reason) },
      ],
    })
    return { ...item, decided: { ...decision, by, at: stores.now } }
  })
}

/** @throws DomainError `forbidden` */
function checkReviewer({ actor }: Caller, { given, user }: ReviewItem): void {
  if (actor.id === user) {
    throw new DomainError('forbidden', 'Nobody reviews what they hold themselves; let another admin decide', {
      reason: 'review.own-access',
    })
  }
  if (given?.type === actor.type && given.id === actor.id) {
    throw new DomainError('forbidden', 'Whoever gave it does not review it; let another admin decide', {
      reason: 'review.own-grant',
    })
  }
}

/** @returns why it could not be; undefined when it is done */
async function revoke(provisioning: Provisioning, caller: Caller, item: ReviewItem): Promise<string | undefined> {
  const { user, kind, target } = item
  try {
    if (kind === 'team') {
      const left = await removeTeamMember(provisioning, caller, target as GroupId, { person: user }).durable
      return left.role === undefined ? undefined : 'A rule gives this too; change the rule'
    }
    const change = (state: UserState): UserState => {
      if (kind === 'active') return { ...state, active: false }
      const wish = kind === 'seat' ? { kind, product: target, value: 'none' } : { kind, value: 'member' }
      return { ...state, wishes: [wish] }
    }
    await changeUser(provisioning, caller, user, { method: 'PATCH', change }).durable
    return undefined
  } catch (error) {
    if (!(error instanceof DomainError) || error.code === 'unavailable') throw error
    return error.message
  }
}

/**
 * Signs a review off: all is decided, and nothing that was revoked is still held. The record of it holds a digest over
 * every decision, so that an export of the review can be held against the log.
 * @throws DomainError `not-found`, `forbidden`, `uniqueness` while something is open
 */
export function signReview(provisioning: Provisioning, caller: Caller, id: ReviewId): Submitted<Review> {
  const { orgId } = caller
  const intent = { action: 'review.sign', subject: id, targets: [{ type: 'review', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const review = await getOpen(stores, caller, id)
    const { digest, ...params } = await comeTo(stores, caller, id)
    await stores.reviews.sign(orgId, id, { at: stores.now, digest })
    await record(stores, caller, {
      ...{ action: 'review.sign', outcome: { result: 'success', params } },
      targets: intent.targets,
      changes: [
        { path: 'state', old: 'open', new: 'signed' },
        { path: 'digest', new: digest },
      ],
    })
    return { ...review, state: 'signed', signed: stores.now, digest }
  })
}

async function comeTo(stores: WriteStores, { orgId }: Caller, id: ReviewId) {
  const hash = createHash('sha256')
  let [kept, revoked, undecided, held] = [0, 0, 0, 0]
  for (let after = 0; ;) {
    const page = await stores.reviews.items(orgId, id, after, PAGE)
    for (const item of page) {
      if (item.decided === undefined) undecided++
      else if (item.decided.decision === 'keep') kept++
      else if (item.endedSeq === undefined) held++
      else revoked++
      hash.update(reviewLine(item))
    }
    if (page.length < PAGE) break
    after = page.at(-1)!.n
  }
  if (undecided > 0) throw unfinished(`${undecided} items are not decided yet`)
  if (held > 0) throw unfinished(`${held} revoked values are still held: end them where they are given, or keep them`)
  return { kept, revoked, digest: hash.digest('hex') }
}

/**
 * An item as the digest of a signed review takes it: one line of JSON. Reasons are not in it, since they can be erased.
 */
export function reviewLine({ n, user, kind, target, value, decided }: ReviewItem): string {
  const { decision, by, at } = decided ?? {}
  return `${JSON.stringify([n, user, kind, target, value, decision ?? null, by?.type ?? null, by?.id ?? null, at ?? null])}\n`
}

async function getOpen(stores: WriteStores, { orgId }: Caller, id: ReviewId): Promise<Review> {
  const review = await stores.reviews.find(orgId, id)
  if (review === undefined) throw new DomainError('not-found', `There is no review ${id}`)
  if (review.state === 'open') return review
  throw new DomainError('uniqueness', 'This review is signed off; begin another', { reason: 'review.signed' })
}

function unfinished(sentence: string): DomainError {
  return new DomainError('uniqueness', `This review cannot be signed off: ${sentence}`, { reason: 'review.unfinished' })
}

function record(
  stores: WriteStores,
  { orgId, actor, request }: Caller,
  draft: Omit<RecordDraft, 'actor' | 'request'>,
): Promise<unknown> {
  return stores.journal.append(orgId, { ...draft, actor, request })
}
