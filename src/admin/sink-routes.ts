import { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, SinkId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import { type DeadLetter, type LogPosition, type Sink, SINK_KINDS, type StoredSink } from '../domain/sink.ts'
import {
  changeSink,
  createSink,
  newSinkId,
  noSuchSink,
  removeSink,
  replayDead,
  switchSink,
} from '../provisioning/sinks.ts'
import { sinkLag } from '../delivery/sink-lag.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import type { AdminPorts } from './ports.ts'
import { keyTextOf, maybeTime, type Route, route, shownTime, textOf, time } from './route.ts'

const config = z.record(z.string(), z.unknown()).meta({
  description:
    'webhook and push: url; syslog: host, port, tls, ca, form, facility; push and poll: audience; all: actions',
})

const sink = z.object({
  ...{ id: z.uuid(), name: z.string(), kind: z.enum(SINK_KINDS), config, personal: z.boolean() },
  state: z.enum(['active', 'paused', 'suspended']).meta({ description: 'suspended: nothing arrived for three days' }),
  seq: z.number().int().meta({ description: 'The last record that is done with' }),
  lag: z.object({
    records: z.number().int().meta({ description: 'Records behind the end of the log' }),
    seconds: z.number().int().meta({ description: 'Age of the first record that is not done with' }),
  }),
  attempts: z.number().int().meta({ description: 'Failures in a row' }),
  failingSince: time.nullable(),
  nextAttempt: time.nullable(),
  lastError: z.string().nullable(),
  lastDelivery: time.nullable(),
  deadLetters: z.number().int(),
  created: time,
})

const secret = z
  .string()
  .nullable()
  .meta({ description: 'Shown once: what signs webhooks, or what a polling receiver shows; null where there is none' })

const dead = z.object({
  ...{ epoch: z.number().int(), seq: z.number().int(), status: z.number().int().nullable(), error: z.string() },
  ...{ at: time, again: z.boolean().meta({ description: 'Waits to be sent again' }) },
})

const token = textOf(4_096)
  .optional()
  .meta({ description: 'Of push: the bearer token that the receiver asks for. Kept sealed, and never shown again' })

const newSink = z
  .strictObject({
    ...{ name: keyTextOf(100), kind: z.enum(SINK_KINDS), config: config.default({}), token },
    personal: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether names, addresses and the like are disclosed to it' }),
    from: z.enum(['now', 'beginning']).default('now'),
  })
  .meta({ examples: [{ name: 'SIEM', kind: 'webhook', config: { url: 'https://siem.example/rollcall' } }] })

const sinkPatch = z
  .strictObject({ name: keyTextOf(100).optional(), config: config.optional(), personal: z.boolean().optional(), token })
  .meta({ examples: [{ name: 'SIEM' }] })

const TAG = 'Receivers of the log'
const one = { tag: TAG, path: '/sinks/{sink}' } as const

/** Where the log is delivered to. */
export const sinkRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/sinks', tag: TAG, summary: 'List the receivers, and how far each got', who: 'reader' },
    answer: { status: 200, schema: z.object({ items: z.array(sink) }) },
    async handle({ ports, orgId }) {
      const sinks = await ports.reads.sinks.list(orgId)
      return { body: { items: await Promise.all(sinks.map((found) => shown(ports, found))) } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks', tag: TAG, who: 'orgAdmin', isDangerous: true },
    summary: 'Deliver the log to a receiver: webhook, syslog, or security event tokens by push or poll',
    body: newSink,
    answer: { status: 201, schema: sink.extend({ secret }), secret: 'secret' },
    async handle({ ports, provisioning, caller, orgId, body }) {
      const { name, kind, personal, from } = body
      const checked = ports.sinks.checkedConfig(kind, body.config as JsonObject)
      const id = newSinkId(ports.now())
      const { text, ...kept } = ports.sinks.secretFor({ orgId, id, kind }, body.token)
      const draft = { id, name, kind, config: checked, personal, from, ...kept }
      const made = await createSink(provisioning, caller, draft).durable
      return { body: { ...(await shown(ports, made)), secret: text ?? null }, version: made.version }
    },
  }),
  route({
    ...{ ...one, method: 'GET', summary: 'Show a receiver, and how far it got', who: 'reader' },
    answer: { status: 200, schema: sink },
    async handle({ ports, orgId, params }) {
      const found = await get(ports, orgId, params.sink)
      return { body: await shown(ports, found) }
    },
  }),
  route({
    ...{ ...one, method: 'PATCH', who: 'orgAdmin', isDangerous: true },
    summary: 'Change a receiver; it goes on where it is',
    body: sinkPatch,
    answer: { status: 200, schema: sink },
    async handle({ ports, provisioning, caller, orgId, params, body: { token: given, ...body }, ifMatch }) {
      const { id, kind } = await get(ports, orgId, params.sink)
      const wish = {
        ...{ name: body.name, personal: body.personal, ifMatch },
        config: body.config && ports.sinks.checkedConfig(kind, body.config as JsonObject),
        secret: given === undefined ? undefined : keptOf(ports.sinks.secretFor({ orgId, id, kind }, given)),
      }
      const { value } = await changeSink(provisioning, caller, id, wish).durable
      return { body: await shown(ports, value), version: value.version }
    },
  }),
  route({
    ...{ ...one, method: 'DELETE', summary: 'End a receiver, with its dead letters', who: 'orgAdmin' },
    answer: { status: 204 },
    async handle({ provisioning, caller, params }) {
      await removeSink(provisioning, caller, params.sink as SinkId).durable
      return {}
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks/{sink}/pause', tag: TAG, who: 'orgAdmin' },
    summary: 'Stop deliveries; the receiver keeps its place in the log',
    answer: { status: 200, schema: sink },
    async handle({ ports, provisioning, caller, params }) {
      const paused = await switchSink(provisioning, caller, params.sink as SinkId, 'paused').durable
      return { body: await shown(ports, paused) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks/{sink}/resume', tag: TAG, who: 'orgAdmin' },
    summary: 'Go on with deliveries, at once, where they stopped',
    answer: { status: 200, schema: sink },
    async handle({ ports, provisioning, caller, params }) {
      const active = await switchSink(provisioning, caller, params.sink as SinkId, 'active').durable
      return { body: await shown(ports, active) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks/{sink}/secret', tag: TAG, who: 'orgAdmin' },
    summary: 'Make another secret, shown once; the one before is good no more',
    answer: { status: 200, schema: sink.extend({ secret }), secret: 'secret' },
    async handle({ ports, provisioning, caller, orgId, params }) {
      const { id, kind } = await get(ports, orgId, params.sink)
      const minted = ports.sinks.secretFor({ orgId, id, kind })
      if (minted.text === undefined) {
        throw new DomainError('invalid-value', 'Only webhooks and polling receivers have a secret of ours')
      }
      const { value } = await changeSink(provisioning, caller, id, { secret: keptOf(minted) }).durable
      return { body: { ...(await shown(ports, value)), secret: minted.text } }
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks/{sink}/test', tag: TAG, who: 'orgAdmin' },
    summary: 'Send a message that is no record, and say what came of it',
    answer: {
      status: 200,
      schema: z.object({ arrived: z.boolean(), status: z.number().int().nullable(), error: z.string().nullable() }),
    },
    async handle({ ports, orgId, params }) {
      const failure = await ports.sinks.test(await get(ports, orgId, params.sink))
      return {
        body: { arrived: failure === undefined, status: failure?.status ?? null, error: failure?.error ?? null },
      }
    },
  }),
  route({
    ...{ method: 'GET', path: '/sinks/{sink}/dead', tag: TAG, who: 'reader' },
    summary: 'List the records that a receiver would not take, the newest first',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(dead) },
    async handle(request) {
      const { ports, orgId, params, query } = request
      const { id } = await get(ports, orgId, params.sink)
      const list = `dead ${id}`
      const before = afterOf<LogPosition>(request, list)
      const letters = await ports.reads.sinks.dead(orgId, id, { before, limit: query.limit + 1 })
      return { body: cutPage(request, list, letters, { keyOf: ({ position }) => position, show: shownDead }) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/sinks/{sink}/dead/replay', tag: TAG, who: 'orgAdmin' },
    summary: 'Send a dead letter again, or all of a receiver, ahead of what is new',
    body: z
      .strictObject({ position: z.strictObject({ epoch: z.number().int(), seq: z.number().int() }).optional() })
      .meta({ examples: [{}] }),
    answer: { status: 202, schema: z.object({ queued: z.number().int() }) },
    async handle({ provisioning, caller, params, body }) {
      return { body: { queued: await replayDead(provisioning, caller, params.sink as SinkId, body.position).durable } }
    },
  }),
]

function keptOf({ secret: sealed, secretHash }: Pick<StoredSink, 'secret' | 'secretHash'>) {
  return { secret: sealed, secretHash }
}

async function get({ reads }: Pick<AdminPorts, 'reads'>, orgId: OrgId, id: string): Promise<StoredSink> {
  const found = await reads.sinks.find(orgId, id as SinkId)
  if (found === undefined) throw noSuchSink(id)
  return found
}

async function shown({ reads, now }: AdminPorts, found: Sink): Promise<z.input<typeof sink>> {
  const { id, name, kind, personal, state, progress, created } = found
  const [lag, counts] = await Promise.all([sinkLag(reads.records, found, now()), reads.sinks.deadCounts(found.orgId)])
  return {
    ...{ id, name, kind, config: found.config, personal, state, seq: progress.acked.seq, lag },
    ...{ attempts: progress.attempts, failingSince: maybeTime(progress.failingSince) },
    nextAttempt: state === 'active' && progress.next > 0 ? shownTime(progress.next) : null,
    ...{ lastError: progress.lastError ?? null, lastDelivery: maybeTime(progress.delivered) },
    ...{ deadLetters: counts.get(id) ?? 0, created: shownTime(created) },
  }
}

function shownDead({ position, status, error, at, again }: DeadLetter): z.input<typeof dead> {
  return { ...position, status: status ?? null, error, at: shownTime(at), again }
}
