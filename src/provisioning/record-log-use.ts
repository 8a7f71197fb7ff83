import type { JsonObject } from '../domain/json.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/** What is taken out of the log, and in which form. */
export interface LogUse {
  /** `ndjson`, `csv`, `pack` and the like. */
  readonly form: string
  /** Epoch milliseconds. */
  readonly from?: number
  readonly to?: number
  /** An id. */
  readonly about?: string
  readonly action?: string
  /** Whether personal values are disclosed. */
  readonly personal: boolean
}

/** Who took what out of the log is part of it: a record an export, written before anything is given out. */
export function recordExport(
  { work }: Pick<Provisioning, 'work'>,
  { actor, request }: Operation,
  orgId: OrgId,
  use: LogUse,
): Submitted<unknown> {
  return work.submit(orgId, ({ journal }) =>
    journal.append(orgId, {
      ...{ action: 'log.export', actor, request },
      outcome: { result: 'success', params: paramsOf(use) },
      targets: [{ type: 'org', id: orgId }],
    }),
  )
}

function paramsOf({ form, from, to, about, action, personal }: LogUse): JsonObject {
  return {
    ...{ form, personal },
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
    ...(about === undefined ? {} : { about }),
    ...(action === undefined ? {} : { action }),
  }
}
