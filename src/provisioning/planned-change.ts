import type { GroupId, UserId } from '../domain/ids.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { CustomRole, RoleState } from '../domain/role.ts'
import type { Rule } from '../domain/rule.ts'

/** What is about to be saved. */
export type PlannedChange =
  /** Rules as they are, and as they would be: made, changed and deleted ones together. */
  | {
      readonly kind: 'rules'
      readonly before: readonly Rule[]
      readonly after: readonly Rule[]
      /** Teams that would be archived with them, and who is in each. */
      readonly archives?: ReadonlyMap<GroupId, readonly UserId[]>
    }
  /** A custom role changed, or deleted: then whoever has it has its base. */
  | { readonly kind: 'role'; readonly role: CustomRole; readonly to: RoleState | undefined }
  /** Defaults, settings or the licence. */
  | { readonly kind: 'policy'; readonly policy: OrgPolicy }
