import { randomBytes } from 'node:crypto'
import { classifyAddress } from './auth/address.ts'
import { createAddressGuard } from './auth/address-guard.ts'
import { createEventSigner, type EventSigner } from './auth/event-signer.ts'
import { guardedFetch, keyAddressProblem } from './auth/key-fetch.ts'
import { mintToken } from './auth/token.ts'
import type { Config } from './config.ts'
import type { Carrier, Post } from './delivery/carrier.ts'
import { type Courier, startCourier } from './delivery/courier.ts'
import { createPush, type SignEvent } from './delivery/set-push.ts'
import type { SinkPorts } from './delivery/sink-ports.ts'
import { checkedSinkConfig, syslogOf, urlOf } from './delivery/sink-config.ts'
import { createSyslog } from './delivery/syslog.ts'
import { createWebhook, newWebhookSecret } from './delivery/webhook.ts'
import { DomainError } from './domain/errors.ts'
import type { OrgId, SinkId } from './domain/ids.ts'
import type { StoredSink } from './domain/sink.ts'
import { systemOperation } from './first-start.ts'
import type { OpenedStore } from './opened-store.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import type { ServiceReads } from './provisioning/service-reads.ts'
import { suspendSink } from './provisioning/sinks.ts'

/** The longest one receiver may take for one request, in milliseconds. */
const TIMEOUT = 10_000

interface SinkParts {
  readonly config: Config
  readonly opened: Pick<OpenedStore, 'secrets' | 'eventSeeds'>
  readonly publicUrl: string
}

/** Binds a secret to its receiver: moved to another row it cannot be opened. */
function labelOf({ orgId, id }: { readonly orgId: OrgId; readonly id: SinkId }): string {
  return `sink|${orgId}|${id}`
}

/** What signs security event tokens. */
export function eventSigner({ opened, publicUrl }: SinkParts): EventSigner {
  return createEventSigner(opened.eventSeeds, publicUrl)
}

/** The same as delivery takes it. */
export function signEvents(signer: EventSigner): SignEvent {
  return (event, audience) => signer.sign({ ...event }, audience)
}

/** What manages receivers, over one store. */
export function sinkPorts(parts: SinkParts): SinkPorts {
  const { config, opened } = parts
  const carrierOf = carriers(parts)
  return {
    checkedConfig(kind, given) {
      const { allowPrivate } = config.delivery
      const checked = checkedSinkConfig(kind, given, (url) => keyAddressProblem(url, allowPrivate))
      if (checked['tls'] !== false || allowPrivate) return checked
      throw new DomainError(
        'invalid-value',
        'tls: syslog without TLS goes to private addresses only, where the operator allows those (ALLOW_PRIVATE_SINKS)',
        { reason: 'sink.invalid', params: { path: '/config/tls' } },
      )
    },
    secretFor(sink, given) {
      if (given !== undefined && sink.kind !== 'push') {
        throw new DomainError('invalid-value', 'Only a receiver that tokens are pushed to is given its own token', {
          params: { path: '/token' },
        })
      }
      const sealed = (text: string): string => opened.secrets.seal(labelOf(sink), text)
      if (sink.kind === 'poll') {
        const { text, secretHash } = mintToken(sink.id)
        return { text, secret: undefined, secretHash }
      }
      const text = sink.kind === 'webhook' ? newWebhookSecret() : undefined
      const kept = text ?? given
      return { text, secret: kept === undefined ? undefined : sealed(kept), secretHash: undefined }
    },
    test(sink) {
      if (sink.kind === 'poll') throw new DomainError('invalid-value', 'A receiver that polls is sent nothing')
      return carrierOf(sink).test(AbortSignal.timeout(TIMEOUT))
    },
  }
}

/** Opens the way to a receiver, by its kind. */
function carriers(parts: SinkParts): (sink: StoredSink) => Carrier {
  const { config, opened, publicUrl } = parts
  const { allowPrivate } = config.delivery
  const guarded = guardedFetch({ allowPrivateIssuers: allowPrivate, timeout: TIMEOUT, keepAlive: true })
  const post: Post = async (url, { headers, body, signal }) => {
    const answer = await guarded(url, { method: 'POST', headers, body, signal })
    return { status: answer.status, retryAfter: answer.headers.get('retry-after') }
  }
  const now = Date.now
  const guard = createAddressGuard(allowPrivate)
  const resolvePlain = async (host: string): Promise<string> => {
    const address = await guard(host)
    if (classifyAddress(address) !== 'public') return address
    throw new Error(`${host} is at a public address, where syslog goes with TLS only`)
  }
  const sign = signEvents(eventSigner(parts))
  const { hostname } = new URL(publicUrl)
  return (sink) => {
    const { orgId, kind, secret } = sink
    const text = secret === undefined ? undefined : opened.secrets.open(labelOf(sink), secret)
    switch (kind) {
      case 'webhook':
        return createWebhook({ orgId, url: urlOf(sink), secret: text ?? '', post, now })
      case 'syslog': {
        const settings = syslogOf(sink)
        return createSyslog({ orgId, settings, hostname, resolve: settings.tls ? guard : resolvePlain, now })
      }
      case 'push':
        return createPush({
          ...{ orgId, url: urlOf(sink), audience: sink.config['audience'] as string | undefined },
          ...{ bearer: text, sign, post, now },
        })
      case 'poll':
        throw new Error('A receiver that polls is sent nothing')
    }
  }
}

interface CourierSources extends SinkParts {
  readonly opened: OpenedStore
  readonly provisioning: Provisioning
  readonly serviceReads: ServiceReads
  readonly onProblem: (message: string, error: unknown) => void
  /** The first wait after a failure, milliseconds. */
  readonly firstWaitMs?: number
}

/** Notes once a day that a receiver reads the log. */
export function noteSinkRead(serviceReads: ServiceReads, sink: StoredSink): Promise<void> {
  const { orgId, id, kind, personal } = sink
  const target = { type: 'sink', id, display: sink.name } as const
  return serviceReads.note(systemOperation(), orgId, { reader: id, form: kind, personal, target })
}

/** Starts to deliver the log of every org to its receivers. */
export function deliverLogs(parts: CourierSources): Courier {
  const { opened, provisioning, serviceReads, onProblem, firstWaitMs } = parts
  return startCourier({
    ...{ queue: opened.store.sinkQueue, records: opened.store.reads.records, values: opened.values },
    ...{ carrierOf: carriers(parts), now: Date.now, onProblem, owner: randomBytes(12).toString('hex') },
    ...(firstWaitMs === undefined ? {} : { firstWaitMs }),
    noteRead: (sink) => noteSinkRead(serviceReads, sink),
    async suspend(sink, why) {
      onProblem(`nothing reached a receiver of the log for days; it is suspended: ${why}`, undefined)
      const caller = { orgId: sink.orgId, connection: undefined, ...systemOperation() }
      await suspendSink(provisioning, caller, sink.id).durable
    },
  })
}
