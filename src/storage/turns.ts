/** Lets one task a key run at a time, in the order they came. */
export interface Turns {
  take<T>(key: string, run: () => Promise<T>): Promise<T>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    async take<T>(key: string, run: () => Promise<T>): Promise<T> {
      const before = last.get(key)
      const mine = before === undefined ? run() : before.then(run)
      // How one task ends is no matter of the next one's.
      const ended = mine.catch(() => undefined)
      last.set(key, ended)
      try {
        return await mine
      } finally {
        if (last.get(key) === ended) last.delete(key)
      }
    },
  }
}
