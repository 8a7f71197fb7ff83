import type { GroupId } from './ids.ts'
import { makesAdmins, matchKey, type Rule } from './rule.ts'
import { globMatches } from './glob.ts'

/** What rules look at in a group. */
export interface MatchedGroup {
  readonly id: GroupId
  /** The folded name. */
  readonly nameKey: string
  readonly externalId: string | undefined
  /** The connection that owns it; undefined where nobody does. */
  readonly owner: string | undefined
}

/** The enabled rules of an org, ready to be asked what matches a group. */
export interface RuleSet {
  readonly rules: readonly Rule[]
  /** Rules for every person. */
  readonly everyone: readonly Rule[]
  /** Rules for a group of an identity provider, by id; none for a group that nobody owns. */
  of(group: MatchedGroup): readonly Rule[]
  /**
   * Those among them that make org admins. A group that nobody owns counts as one of any identity provider here: the
   * next one to write to it may come to own it.
   */
  makingAdmins(group: MatchedGroup): readonly Rule[]
}

/** Answers kept; past them all are forgotten, so that pushing groups without end takes no memory without end. */
const MAX_REMEMBERED = 20_000

/** The rules of an org, indexed. Rules that are switched off are left out. */
export function ruleSet(all: readonly Rule[]): RuleSet {
  const rules = all.filter(({ enabled }) => enabled)
  const find = finder(rules)
  const remembered = new Map<string, readonly Rule[]>()
  const of = (group: MatchedGroup): readonly Rule[] => {
    if (group.owner === undefined) return []
    const key = JSON.stringify([group.owner, group.externalId, group.nameKey])
    const known = remembered.get(key)
    if (known !== undefined) return known
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    const found = find(group).filter((rule) => isOf(rule, group.owner))
    remembered.set(key, found)
    return found
  }
  return {
    rules,
    everyone: sortedById(rules.filter(({ match }) => match.kind === 'everyone')),
    of,
    makingAdmins: (group) => (group.owner === undefined ? find(group) : of(group)).filter((rule) => makesAdmins(rule)),
  }
}

/** The set of an org without any rule. */
export const NO_RULES: RuleSet = ruleSet([])

function isOf({ match }: Rule, owner: string | undefined): boolean {
  return match.connection === undefined || match.connection === owner
}

function finder(rules: readonly Rule[]): (group: MatchedGroup) => readonly Rule[] {
  const byName = new Map<string, Rule[]>()
  const byExternalId = new Map<string, Rule[]>()
  const globs: { readonly rule: Rule; readonly pattern: string }[] = []
  for (const rule of rules) {
    const key = matchKey(rule.match)
    if (rule.match.kind === 'name') push(byName, key, rule)
    else if (rule.match.kind === 'externalId') push(byExternalId, key, rule)
    else if (rule.match.kind === 'glob') globs.push({ rule, pattern: key })
  }
  return ({ nameKey, externalId }) =>
    sortedById([
      ...(byName.get(nameKey) ?? []),
      ...(externalId === undefined ? [] : (byExternalId.get(externalId) ?? [])),
      ...globs.filter(({ pattern }) => globMatches(pattern, nameKey)).map(({ rule }) => rule),
    ])
}

function push(map: Map<string, Rule[]>, key: string, rule: Rule): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [rule])
  else list.push(rule)
}

function sortedById(rules: Rule[]): readonly Rule[] {
  return rules.sort((a, b) => (a.id < b.id ? -1 : 1))
}
