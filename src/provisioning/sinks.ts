import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type SinkId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { LogPosition, Sink, SinkKind, SinkSecret, StoredSink } from '../domain/sink.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'
import { valueChanges } from './value-changes.ts'

const MOST_SINKS = 20

/** A receiver to be made. Its config was checked by whoever knows the protocol. */
export interface SinkDraft extends SinkSecret {
  readonly id: SinkId
  readonly name: string
  readonly kind: SinkKind
  readonly config: JsonObject
  readonly personal: boolean
  /** The log from its first record on, or from the record of the receiver itself. */
  readonly from: 'beginning' | 'now'
}

/** What an admin wants of a receiver; what is absent stays. */
export interface SinkWish {
  readonly name?: string | undefined
  readonly config?: JsonObject | undefined
  readonly personal?: boolean | undefined
  /** Another secret: the one before is good no more. */
  readonly secret?: SinkSecret | undefined
  /** Versions of `If-Match` as text, or `['*']`. */
  readonly ifMatch?: readonly string[] | undefined
}

/** A fresh id. @param now epoch milliseconds */
export function newSinkId(now: number): SinkId {
  return newId<SinkId>(now)
}

/**
 * Makes a receiver of the org's log. The record of it is the first that it gets, or the last of those there are already.
 * @throws DomainError `forbidden`, `uniqueness` for a taken name, `too-many`
 */
export function createSink(provisioning: Provisioning, caller: Caller, draft: SinkDraft): Submitted<StoredSink> {
  const { orgId, request, actor } = caller
  return submitChange(provisioning, caller, intentOf('sink.create', draft.id), async (stores) => {
    requireOrgAdmin(caller)
    if ((await stores.sinks.list(orgId)).length >= MOST_SINKS) {
      throw new DomainError('too-many', `A log has at most ${MOST_SINKS} receivers; remove one first`)
    }
    const { from, id, name, kind, config, personal, secret, secretHash } = draft
    const { seq } = await stores.journal.append(orgId, {
      ...{ action: 'sink.create', actor, request, outcome: { result: 'success', params: { kind, from } } },
      ...{ targets: [{ type: 'sink', id, display: name }], changes: changesOf(undefined, { ...draft, version: 1 }) },
    })
    const sink: StoredSink = {
      ...{ orgId, id, name, kind, config, personal, secret, secretHash, state: 'active' },
      progress: {
        ...{ acked: { epoch: 0, seq: from === 'now' ? seq - 1 : 0 }, attempts: 0, refusals: 0 },
        ...{ next: 0, failingSince: undefined, lastError: undefined, delivered: undefined },
      },
      ...{ version: 1, created: stores.now },
    }
    await stores.sinks.insert(orgId, sink)
    // That it reads the log stands in its own record; from then on once a day.
    await stores.sinks.noteReader(orgId, personal ? `${id} personal` : id, { since: stores.now, at: stores.now })
    return sink
  })
}

/**
 * Changes a receiver; how far it got stays. What a secret was or is stands in no record; that it changed does.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`, `uniqueness`
 */
export function changeSink(
  provisioning: Provisioning,
  caller: Caller,
  id: SinkId,
  wish: SinkWish,
): Submitted<Changed<StoredSink>> {
  const { orgId, request, actor } = caller
  return submitChange(provisioning, caller, intentOf('sink.update', id), async (stores) => {
    const before = await getSink(stores, caller, id)
    checkVersion(before.version, wish.ifMatch)
    const after: StoredSink = {
      ...before,
      name: wish.name ?? before.name,
      config: wish.config ?? before.config,
      personal: wish.personal ?? before.personal,
      ...wish.secret,
      version: before.version + 1,
    }
    const changes = changesOf(before, after)
    if (changes.length === 0) {
      provisioning.tally.noop(caller, 'sink.update', id)
      return { value: before, changed: false }
    }
    await stores.sinks.update(orgId, id, after)
    await stores.journal.append(orgId, {
      ...{ action: 'sink.update', actor, request, outcome: { result: 'success' } },
      ...{ targets: [targetOf(after)], changes },
    })
    return { value: after, changed: true }
  })
}

/**
 * Stops deliveries to a receiver at its place in the log, or goes on there.
 * @throws DomainError `not-found`, `forbidden`
 */
export function switchSink(
  provisioning: Provisioning,
  caller: Caller,
  id: SinkId,
  to: 'active' | 'paused',
): Submitted<StoredSink> {
  const action = to === 'active' ? 'sink.resume' : 'sink.pause'
  const { orgId, request, actor } = caller
  return submitChange(provisioning, caller, intentOf(action, id), async (stores) => {
    const before = await getSink(stores, caller, id)
    if (before.state === to) {
      provisioning.tally.noop(caller, action, id)
      return before
    }
    await stores.sinks.setState(orgId, id, to)
    await stores.journal.append(orgId, {
      ...{ action, actor, request, outcome: { result: 'success' }, targets: [targetOf(before)] },
      changes: [{ path: 'state', old: before.state, new: to }],
    })
    return (await stores.sinks.find(orgId, id)) ?? before
  })
}

/** Ends deliveries to a receiver that nothing reached for days, until an admin resumes them. */
export function suspendSink(provisioning: Provisioning, caller: Caller, id: SinkId): Submitted<void> {
  const { orgId, request, actor } = caller
  return provisioning.work.submit(orgId, async (stores) => {
    const before = await stores.sinks.find(orgId, id)
    if (before?.state !== 'active') return
    await stores.sinks.setState(orgId, id, 'suspended')
    await stores.journal.append(orgId, {
      ...{ action: 'sink.suspend', actor, request, outcome: { result: 'success' }, targets: [targetOf(before)] },
      changes: [{ path: 'state', old: before.state, new: 'suspended' }],
    })
  })
}

/**
 * Ends a receiver, with its dead letters.
 * @throws DomainError `not-found`, `forbidden`
 */
export function removeSink(provisioning: Provisioning, caller: Caller, id: SinkId): Submitted<void> {
  const { orgId, request, actor } = caller
  return submitChange(provisioning, caller, intentOf('sink.delete', id), async (stores) => {
    const sink = await getSink(stores, caller, id)
    await stores.sinks.remove(orgId, id)
    await stores.journal.append(orgId, {
      ...{ action: 'sink.delete', actor, request, outcome: { result: 'success' }, targets: [targetOf(sink)] },
    })
  })
}

/**
 * Puts a dead letter, or all of a receiver, in line to be sent again ahead of what is new.
 * @returns how many
 * @throws DomainError `not-found`, `forbidden`, `invalid-value` for a receiver that polls
 */
export function replayDead(
  provisioning: Provisioning,
  caller: Caller,
  id: SinkId,
  position: LogPosition | undefined,
): Submitted<number> {
  const { orgId, request, actor } = caller
  return submitChange(provisioning, caller, intentOf('sink.replay', id), async (stores) => {
    const sink = await getSink(stores, caller, id)
    if (sink.kind === 'poll') {
      throw new DomainError(
        'invalid-value',
        'A receiver that polls is sent nothing; it reads the log for what it lacks',
      )
    }
    const count = await stores.sinks.queueDead(orgId, id, position)
    if (count === 0 && position !== undefined) {
      throw new DomainError('not-found', `There is no dead letter ${position.epoch}.${position.seq} of this receiver`)
    }
    if (count > 0) {
      const params: JsonObject = { count, ...(position === undefined ? {} : { position: { ...position } }) }
      await stores.journal.append(orgId, {
        ...{ action: 'sink.replay', actor, request, outcome: { result: 'success', params } },
        targets: [targetOf(sink)],
      })
    }
    return count
  })
}

/** There is no receiver of that id in the org. */
export function noSuchSink(id: string): DomainError {
  return new DomainError('not-found', `Receiver ${id} not found`)
}

async function getSink(stores: WriteStores, caller: Caller, id: SinkId): Promise<StoredSink> {
  requireOrgAdmin(caller)
  const found = await stores.sinks.find(caller.orgId, id)
  if (found === undefined) throw noSuchSink(id)
  return found
}

function intentOf(action: string, id: SinkId) {
  return { action, subject: id, targets: [{ type: 'sink', id }] } as const
}

function targetOf({ id, name }: Pick<Sink, 'id' | 'name'>): RecordTarget {
  return { type: 'sink', id, display: name }
}

type Recorded = Pick<StoredSink, 'name' | 'config' | 'personal' | 'secret' | 'secretHash' | 'version'>

function changesOf(before: Recorded | undefined, after: Recorded): readonly RecordChange[] {
  const values = (sink: Recorded | undefined): Readonly<Record<string, Json | undefined>> => ({
    ...{ name: sink?.name, personal: sink?.personal },
    // Addresses may hold anything, so they are values, in lists; the hashed text holds no others as keys.
    config: sink && Object.entries(sink.config).map(([name, value]) => [name, JSON.stringify(value)]),
  })
  const changes = valueChanges(values(before), values(after))
  const [was, is] = [secretText(before), secretText(after)]
  return was === is ? changes : [...changes, { path: 'secret', old: was !== '', new: is !== '' }]
}

function secretText(sink: Recorded | undefined): string {
  return sink?.secret ?? (sink?.secretHash === undefined ? '' : Buffer.from(sink.secretHash).toString('hex'))
}
