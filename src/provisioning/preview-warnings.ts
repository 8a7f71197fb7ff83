import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { makesAdmins, type Rule } from '../domain/rule.ts'
import type { MatchableGroup } from '../domain/rule-ports.ts'
import type { PlannedChange } from './planned-change.ts'
import { groupsOfRule } from './touched-people.ts'
import { ruleLabel } from './rule-record.ts'

const MAX_NAMED = 10

/** Sentences on rules about to be saved: those that match nothing or everything, and groups they would close. */
export async function ruleWarnings(
  reads: ReadStores,
  orgId: OrgId,
  { before, after, archives }: Extract<PlannedChange, { kind: 'rules' }>,
): Promise<readonly string[]> {
  const closing = new Set<string>()
  for (const { id, mayGrantAdmin } of await reads.orgs.connections(orgId)) if (!mayGrantAdmin) closing.add(id)
  const warnings: string[] = []
  for (const rule of after) {
    const label = `The rule "${rule.name === '' ? ruleLabel(rule.match) : rule.name}"`
    if (rule.match.kind === 'everyone') {
      warnings.push(`${label} is for every person of the organization`)
      continue
    }
    const groups = await groupsOfRule(reads, orgId, rule)
    const every = rule.match.kind === 'glob' && groups.length > 1 && groups.length === (await ownedGroups(reads, orgId))
    if (every) warnings.push(`${label} matches every group of an identity provider`)
    const was = before.find(({ id }) => id === rule.id)
    for (const sentence of groupWarnings({ rule, was, groups, closing, archives: (archives?.size ?? 0) > 0 }))
      warnings.push(`${label} ${sentence}`)
  }
  return warnings
}

interface RuledGroups {
  readonly rule: Rule
  readonly was: Rule | undefined
  readonly groups: readonly MatchableGroup[]
  /** Connections that may not grant admin. */
  readonly closing: ReadonlySet<string>
  /** Whether teams that are there are archived with it. */
  readonly archives: boolean
}

function groupWarnings({ rule, was, groups, closing, archives }: RuledGroups): readonly string[] {
  const warnings = groups.length === 0 ? ['matches no group of an identity provider'] : []
  const staying = groups.filter(({ hasTeam }) => hasTeam).map(({ displayName }) => displayName)
  if (rule.directoryOnly && was?.directoryOnly !== true && staying.length > 0) {
    const choice = archives ? 'are archived with it' : 'stay unless they are archived with it (existingTeams: archive)'
    warnings.push(`makes no teams from now on; these are there already and ${choice}: ${named(staying)}`)
  }
  const closed = groups.filter(({ owner }) => closing.has(owner ?? '')).map(({ displayName }) => displayName)
  if (makesAdmins(rule) && closed.length > 0) {
    warnings.push(
      `protects groups whose connection may not grant admin and can no longer change them: ${named(closed)}`,
    )
  }
  return warnings
}

async function ownedGroups(reads: ReadStores, orgId: OrgId): Promise<number> {
  return (await reads.rules.groups(orgId, undefined)).filter(({ owner }) => owner !== undefined).length
}

function named(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
