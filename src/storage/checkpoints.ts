/** Changes after which the log of the embedded store is copied into its file: about a thousand pages. */
const CHANGES = 64

/**
 * Copies the write-ahead log into the file of the embedded store every so many changes, in a turn of the event loop of
 * its own: left to SQLite it would be part of a commit, on top of the work of the batch.
 * @param checkpoint does it; may throw, since what it leaves undone stays in the log and the next one finds it
 * @returns to be called after each commit, with how many changes it held
 */
export function createCheckpoints(checkpoint: () => void): (changes: number) => Promise<void> {
  let since = 0
  return async (changes) => {
    since += changes
    if (since < CHANGES) return
    since = 0
    await new Promise(setImmediate)
    try {
      checkpoint()
    } catch {
      // The changes are safe in the log. A disk that takes no more is told to the next client by its commit.
      since = CHANGES
    }
  }
}
