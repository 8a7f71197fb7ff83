import type { CompiledQuery, KyselyConfig } from 'kysely'

/** Told of each statement once it has run, with its bound values: for tests of plans, never for a log. */
export type QueryListener = (query: CompiledQuery) => void

/** The part of Kysely's settings that calls the listener; nothing where there is none. */
export function listening(onQuery: QueryListener | undefined): Pick<KyselyConfig, 'log'> {
  return onQuery === undefined ? {} : { log: (event) => onQuery(event.query) }
}
