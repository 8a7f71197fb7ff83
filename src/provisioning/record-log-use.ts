import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads, Submitted } from '../domain/ports.ts'
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

/** A report or list of the log that somebody looks at. */
export interface LogReading {
  /** `access`, `leavers`, `audit_logs` and the like. */
  readonly report: string
  /** What was asked, without what only concerns its form; ids and dates, never what a person typed as a name. */
  readonly asked: JsonObject
}

/** One question of one reader is noted once in this time. */
const READ_NOTED_MS = 3_600_000
/** So many of the newest notes are looked through for the same question. */
const NOTES_COMPARED = 500

/**
 * Who read what the log says is part of it too, but paging and refreshing are one reading: a record for each question of
 * a reader an hour.
 */
export async function recordReading(
  { work }: Pick<Provisioning, 'work'>,
  records: Pick<RecordReads, 'ofAction'>,
  { actor, request, orgId }: Operation & { readonly orgId: OrgId },
  { report, asked }: LogReading,
): Promise<void> {
  const params = { report, asked }
  const since = request.receivedAt - READ_NOTED_MS
  const noted = await records.ofAction(orgId, 'log.read', NOTES_COMPARED)
  const isNoted = noted.some(
    ({ time, actorType, actorId, body }) =>
      time > since && actorType === actor.type && actorId === actor.id && equalJson(paramsIn(body), params),
  )
  if (isNoted) return
  await work.submit(orgId, ({ journal }) =>
    journal.append(orgId, {
      ...{ action: 'log.read', actor, request },
      outcome: { result: 'success', params },
      targets: [{ type: 'org', id: orgId }],
    }),
  ).durable
}

function paramsIn(body: string): Json | undefined {
  const { outcome } = JSON.parse(body) as JsonObject
  return isJsonObject(outcome) ? outcome['params'] : undefined
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
