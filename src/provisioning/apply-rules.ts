import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type OrgId, type RuleId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft } from '../domain/record.ts'
import { isSameRule, matchKey, MAX_RULES, type Rule, type RuleState } from '../domain/rule.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import { makeMissingTeams } from './directory-only.ts'
import type { Provisioning } from './provisioning.ts'
import { type RuleDraft, ruleStateOf } from './rule-draft.ts'
import { ruleDraft, ruleLabel } from './rule-record.ts'
import { checkMayWriteRules } from './rule-right.ts'
import { submitChange } from './submit-change.ts'
import { recordWithPeople } from './touch-people.ts'
import { peopleOfRules } from './touched-people.ts'

/** How the rules of an org differ from those that are wanted. */
export interface RulesDifference {
  /** With ids that are theirs once they are made. */
  readonly made: readonly Rule[]
  readonly changed: readonly { readonly before: Rule; readonly after: Rule }[]
  readonly removed: readonly Rule[]
  /** How many are as they are wanted. */
  readonly same: number
}

/**
 * What applying a whole set of rules would do. Rules are told apart by what they match, so a set needs no ids.
 * @throws DomainError `invalid-value` whose `path` begins with the place in the list (`rules[3].grants[0].team`)
 */
export function planRules(
  provisioning: Provisioning,
  orgId: OrgId,
  drafts: readonly RuleDraft[],
): Submitted<RulesDifference> {
  return provisioning.work.submit(orgId, (stores) => differenceOf(stores, orgId, drafts))
}

/**
 * Makes the rules of an org those that are given, all or nothing, each with a record of its own. Whom that gives other
 * access has it at once, or by a job where they are many.
 * @throws DomainError as {@link planRules}, `forbidden`, `last-admin`
 */
export function applyRules(
  provisioning: Provisioning,
  caller: Caller,
  drafts: readonly RuleDraft[],
): Submitted<RulesDifference> {
  const { orgId } = caller
  const intent = { action: 'rule.apply', subject: orgId, targets: [] }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      checkMayWriteRules(caller)
      const difference = await differenceOf(stores, orgId, drafts)
      if (await applyDifference(stores, caller, difference)) started()
      return difference
    }),
  )
}

async function differenceOf(stores: WriteStores, orgId: OrgId, drafts: readonly RuleDraft[]): Promise<RulesDifference> {
  if (drafts.length > MAX_RULES) {
    throw new DomainError('invalid-value', `An organisation has at most ${MAX_RULES} rules`, {
      params: { path: 'rules' },
    })
  }
  const left = new Map((await stores.rules.list(orgId)).map((rule) => [keyOf(rule), rule]))
  const seen = new Set<string>()
  const made: Rule[] = []
  const changed: { before: Rule; after: Rule }[] = []
  let same = 0
  for (const [at, draft] of drafts.entries()) {
    const state = await atPlace(at, () => ruleStateOf(stores, orgId, draft))
    const key = keyOf(state)
    if (seen.has(key)) throw twice(at, state)
    seen.add(key)
    const before = left.get(key)
    left.delete(key)
    if (before === undefined) made.push(newRule(stores, state))
    else if (isSameRule(before, state)) same++
    else changed.push({ before, after: { ...before, ...state, version: before.version + 1, updated: stores.now } })
  }
  return { made, changed, removed: [...left.values()], same }
}

function newRule({ now }: WriteStores, state: RuleState): Rule {
  return { ...state, id: newId<RuleId>(now), ord: 0, version: 1, created: now, updated: now }
}

function keyOf({ match }: Pick<RuleState, 'match'>): string {
  return JSON.stringify([match.kind, matchKey(match), match.connection ?? ''])
}

async function atPlace<T>(at: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'invalid-value') throw error
    const field = error.params?.['path']
    const path = `rules[${at}].${typeof field === 'string' ? field : ''}`
    throw new DomainError('invalid-value', error.message, { reason: error.reason, params: { path } })
  }
}

function twice(at: number, { match }: RuleState): DomainError {
  const message = `There is a rule for ${ruleLabel(match)} above already; there is one rule to a match, so join the two`
  return new DomainError('invalid-value', message, {
    reason: 'rule.match-twice',
    params: { path: `rules[${at}].match` },
  })
}

/** @returns whether a job was started */
async function applyDifference(
  stores: WriteStores,
  caller: Caller,
  { made, changed, removed }: RulesDifference,
): Promise<boolean> {
  const { orgId } = caller
  const was = [...removed, ...changed.map(({ before }) => before)]
  const people = new Set<UserId>(await peopleOfRules(stores, orgId, was))
  const drafts: RecordDraft[] = []
  for (const rule of removed) {
    await stores.rules.remove(orgId, rule.id)
    drafts.push(ruleDraft(caller, 'rule.delete', { before: rule, after: undefined }))
  }
  for (const { before, after } of changed) {
    await stores.rules.update(orgId, after)
    drafts.push(ruleDraft(caller, 'rule.update', { before, after }))
  }
  for (const rule of made) {
    await stores.rules.insert(orgId, { ...rule, ord: await stores.next(orgId, 'ord.rule') })
    drafts.push(ruleDraft(caller, 'rule.create', { before: undefined, after: rule }))
  }
  for (const rule of was) for (const id of (await makeMissingTeams(stores, caller, rule)).people) people.add(id)
  const is = [...made, ...changed.map(({ after }) => after)]
  for (const id of await peopleOfRules(stores, orgId, is)) people.add(id)
  const last = drafts.pop()
  for (const draft of drafts) await stores.journal.append(orgId, draft)
  // What all of them together come to is one change of access: in between nobody may lose what they keep.
  return last !== undefined && recordWithPeople(stores, orgId, last, [...people])
}
