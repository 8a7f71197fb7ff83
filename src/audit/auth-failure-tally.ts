import { isIPv4, isIPv6 } from 'node:net'
import type { OrgId } from '../domain/ids.ts'
import type { RecordDraft } from '../domain/record.ts'
import { SYSTEM_ORG } from './system-org.ts'
import type { DueDraft } from './tally.ts'

const MINUTE_MS = 60_000
const MAX_SOURCES = 1_000
const MAX_MINUTES = 1_000

/**
 * Requests whose credential was missing or wrong (401), counted in memory per source and minute. Each minute becomes
 * one record per org, so that whoever guesses credentials cannot make the gateway write.
 */
export interface AuthFailureTally {
  /**
   * @param ip address of the client, absent where the connection was already gone
   * @param now epoch milliseconds
   * @param orgId the org of a known but expired or revoked token; absent for an unknown one
   */
  unauthenticated(ip: string | undefined, now: number, orgId?: OrgId): void
  /** Takes out the minutes that are over. A draft that cannot be written is the caller's to keep and try again. */
  due(now: number): DueDraft[]
  /** Takes out everything, for an orderly stop. */
  drain(): DueDraft[]
}

interface Minute {
  readonly orgId: OrgId
  readonly start: number
  count: number
  readonly sources: Map<string, number>
  other: number
}

/**
 * An empty tally. Bounds: 1,000 sources at a time, over all orgs and minutes, and 1,000 (org, minute) pairs; sources on
 * top are counted as `other`, orgs on top in the system's own org.
 */
export function createAuthFailureTally(): AuthFailureTally {
  const minutes = new Map<string, Minute>()
  let sourcesHeld = 0

  function minuteOf(orgId: OrgId, start: number): Minute {
    const key = `${orgId}|${start}`
    const held = minutes.get(key)
    if (held !== undefined) return held
    if (minutes.size >= MAX_MINUTES && orgId !== SYSTEM_ORG) return minuteOf(SYSTEM_ORG, start)
    const minute: Minute = { orgId, start, count: 0, sources: new Map(), other: 0 }
    minutes.set(key, minute)
    return minute
  }

  function take(isDue: (minute: Minute) => boolean): DueDraft[] {
    const taken: DueDraft[] = []
    for (const [key, minute] of minutes) {
      if (!isDue(minute)) continue
      minutes.delete(key)
      sourcesHeld -= minute.sources.size
      taken.push({ orgId: minute.orgId, draft: draftOf(minute) })
    }
    return taken
  }

  return {
    unauthenticated(ip, now, orgId = SYSTEM_ORG) {
      const minute = minuteOf(orgId, now - (now % MINUTE_MS))
      const source = sourceOf(ip)
      const seen = minute.sources.get(source)
      minute.count++
      if (seen === undefined && sourcesHeld >= MAX_SOURCES) {
        minute.other++
        return
      }
      if (seen === undefined) sourcesHeld++
      minute.sources.set(source, (seen ?? 0) + 1)
    },
    due: (now) => take((minute) => now - minute.start >= MINUTE_MS),
    drain: () => take(() => true),
  }
}

/**
 * The network an address counts for: `192.0.2.1/32`, `2001:db8:0:1::/64` (one customer holds a whole /64), `unknown`
 * for what is no address. An IPv4 address mapped into IPv6 counts as itself (RFC 4291 §2.5.5.2).
 */
export function sourceOf(ip: string | undefined): string {
  const address = ip?.split('%', 1)[0] ?? ''
  if (isIPv4(address)) return `${address}/32`
  if (!isIPv6(address)) return 'unknown'
  const groups = groupsOf(address)
  const [a, b, c, d, e, f, g = 0, h = 0] = groups
  if (f === 0xffff && [a, b, c, d, e].every((group) => group === 0)) {
    return `${g >> 8}.${g & 255}.${h >> 8}.${h & 255}/32`
  }
  const network = groups.slice(0, 4).map((group) => group.toString(16))
  return `${network.join(':')}::/64`
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0]
  const [a = 0, b = 0, c = 0, d = 0] = dotted?.split('.').map(Number) ?? []
  const low = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  const text = dotted === undefined ? address : address.slice(0, -dotted.length) + low
  const [left = [], right] = text.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = right === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...(right ?? [])].map((group) => Number.parseInt(group, 16))
}

function draftOf(minute: Minute): RecordDraft {
  const params = {
    count: minute.count,
    minute: new Date(minute.start).toISOString(),
    other: minute.other,
    sources: Array.from(minute.sources, ([source, count]) => ({ source, count })),
  }
  const outcome = { result: 'refused', status: 401, reason: 'credential.refused', params } as const
  return { action: 'credential.refuse', actor: { type: 'system' }, outcome, targets: [] }
}
