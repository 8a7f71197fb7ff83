import {
  baseNeeded,
  limitOf,
  type LossCount,
  type LossWindow,
  type RemovalAct,
  type RemovalBatch,
  type RemovalLimit,
} from '../domain/breaker.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { type BatchId, type BreakerEventId, type ConnectionId, newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { BreakerSettings } from '../domain/org-settings.ts'
import type { Actor, RecordEffect, RequestFacts } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { mailAdmins } from './mail-admins.ts'

/** Seconds after which a client may ask again whether what it held was let through. */
const RETRY_AFTER = 3_600
/** What an admin rejected stays rejected for so long, however often the client tries again. */
const REJECTED_MS = 86_400_000

/** Which connection takes something from people, and by which request. */
export interface Remover {
  readonly orgId: OrgId
  readonly connection: ConnectionId
  readonly actor: Actor
  /** Absent for a job. */
  readonly request?: RequestFacts
}

/** People a request took something from. */
export interface Losses {
  readonly act: RemovalAct
  readonly people: readonly UserId[]
}

/** The connection of a caller, if it was one. */
export function removerOf({ orgId, connection, actor, request }: Caller): Remover | undefined {
  return connection && { orgId, connection: connection.id, actor, request }
}

/** Whether access of a person ended by what reconciling did: there is none to end twice. */
export function endedAccess(effects: readonly RecordEffect[], id: UserId): boolean {
  return effects.some((effect) => effect.kind === 'active' && effect.new === null && effect.people.includes(id))
}

/**
 * The same for what people lost through a group: their last team, or an admin's role. It is only ever reported.
 * @param remover undefined where no connection changed the group
 */
export async function guardGroupLosses(
  stores: WriteStores,
  remover: Remover | undefined,
  effects: readonly RecordEffect[],
): Promise<void> {
  const people = [...new Set(effects.flatMap(({ bereft = [] }) => bereft))]
  if (remover === undefined || people.length === 0) return
  const { settings } = await stores.orgs.policy(remover.orgId)
  await guardRemovals(stores, remover, settings.breaker, { act: 'group', people })
}

/**
 * Counts what a connection takes from people against what it may take within the window. In mode `alert` going beyond is
 * reported; in mode `hold` it is refused, for an admin to decide. What groups took is only ever reported. To be called
 * when the record of the change stands: the report is a record of its own.
 * @throws DomainError `held` (503 with Retry-After), `forbidden` for what an admin rejected
 */
export async function guardRemovals(
  stores: WriteStores,
  remover: Remover | undefined,
  settings: BreakerSettings,
  { act, people }: Losses,
): Promise<void> {
  if (remover === undefined || people.length === 0 || settings.mode === 'off') return
  const { orgId } = remover
  const holds = settings.mode === 'hold' && act !== 'group'
  if (holds) await checkNotHeld(stores, remover, { act, people })
  const window = windowOf(remover.connection, settings, stores.now)
  const losses = people.map((user) => ({ id: newId<BreakerEventId>(stores.now), user }))
  const count = await stores.breaker.count(orgId, window, { act, people: losses, at: stores.now })
  if (await belongsToBatch(stores, orgId, count)) return
  const limit = await exceeded(stores, { orgId, window, settings }, count)
  if (limit === undefined) return
  if (holds) throw heldRemoval(count.recent, limit)
  const batch = newBatch(remover.connection, 'alert', limit, stores.now)
  await stores.breaker.openBatch(orgId, batch, window)
  await recordTrip(stores, remover, batch, count.recent)
}

/**
 * Keeps a removal that was refused as `held` for an admin to allow or reject. The first of a batch opens it, with what
 * the connection could still take within the window.
 */
export async function holdRemoval(
  stores: WriteStores,
  caller: Caller,
  error: DomainError,
  removal: { readonly act: RemovalAct; readonly user: UserId },
): Promise<void> {
  const remover = removerOf(caller)
  if (error.code !== 'held' || remover === undefined) return
  const { orgId, connection } = remover
  const batch = (await stores.breaker.holding(orgId, connection)) ?? (await openHold(stores, remover, error))
  const id = newId<BreakerEventId>(stores.now)
  await stores.breaker.hold(orgId, batch, { ...removal, id, at: stores.now })
}

async function openHold(stores: WriteStores, remover: Remover, { params }: DomainError): Promise<RemovalBatch> {
  const { orgId, connection } = remover
  const { settings } = await stores.orgs.policy(orgId)
  const limit = { most: Number(params?.['most']), base: Number(params?.['base']) }
  const batch = newBatch(connection, 'hold', limit, stores.now)
  await stores.breaker.openBatch(orgId, batch, windowOf(connection, settings.breaker, stores.now))
  await recordTrip(stores, remover, batch, Number(params?.['lost']))
  return batch
}

function windowOf(connection: ConnectionId, { minutes }: BreakerSettings, now: number): LossWindow {
  return { connection, since: now - minutes * 60_000 }
}

function newBatch(connection: ConnectionId, mode: 'alert' | 'hold', limit: RemovalLimit, now: number): RemovalBatch {
  const id = newId<BatchId>(now)
  return { ...limit, id, mode, connection, state: 'open', created: now, decided: undefined }
}

/** While an admin has not decided, nothing more goes through, also when the window has passed. */
async function checkNotHeld(
  stores: WriteStores,
  { orgId, connection }: Remover,
  { act, people }: Losses,
): Promise<void> {
  const batch = await stores.breaker.holding(orgId, connection)
  if (batch !== undefined) throw heldRemoval(batch.most, batch)
  const window = { connection, since: stores.now - REJECTED_MS }
  for (const user of people) {
    if (!(await stores.breaker.wasRejected(orgId, window, { act, user }))) continue
    throw new DomainError(
      'forbidden',
      'An administrator rejected this removal; ask one, if it is meant, to do it in Rollcall',
      { reason: 'breaker.rejected' },
    )
  }
}

/** Whether losses go with a batch that was reported or allowed; after any other decision they are looked at anew. */
async function belongsToBatch(stores: WriteStores, orgId: OrgId, { batch: id }: LossCount): Promise<boolean> {
  if (id === undefined) return false
  const batch = await stores.breaker.batch(orgId, id)
  return batch?.state === 'allowed' || (batch?.state === 'open' && batch.mode === 'alert')
}

interface Watch {
  readonly orgId: OrgId
  readonly window: LossWindow
  readonly settings: BreakerSettings
}

/**
 * The limit, if the losses went beyond it. The connection's people are counted no further than needed, and what was
 * found is kept: over a long run of losses they are counted a few times only.
 */
async function exceeded(
  stores: WriteStores,
  { orgId, window, settings }: Watch,
  { event, recent, baseFloor }: LossCount,
): Promise<RemovalLimit | undefined> {
  const needed = baseNeeded(recent, settings)
  if (needed <= baseFloor) return undefined
  const owned = await stores.breaker.owned(orgId, window.connection, needed * 2)
  const base = owned + (await stores.breaker.ended(orgId, window))
  const most = limitOf(base, settings)
  if (recent > most) return { most, base }
  await stores.breaker.keepBase(orgId, event, base)
  return undefined
}

function heldRemoval(lost: number, { most, base }: RemovalLimit): DomainError {
  return new DomainError(
    'held',
    `This connection has removed ${most} people within a short time, which is as many as the organisation lets pass; ` +
      'this removal is kept until an administrator allows or rejects it',
    { reason: 'breaker.held', params: { lost, most, base }, retryAfter: RETRY_AFTER },
  )
}

async function recordTrip(stores: WriteStores, remover: Remover, batch: RemovalBatch, lost: number): Promise<void> {
  const { mode, most, connection } = batch
  await mailAdmins(stores, remover.orgId, connection, { kind: 'breaker', mode, most })
  await stores.journal.append(remover.orgId, {
    action: 'breaker.trip',
    actor: remover.actor,
    ...(remover.request === undefined ? {} : { request: remover.request }),
    outcome: { result: 'success', params: { mode: batch.mode, lost, most: batch.most, base: batch.base } },
    targets: [
      { type: 'batch', id: batch.id },
      { type: 'connection', id: batch.connection },
    ],
  })
}
