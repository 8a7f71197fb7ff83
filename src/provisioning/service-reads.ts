import type { OrgId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { Operation } from './found-org.ts'

const DAY_MS = 86_400_000
/** Readers remembered here; whoever is not is looked up in the store. */
const MOST_KNOWN = 10_000

/** Who reads the log on and on, and how. */
export interface ServiceRead {
  /** A key, a session or a sink, and whether it is shown personal values: each is a reader of its own. */
  readonly reader: string
  /** `pull`, `stream`, or the kind of a sink. */
  readonly form: string
  readonly personal: boolean
  readonly target: RecordTarget
}

/** Notes in the log who reads it on and on: a record once a day, and not one a request. */
export interface ServiceReads {
  /** Resolves once the record of it is durable, if one is due: what is read may be given out then. */
  note(operation: Operation, orgId: OrgId, read: ServiceRead): Promise<void>
}

/** @param now epoch milliseconds */
export function createServiceReads(work: UnitOfWork, now: () => number): ServiceReads {
  const noted = new Map<string, number>()
  return {
    async note({ actor, request }, orgId, { reader, form, personal, target }) {
      const name = personal ? `${reader} personal` : reader
      const key = `${orgId} ${name}`
      if (now() - (noted.get(key) ?? Number.NEGATIVE_INFINITY) < DAY_MS) return
      await work.submit(orgId, async ({ journal, sinks, now: at }) => {
        if (!(await sinks.noteReader(orgId, name, { since: at - DAY_MS, at }))) return
        const params: JsonObject = { form, personal }
        await journal.append(orgId, {
          ...{ action: 'log.read', actor, request, outcome: { result: 'success', params } },
          targets: [target],
        })
      }).durable
      if (noted.size >= MOST_KNOWN) noted.clear()
      noted.set(key, now())
    },
  }
}
