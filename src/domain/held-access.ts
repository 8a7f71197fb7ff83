import type { GroupId } from './ids.ts'
import type { StoredSeat } from './seat-allocation.ts'

/** The derived state a person has now. */
export interface HeldAccess {
  readonly active: boolean
  readonly orgRole: string
  readonly memberships: ReadonlyMap<GroupId, { readonly role: string; readonly source: string }>
  readonly seats: ReadonlyMap<string, StoredSeat>
}
