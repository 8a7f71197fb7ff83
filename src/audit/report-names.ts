import type { AccessPeriod, HeldKind, HistoryReads, RecordOrigin } from '../domain/history-ports.ts'
import { isId, type OrgId, type RecordId } from '../domain/ids.ts'
import type { Column } from './report.ts'

/** Who holds what: the columns that reports of access have in common. */
export const ACCESS_COLUMNS: readonly Column[] = [
  { name: 'user', label: 'Person, by id' },
  { name: 'userName', label: 'Person' },
  { name: 'kind', label: 'What' },
  { name: 'target', label: 'Of, by id' },
  { name: 'targetName', label: 'Of' },
  { name: 'value', label: 'Value' },
]

/** Words for what has no name of its own. */
const ACTORS: Readonly<Record<string, string>> = { cli: 'local operator', system: 'Rollcall' }

const KINDS: Readonly<Record<HeldKind, string>> = {
  active: 'account',
  org_role: 'organization role',
  seat: 'seat',
  team: 'team role',
}

/** What kind of thing is held, in words. */
export function kindText(kind: HeldKind): string {
  return KINDS[kind]
}

/** Names of what a page of a report is about, read at once. What was erased keeps its id. */
export class Names {
  readonly #byId: ReadonlyMap<string, string>

  constructor(byId: ReadonlyMap<string, string>) {
    this.#byId = byId
  }

  /** @param ids those that may have a name; the empty string and words have none */
  static async read(history: HistoryReads, orgId: OrgId, ids: Iterable<string | undefined>): Promise<Names> {
    const asked = [...new Set(ids)].filter((id): id is string => id !== undefined && isId(id))
    return new Names(asked.length === 0 ? new Map() : await history.names(orgId, asked))
  }

  /** The name of an id; text that is no id, such as a product or a built-in role, as it is. */
  of(id: string): string {
    return this.#byId.get(id) ?? id
  }

  /** Whoever made a record. */
  actor({ actorType, actorId }: Pick<RecordOrigin, 'actorType' | 'actorId'>): string {
    return actorId === undefined ? (ACTORS[actorType] ?? actorType) : this.of(actorId)
  }
}

/** The ids of a period that have names. */
export function idsOf(period: AccessPeriod): readonly string[] {
  return [period.user, period.target, period.value]
}

/**
 * The records at places of the log. One that a job of ours made stands for the record that led to it: that is who gave
 * or took something.
 */
export async function originsOf(
  history: HistoryReads,
  orgId: OrgId,
  seqs: Iterable<number | undefined>,
): Promise<ReadonlyMap<number, RecordOrigin>> {
  const asked = [...new Set(seqs)].filter((seq) => seq !== undefined)
  if (asked.length === 0) return new Map()
  const origins = await history.origins(orgId, asked)
  const ids = [...new Set(Array.from(origins.values(), ({ causeId }) => causeId))]
  const caused = ids.filter((id): id is RecordId => id !== undefined)
  if (caused.length === 0) return origins
  const causes = await history.causes(orgId, caused)
  return new Map(
    Array.from(origins, ([seq, origin]) => {
      const cause = origin.causeId === undefined ? undefined : causes.get(origin.causeId)
      return [seq, cause === undefined ? origin : { ...origin, actorType: cause.actorType, actorId: cause.actorId }]
    }),
  )
}
