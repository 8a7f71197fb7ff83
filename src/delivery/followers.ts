import type { OrgId } from '../domain/ids.ts'

/** Readers that wait for the log, or are streamed to, at once: of all orgs, and of one. */
const MOST = 500
const MOST_OF_ORG = 50

/** Counts who waits for a log, so that nobody's connections are without number. */
export interface Followers {
  /** @returns what ends it, which may be called more than once; undefined where too many wait already */
  enter(orgId: OrgId): (() => void) | undefined
}

export function createFollowers(): Followers {
  const counts = new Map<OrgId, number>()
  let all = 0
  return {
    enter(orgId) {
      const before = counts.get(orgId) ?? 0
      if (before >= MOST_OF_ORG || all >= MOST) return undefined
      let here = true
      all += 1
      counts.set(orgId, before + 1)
      return () => {
        if (!here) return
        here = false
        all -= 1
        const left = counts.get(orgId)! - 1
        if (left === 0) counts.delete(orgId)
        else counts.set(orgId, left)
      }
    },
  }
}
