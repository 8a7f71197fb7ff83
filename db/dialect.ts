/** The two SQL dialects: embedded (better-sqlite3) and PostgreSQL (`pg`). */
export type Dialect = 'sqlite' | 'postgres'

/** Column types by dialect. Text compares by bytes on both: BINARY is SQLite's default, "C" must be asked of PostgreSQL. */
export function columnTypes(dialect: Dialect): { text: string; int: string; blob: string; autoId: string } {
  return dialect === 'sqlite'
    ? { text: 'TEXT', int: 'INTEGER', blob: 'BLOB', autoId: 'INTEGER PRIMARY KEY AUTOINCREMENT' }
    : {
        text: 'text COLLATE "C"',
        int: 'bigint',
        blob: 'bytea',
        autoId: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      }
}
