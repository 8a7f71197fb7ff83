import type { JsonObject } from '../domain/json.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { User } from '../domain/user.ts'

/** What came of wishes, for the record. */
export interface GrantOutcome {
  readonly changes: readonly RecordChange[]
  /** Groups and teams the person joined. */
  readonly targets: readonly RecordTarget[]
  readonly steps: readonly JsonObject[]
}

/** The person or service account that wishes are for, as it will be; `before` is undefined for one that is just made. */
export interface Subject {
  readonly before: User | undefined
  readonly after: User
  /** Whether the client named `roles` or `entitlements`, which states them also where they are what they were. */
  readonly namesRoles?: boolean
}

/** The products of which wishes named the seat. */
export function askedSeats({ changes }: GrantOutcome): { readonly products: readonly string[] } {
  return { products: changes.flatMap(({ path }) => (path.startsWith('seats.') ? [path.slice('seats.'.length)] : [])) }
}
