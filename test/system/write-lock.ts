import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { packageRoot } from '../../src/config.ts'
import { databaseFile } from '../../src/storage/store.ts'

const HOLDER = `
  const Sqlite = require('better-sqlite3')
  const db = new Sqlite(process.argv[1], { timeout: 10000 })
  db.exec('BEGIN IMMEDIATE')
  console.log('held')
  process.stdin.on('end', () => { db.exec('ROLLBACK'); db.close() }).resume()`

/** A lock that another process holds. */
export interface WriteLock {
  /** Ends that process; a second call does nothing. */
  release(): Promise<void>
}

/** Another process takes the write lock of an embedded store and keeps it until told to release it. */
export async function holdWriteLock(dataDir: string): Promise<WriteLock> {
  const holder = spawn(process.execPath, ['-e', HOLDER, databaseFile(dataDir)], {
    cwd: packageRoot(),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'close')
  await Promise.race([once(holder.stdout, 'data'), ended])
  if (holder.exitCode !== null) throw new Error('The write lock could not be taken')
  return {
    async release() {
      holder.stdin.end()
      await ended
    },
  }
}
