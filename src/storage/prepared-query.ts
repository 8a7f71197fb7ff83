import { type CompiledQuery, type DialectAdapter, type Kysely, SqliteAdapter } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { runCompiled } from './direct-run.ts'

/** Runs a prepared query. Its parameters are taken by name. */
export type PreparedQuery<Given extends object, Row> = (db: Kysely<Database>, given: Given) => Promise<readonly Row[]>

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

  return async (db, given) => {
    const { adapter } = db.getExecutor()
    let query = compiled.get(adapter)
    if (query === undefined) {
      query = build(db, slots, adapter instanceof SqliteAdapter ? 'sqlite' : 'postgres')
      compiled.set(adapter, query)
    }
    const parameters = query.parameters.map((value) => (value instanceof Slot ? valueOf(given, value) : value))
    return runCompiled(db, { ...query, parameters })
  }
}

function valueOf(given: object, { name }: Slot): unknown {
  return (given as Readonly<Record<PropertyKey, unknown>>)[name]
}
