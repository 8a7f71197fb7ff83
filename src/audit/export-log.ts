import { setImmediate } from 'node:timers/promises'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { isAsked, type LogQuery, pagesOf, rangeOf } from './log-query.ts'
import type { ValueOpener } from './opened-values.ts'
import { cefLine } from './record-cef.ts'
import { csvHead, recordRows } from './record-csv.ts'
import { recordLine } from './record-lines.ts'
import { ocsfLine } from './record-ocsf.ts'

/** The forms a log is exported in. */
export const EXPORT_FORMS = ['ndjson', 'csv', 'ocsf', 'cef'] as const
export type ExportForm = (typeof EXPORT_FORMS)[number]

export interface ExportRequest {
  readonly orgId: OrgId
  readonly form: ExportForm
  readonly query: LogQuery
  /** Absent: commitments stay closed. */
  readonly values: ValueOpener | undefined
  /** For `csv`: whether it begins with a byte order mark. */
  readonly bom: boolean
}

/**
 * The records of a query up to the head as it stands now, a page a piece: nothing is held but the page.
 * @throws DomainError `invalid-value` for a range turned round
 */
export async function* exportLog(reads: RecordReads, request: ExportRequest): AsyncGenerator<string> {
  const { orgId, form, query, values, bom } = request
  const range = await rangeOf(reads, orgId, query)
  if (form === 'csv') yield csvHead(bom)
  for await (const page of pagesOf(reads, orgId, range)) {
    const asked = page.filter((record) => isAsked(query, record))
    const opened = values === undefined ? undefined : await values.open(orgId, asked)
    if (asked.length > 0) yield asked.map((record) => WRITERS[form](record, opened?.get(record.seq) ?? [])).join('')
    // A fast reader would else keep the event loop to itself for the whole log.
    await setImmediate()
  }
}

const WRITERS: Readonly<Record<ExportForm, (record: StoredRecord, pii: readonly PiiTriple[]) => string>> = {
  ndjson: recordLine,
  csv: recordRows,
  ocsf: ocsfLine,
  cef: cefLine,
}
