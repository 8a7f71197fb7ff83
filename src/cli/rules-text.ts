import type { OrgId, RoleId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import type { Rule } from '../domain/rule.ts'
import type { GrantDraft, RuleDraft } from '../provisioning/rule-draft.ts'

/** Rules as people state them: names in place of ids where a name says which one is meant. */
export async function draftsOf(reads: ReadStores, orgId: OrgId, rules: readonly Rule[]): Promise<readonly RuleDraft[]> {
  const grants = rules.flatMap((rule) => rule.grants).filter(({ kind }) => kind === 'team_role')
  const teams = await teamNames(reads, orgId, [...new Set(grants.map(({ target }) => target))])
  const roles = await roleNames(reads, orgId, [...new Set(grants.map(({ value }) => value))])
  const connections = new Map<string, string>()
  for (const { id, name, status } of await reads.orgs.connections(orgId)) {
    connections.set(id, status === 'active' ? name : id)
  }
  return rules.map(({ name, match, directoryOnly, enabled, grants: given }) => ({
    ...{ name, directoryOnly, enabled },
    match: { ...match, connection: match.connection && (connections.get(match.connection) ?? match.connection) },
    grants: given.map(({ kind, target, value }): GrantDraft => {
      if (kind === 'org_role') return { orgRole: value }
      if (kind === 'seat') return { seat: target, type: value }
      return { team: teams.get(target) ?? target, role: roles.get(value) ?? value }
    }),
  }))
}

/** Live teams alone: the name of another one would name somebody else's team. */
async function teamNames(
  reads: ReadStores,
  orgId: OrgId,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map(await reads.access.groupNames(orgId, ids))
  for (const [id, name] of names) {
    const team = await reads.teams.named(orgId, name)
    if (team?.id !== id) names.delete(id)
  }
  return names
}

async function roleNames(
  reads: ReadStores,
  orgId: OrgId,
  values: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  for (const value of values) {
    const role = isBuiltInRole(value) ? undefined : await reads.roles.find(orgId, value as RoleId)
    if (role !== undefined) names.set(value, role.name)
  }
  return names
}

/** What a rule matches, on one line: `name research`, `glob eng-* of okta`. */
export function matchText({ kind, value = '', connection }: RuleDraft['match']): string {
  if (kind === 'everyone') return kind
  return `${kind} ${value}${connection === undefined ? '' : ` of ${connection}`}`
}

/** What a rule gives, on one line: `team research: admin, seat models: full`. */
export function grantsText({ grants, directoryOnly, enabled }: RuleDraft): string {
  const given = grants.map((grant) => {
    if ('team' in grant) return `team ${grant.team}: ${grant.role}`
    return 'orgRole' in grant ? `org role: ${grant.orgRole}` : `seat ${grant.seat}: ${grant.type}`
  })
  const marks = [...(directoryOnly === true ? ['no team of its own'] : []), ...(enabled === false ? ['off'] : [])]
  return [...given, ...marks].join(', ')
}
