export type AccountType = 'USER' | 'SERVICE' | 'ORG_SERVICE'

export type OrgRole = 'admin' | 'member' | 'viewer'

export interface TeamRoleValue {
  readonly teamName: string
  readonly roleName: string
}

export interface RegistryRoleValue {
  readonly registryName: string
  readonly roleName: string
}

/** What a person may do, by the names clients use: effective values, and the registry roles as stated. */
export interface Access {
  readonly accountType: AccountType
  /** undefined while the person has no access. */
  readonly organizationRole: OrgRole | undefined
  /** Product → full | viewer | none. */
  readonly seats: ReadonlyMap<string, string>
  readonly teamRoles: readonly TeamRoleValue[]
  readonly registryRoles: readonly RegistryRoleValue[]
}

/**
 * One explicit value a client wants of a person's access, names as the client wrote them; `value` undefined clears it.
 * `join` asks for membership of a team and says nothing of the role in it; `default_team` is the one that a service
 * account belongs to.
 */
export type AccessWish =
  | { readonly kind: 'org_role'; readonly value: string | undefined }
  | { readonly kind: 'seat'; readonly product: string; readonly value: string | undefined }
  | { readonly kind: 'team_role'; readonly teamName: string; readonly value: string | undefined }
  | { readonly kind: 'registry_role'; readonly registryName: string; readonly value: string | undefined }
  | { readonly kind: 'join'; readonly teamName: string }
  | { readonly kind: 'account_type'; readonly value: string }
  | { readonly kind: 'default_team'; readonly teamName: string }

/** The roles a person can have in an org, the highest first. */
export const ORG_ROLES: readonly OrgRole[] = ['admin', 'member', 'viewer']
