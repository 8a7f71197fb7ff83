import { type CompiledQuery, type DialectAdapter, type Kysely, SqliteAdapter } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { runCompiled, sendCompiled } from './direct-run.ts'
import { giveName } from './statement-names.ts'

/** Runs a prepared query. Its parameters are taken by name. */
export interface PreparedQuery<Given extends object, Row> {
  (db: Kysely<Database>, given: Given): Promise<readonly Row[]>
  /** For what answers nothing and, but for an outage, cannot fail: see {@link sendCompiled}. */
  send(db: Kysely<Database>, given: Given): Promise<void>
}

/** Stands for a parameter while a query is built. */
class Slot {
  readonly name: PropertyKey

  constructor(name: PropertyKey) {
    this.name = name
  }
}

/**
 * A query that is built and compiled once for each open store, and from then on only gets other parameters: for what
 * runs at each request, building it anew costs more than running it.
 *
 * `build` is given placeholders in place of values, typed as the values they stand for. It may only hand them on to the
 * query, not look at them, and the query's text must not depend on them: `null` compares by `is`, so it is no parameter
 * of a comparison.
 */
export function preparedQuery<Given extends object, Row>(
  build: (db: Kysely<Database>, given: Given, dialect: Dialect) => CompiledQuery<Row>,
): PreparedQuery<Given, Row> {
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<Row>>()
  const slots = new Proxy({}, { get: (_target, name) => new Slot(name) }) as Given

  const filled = (db: Kysely<Database>, given: Given): CompiledQuery<Row> => {
    const { adapter } = db.getExecutor()
    let query = compiled.get(adapter)
    if (query === undefined) {
      const dialect = adapter instanceof SqliteAdapter ? 'sqlite' : 'postgres'
      query = build(db, slots, dialect)
      if (dialect === 'postgres') giveName(query.sql)
      compiled.set(adapter, query)
    }
    const parameters = query.parameters.map((value) => (value instanceof Slot ? valueOf(given, value) : value))
    return { ...query, parameters }
  }
  const run = async (db: Kysely<Database>, given: Given): Promise<readonly Row[]> => runCompiled(db, filled(db, given))
  return Object.assign(run, {
    send: async (db: Kysely<Database>, given: Given): Promise<void> => sendCompiled(db, filled(db, given)),
  })
}

function valueOf(given: object, { name }: Slot): unknown {
  return (given as Readonly<Record<PropertyKey, unknown>>)[name]
}
