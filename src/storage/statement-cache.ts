import type Sqlite from 'better-sqlite3'

const MAX_STATEMENTS = 500

/** What Kysely needs of a SQLite database: `prepare` and `close`. */
export interface PreparingDatabase {
  prepare(sql: string): Sqlite.Statement
  close(): void
}

/**
 * Keeps prepared statements by their text, the least recently used dropped first: preparing costs more than running a
 * key look-up does.
 */
export function withStatementCache(database: Sqlite.Database): PreparingDatabase {
  const statements = new Map<string, Sqlite.Statement>()
  return {
    prepare(sql) {
      const known = statements.get(sql)
      if (known !== undefined) {
        statements.delete(sql)
        statements.set(sql, known)
        return known
      }
      const statement = database.prepare(sql)
      statements.set(sql, statement)
      if (statements.size > MAX_STATEMENTS) statements.delete(statements.keys().next().value ?? sql)
      return statement
    },
    close() {
      statements.clear()
      database.close()
    },
  }
}
