import type { OrgId } from '../domain/ids.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { ChangeTally } from '../domain/tally.ts'

/** What every use case is given. */
export interface Provisioning {
  readonly work: UnitOfWork
  readonly tally: ChangeTally
  /** Tells the job runner that an org has people to reconcile. */
  readonly wakeJobs: (orgId: OrgId) => void
}

export interface ChangeOptions {
  /** Versions of `If-Match` as text, or `['*']`; absent when the client sent none (RFC 7644 §3.14). */
  readonly ifMatch?: readonly string[]
  readonly method: 'PUT' | 'PATCH' | 'DELETE'
  /** Names of unknown keys that were dropped. */
  readonly ignored?: readonly string[]
}

/** The resource after the change, and whether anything changed. */
export interface Changed<T> {
  readonly value: T
  readonly changed: boolean
}
