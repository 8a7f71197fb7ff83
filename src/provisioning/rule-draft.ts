import type { Connection } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { type ConnectionId, type GroupId, isId, type OrgId, type RoleId } from '../domain/ids.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import { checkRule, type RuleGrant, type RuleMatchKind, type RuleState, sortedGrants } from '../domain/rule.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** One grant as people state it: teams and custom roles by id or name, org roles and built-in ones in any case. */
export type GrantDraft =
  | { readonly team: string; readonly role: string }
  | { readonly orgRole: string }
  | { readonly seat: string; readonly type: string }

/** A rule as people state it. What is left out is as usual: no name, any identity provider, a team made, enabled. */
export interface RuleDraft {
  readonly name?: string | undefined
  readonly match: {
    readonly kind: RuleMatchKind
    readonly value?: string | undefined
    /** By id or name. */
    readonly connection?: string | undefined
  }
  readonly directoryOnly?: boolean | undefined
  /** What becomes, once and now, of teams that groups have whose rule says that they get none; kept if absent. */
  readonly existingTeams?: 'keep' | 'archive' | undefined
  readonly enabled?: boolean | undefined
  readonly grants: readonly GrantDraft[]
}

/** What the names in drafts are looked up with. */
export type NameStores = Pick<WriteStores, 'grants' | 'roles' | 'access' | 'orgs' | 'groups'>

/**
 * A draft with ids for names.
 * @param before what the rule is now: a team that was archived meanwhile may stay in it
 * @throws DomainError `invalid-value` naming the field: a team, role, product or connection that is not there, or what
 * {@link checkRule} refuses
 */
export async function ruleStateOf(
  stores: NameStores,
  orgId: OrgId,
  draft: RuleDraft,
  before?: RuleState,
): Promise<RuleState> {
  const { kind, value = '', connection } = draft.match
  const grants: RuleGrant[] = []
  for (const [at, grant] of draft.grants.entries()) {
    grants.push(await grantOf({ stores, orgId, path: `grants[${at}]`, before }, grant))
  }
  const state: RuleState = {
    name: draft.name ?? '',
    match: {
      kind,
      value,
      connection: connection === undefined ? undefined : await connectionNamed(stores, orgId, connection),
    },
    directoryOnly: draft.directoryOnly ?? false,
    enabled: draft.enabled ?? true,
    grants,
  }
  checkRule(state)
  return { ...state, grants: sortedGrants(grants) }
}

interface GrantPlace {
  readonly stores: NameStores
  readonly orgId: OrgId
  readonly path: string
  readonly before: RuleState | undefined
}

async function grantOf(place: GrantPlace, grant: GrantDraft): Promise<RuleGrant> {
  if ('orgRole' in grant) return { kind: 'org_role', target: '', value: fold(grant.orgRole) }
  if ('seat' in grant) {
    await checkProduct(place, grant.seat)
    return { kind: 'seat', target: grant.seat, value: fold(grant.type) }
  }
  const target = await teamNamed(place, grant.team)
  return { kind: 'team_role', target, value: await roleNamed(place, grant.role) }
}

async function checkProduct({ stores, orgId, path }: GrantPlace, product: string): Promise<void> {
  const { policy } = await stores.access.emptyContext(orgId)
  if (policy.defaultSeats.has(product)) return
  const known = [...policy.defaultSeats.keys()].join(', ')
  throw unknown(`${path}.seat`, `there is no product ${quoted(product)}; use one of ${known}`)
}

async function teamNamed({ stores, orgId, path, before }: GrantPlace, said: string): Promise<GroupId> {
  const isKept = (id: string): boolean =>
    before?.grants.some(({ kind, target }) => kind === 'team_role' && target === id) === true
  const byId = isId(said) ? await stores.groups.find(orgId, said as GroupId) : undefined
  if (byId === undefined && isKept(said)) return said as GroupId
  const team = await stores.grants.teamNamed(orgId, byId?.displayName ?? said)
  if (team === undefined) throw unknown(`${path}.team`, `there is no team ${quoted(said)}; make it first`)
  if (team.archived && !isKept(team.id)) {
    throw unknown(`${path}.team`, `the team ${quoted(said)} is archived; restore it first`)
  }
  return team.id
}

async function roleNamed({ stores, orgId, path }: GrantPlace, said: string): Promise<string> {
  const builtIn = fold(said)
  if (isBuiltInRole(builtIn)) return builtIn
  if (isId(said) && (await stores.roles.find(orgId, said as RoleId)) !== undefined) return said
  const id = await stores.roles.nameHolder(orgId, said)
  if (id !== undefined) return id
  const message = `there is no role ${quoted(said)}; use admin, member, viewer or the exact name of a custom role`
  throw unknown(`${path}.role`, message)
}

async function connectionNamed(stores: NameStores, orgId: OrgId, said: string): Promise<ConnectionId> {
  const found = await stores.orgs.connectionNamed(orgId, said)
  if (found === undefined) throw unknown('match.connection', `there is no active connection ${quoted(said)}`)
  return checkedConnection(found, said)
}

function checkedConnection({ id, kind }: Connection, said: string): ConnectionId {
  if (kind === 'idp') return id
  const message = `${quoted(said)} is a script connection, which owns no groups; name that of an identity provider`
  throw unknown('match.connection', message)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}

function unknown(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `${path}: ${sentence}.`, { reason: 'rule.unknown-name', params: { path } })
}
