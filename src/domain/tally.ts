import type { Caller } from './caller.ts'

/**
 * What happens too often to be chained one by one: requests that changed nothing, and refusals repeated within an hour.
 * They are counted in memory and chained as one record per connection and ten minutes.
 */
export interface ChangeTally {
  /** A request that changed nothing. `target` is the id of the object it named. */
  noop(caller: Caller, action: string, target: string): void
  /** Whether the same refusal was recorded within the last hour; then it is only counted. */
  repeated(caller: Caller, action: string, target: string, reason: string): boolean
  /** Takes `repeated`'s word back when the record of the refusal could not be committed. */
  forget(caller: Caller, action: string, target: string, reason: string): void
}
