import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'

/** Held for the life of a server process; the operating system frees it when the process dies in any way. */
export interface ServerLock {
  /** Whether the last holder died without releasing: the store wants a check before it is served. */
  readonly uncleanStop: boolean
  /** @param sound false for a store that must be checked at the next start all the same */
  release(sound?: boolean): void
}

/**
 * One server process per embedded store. Node has no file locks of its own, SQLite does: an exclusive transaction on a
 * small file beside the database, left open, is one that no crash can leave behind.
 * @returns undefined when another process holds the lock
 */
export function takeServerLock(dataDir: string): ServerLock | undefined {
  mkdirSync(dataDir, { recursive: true })
  const database = new Sqlite(join(dataDir, 'server.lock'), { timeout: 0 })
  try {
    // Set before the exclusive transaction opens, so it is on disk however this process ends.
    const uncleanStop = database.pragma('user_version', { simple: true }) === 1
    database.pragma('user_version = 1')
    database.exec('BEGIN EXCLUSIVE')
    return {
      uncleanStop,
      release(sound = true) {
        database.exec('COMMIT')
        if (sound) database.pragma('user_version = 0')
        database.close()
      },
    }
  } catch (error) {
    database.close()
    if (error instanceof Sqlite.SqliteError && error.code === 'SQLITE_BUSY') return undefined
    throw error
  }
}
