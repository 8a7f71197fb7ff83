/** A bounded memory of what was used last, by key. */
export interface Recent<T> {
  get(key: string): T | undefined
  put(key: string, value: T): void
}

/**
 * @param most entries; the least recently used goes first
 * @param lifeMs how long an entry may be used after it was put
 * @param now epoch milliseconds
 */
export function createRecent<T>(most: number, lifeMs: number, now: () => number): Recent<T> {
  const entries = new Map<string, { readonly value: T; readonly until: number }>()
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (now() > entry.until) return undefined
      entries.set(key, entry)
      return entry.value
    },
    put(key, value) {
      entries.delete(key)
      entries.set(key, { value, until: now() + lifeMs })
      if (entries.size > most) entries.delete(entries.keys().next().value ?? key)
    },
  }
}
