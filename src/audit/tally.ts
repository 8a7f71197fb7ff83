import type { Caller } from '../domain/caller.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { Actor, RecordDraft } from '../domain/record.ts'
import { SYSTEM_ORG } from './system-org.ts'

const WINDOW_MS = 10 * 60_000
const REFUSAL_MEMORY_MS = 60 * 60_000
const MAX_KEYS = 10_000
/** Over all windows together; about 25 MB of ids at most. */
const MAX_DISTINCT_TARGETS = 200_000
/** Per window. Kinds come from our own code, so more than this is a bug, and then the rest has no line of its own. */
const MAX_KINDS = 100

/** A draft to be chained in an org. */
export interface DueDraft {
  readonly orgId: OrgId
  readonly draft: RecordDraft
}

/**
 * What happens too often to be chained one by one: requests that changed nothing, and refusals repeated within an hour.
 * Counted in memory, chained as one record per connection and 10 minutes (repeats: and per kind of thing). A crash
 * loses at most those 10 minutes of counts; the requests themselves stay in the request log.
 */
export interface Tally {
  /**
   * A request that changed nothing.
   * @param action what it asked for, such as `user.update`
   * @param target the id of the object it named; counted, never kept
   */
  noop(caller: Caller, action: string, target: string): void
  /**
   * Whether the same refusal (connection, action, target, reason) was recorded within the last hour. If so it is
   * counted here and nothing else is to be done; if not, the caller records it, and it counts as recorded from now on.
   * @param target an id, or what the request named where there is no id yet; kept an hour in memory, never in a record
   */
  repeated(caller: Caller, action: string, target: string, reason: string): boolean
  /** Takes `repeated`'s word back after the record of the refusal could not be written. */
  forget(caller: Caller, action: string, target: string, reason: string): void
  /**
   * Takes out what is at least 10 minutes old. A draft that cannot be written is the caller's to keep and try again.
   * @param now epoch milliseconds
   */
  due(now: number): DueDraft[]
  /** Takes out everything, for an orderly stop. */
  drain(): DueDraft[]
}

/** What one connection did within one window. */
interface Window {
  readonly orgId: OrgId
  readonly actor: Actor
  readonly action: string
  readonly result: 'noop' | 'refused'
  readonly opened: number
  readonly firstRequestId: string
  lastRequestId: string
  last: number
  count: number
  readonly targets: Set<string>
  targetsCapped: boolean
  readonly kinds: Map<string, { readonly facts: JsonObject; count: number }>
}

interface Event {
  readonly caller: Caller
  readonly action: string
  readonly result: 'noop' | 'refused'
  readonly target: string
  readonly kind: JsonObject
}

/**
 * An empty tally. Bounds: 10,000 windows (what comes on top is only counted, as one `tally.overflow` record in the
 * system's own org), 10,000 remembered refusals (others are recorded every time), 200,000 distinct target ids (from
 * there on `distinctTargets` is a lower bound and `distinctTargetsCapped` says so).
 * @param options.now wall clock, epoch milliseconds
 */
export function createTally({ now }: { readonly now: () => number }): Tally {
  const windows = new Map<string, Window>()
  const refusals = new Map<string, number>()
  let targetsHeld = 0
  let overflow = 0

  function count(event: Event): void {
    const { caller, action, result, target } = event
    const key = keyOf(whoOf(caller), result, action)
    const window = windows.get(key) ?? (windows.size < MAX_KEYS ? openWindow(event, now()) : undefined)
    if (window === undefined) {
      overflow++
      return
    }
    windows.set(key, window)
    window.count++
    window.last = now()
    window.lastRequestId = caller.request.id
    countKind(window, event.kind)
    if (window.targets.has(target)) return
    if (targetsHeld >= MAX_DISTINCT_TARGETS) {
      window.targetsCapped = true
      return
    }
    window.targets.add(target)
    targetsHeld++
  }

  function take(isDue: (window: Window) => boolean): DueDraft[] {
    const taken: DueDraft[] = []
    for (const [key, window] of windows) {
      if (!isDue(window)) continue
      windows.delete(key)
      targetsHeld -= window.targets.size
      taken.push({ orgId: window.orgId, draft: draftOf(window) })
    }
    if (overflow > 0) taken.push(overflowDraft(overflow))
    overflow = 0
    return taken
  }

  return {
    noop(caller, action, target) {
      count({ caller, action: 'sync.noop', result: 'noop', target, kind: { action } })
    },
    repeated(caller, action, target, reason) {
      const time = now()
      forgetOld(refusals, time)
      const key = keyOf(whoOf(caller), action, target, reason)
      if (refusals.has(key)) {
        count({ caller, action: `${thingOf(action)}.repeated`, result: 'refused', target, kind: { action, reason } })
        return true
      }
      // When full the newcomer is left out, not the oldest: a provider that goes round more refusals than fit would
      // otherwise push out each just before it comes again, and every one would be recorded.
      if (refusals.size < MAX_KEYS) refusals.set(key, time)
      return false
    },
    forget(caller, action, target, reason) {
      refusals.delete(keyOf(whoOf(caller), action, target, reason))
    },
    due: (time) => take((window) => time - window.opened >= WINDOW_MS),
    drain: () => take(() => true),
  }
}

/** A map is in the order of insertion, so the old ones are in front. */
function forgetOld(refusals: Map<string, number>, time: number): void {
  for (const [key, recorded] of refusals) {
    if (time - recorded < REFUSAL_MEMORY_MS) return
    refusals.delete(key)
  }
}

function whoOf({ orgId, actor, connection }: Caller): string {
  return keyOf(orgId, connection?.id ?? actor.connectionId ?? keyOf(actor.type, actor.id ?? ''))
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

/** `user.create` is about a `user`. */
function thingOf(action: string): string {
  return action.split('.', 1)[0] ?? action
}

function openWindow({ caller, action, result }: Event, time: number): Window {
  const { type, id, connectionId } = caller.actor
  const connection = connectionId ?? caller.connection?.id
  return {
    orgId: caller.orgId,
    // The count speaks for a connection, not for the one token or subject that came first.
    actor: {
      type,
      ...(id === undefined ? {} : { id }),
      ...(connection === undefined ? {} : { connectionId: connection }),
    },
    action,
    result,
    opened: time,
    firstRequestId: caller.request.id,
    lastRequestId: caller.request.id,
    last: time,
    count: 0,
    targets: new Set(),
    targetsCapped: false,
    kinds: new Map(),
  }
}

function countKind(window: Window, facts: JsonObject): void {
  const key = JSON.stringify(facts)
  const kind = window.kinds.get(key)
  if (kind !== undefined) kind.count++
  else if (window.kinds.size < MAX_KINDS) window.kinds.set(key, { facts, count: 1 })
}

function draftOf(window: Window): RecordDraft {
  const params: Record<string, Json> = {
    count: window.count,
    distinctTargets: window.targets.size,
    firstAt: new Date(window.opened).toISOString(),
    firstRequestId: window.firstRequestId,
    kinds: Array.from(window.kinds.values(), ({ facts, count }) => ({ ...facts, count })),
    lastAt: new Date(window.last).toISOString(),
    lastRequestId: window.lastRequestId,
  }
  if (window.targetsCapped) params['distinctTargetsCapped'] = true
  return { action: window.action, actor: window.actor, outcome: { result: window.result, params }, targets: [] }
}

function overflowDraft(count: number): DueDraft {
  const outcome = { result: 'noop', params: { count } } as const
  return { orgId: SYSTEM_ORG, draft: { action: 'tally.overflow', actor: { type: 'system' }, outcome, targets: [] } }
}
