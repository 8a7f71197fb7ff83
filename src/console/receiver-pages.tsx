import { sinkLag } from '../delivery/sink-lag.ts'
import { DomainError } from '../domain/errors.ts'
import { isId, type SinkId } from '../domain/ids.ts'
import type { LogPosition, StoredSink } from '../domain/sink.ts'
import { noSuchSink, replayDead, switchSink } from '../provisioning/sinks.ts'
import { doOnPage, orgReader, type Said, saidOf } from './org-page.tsx'
import { ownCaller, type PageRequest, type Topic } from './page-route.ts'
import { ReceiverPage, ReceiversPage } from './receiver-page.tsx'
import { render } from './render.tsx'

const HERE = '/org/receivers'
const MOST_DEAD = 200

/** Where the log is delivered to: how far each receiver is, and what it would not take. */
export const receiverTopic: Topic = {
  routes: [
    { method: 'GET', path: HERE, who: 'signedIn', handle: showReceivers },
    { method: 'POST', path: `${HERE}/pause`, who: 'signedIn', handle: (page) => switchTo(page, 'paused') },
    { method: 'POST', path: `${HERE}/resume`, who: 'signedIn', handle: (page) => switchTo(page, 'active') },
    { method: 'POST', path: `${HERE}/replay`, who: 'signedIn', handle: replay },
    { method: 'GET', path: `${HERE}/:receiver`, who: 'signedIn', handle: showOne },
  ],
}

const DONE = {
  paused: 'Nothing is delivered to it now. It keeps its place in the log.',
  resumed: 'Deliveries go on where they stopped.',
  replayed: 'What it would not take is sent to it again, ahead of what is new.',
}

async function showReceivers(page: PageRequest): Promise<void> {
  const { orgId } = orgReader(page).caller
  const { reads, now } = page.ports
  const counts = await reads.sinks.deadCounts(orgId)
  const rows = []
  for (const sink of await reads.sinks.list(orgId)) {
    rows.push({ sink, lag: await sinkLag(reads.records, sink, now()), dead: counts.get(sink.id) ?? 0 })
  }
  render(page.res, 200, <ReceiversPage rows={rows} />)
}

async function showOne(page: PageRequest): Promise<void> {
  await showReceiver(page, String(page.req.params['receiver']), { status: 200, said: saidOf(page, DONE) })
}

async function showReceiver(
  page: PageRequest,
  id: string,
  { status, said }: { readonly status: number; readonly said: Said | undefined },
): Promise<void> {
  const { caller, mayChange } = orgReader(page)
  const { reads, now } = page.ports
  const sink = await getSink(page, id)
  const lag = await sinkLag(reads.records, sink, now())
  const dead = await reads.sinks.dead(caller.orgId, sink.id, { before: undefined, limit: MOST_DEAD })
  const count = (await reads.sinks.deadCounts(caller.orgId)).get(sink.id) ?? 0
  render(page.res, status, <ReceiverPage {...{ sink, lag, dead, count, mayChange, said }} />)
}

async function getSink({ ports: { reads }, session }: PageRequest, id: string): Promise<StoredSink> {
  const found = isId(id) ? await reads.sinks.find(session!.orgId, id as SinkId) : undefined
  if (found === undefined) throw noSuchSink(id.slice(0, 80))
  return found
}

/** Does something to the receiver that the form names, and shows its page. */
async function doToReceiver(
  page: PageRequest,
  done: keyof typeof DONE,
  work: (id: SinkId) => Promise<unknown>,
): Promise<void> {
  const { id } = await getSink(page, page.form['receiver'] ?? '')
  const again = (status: number, said: Said) => showReceiver(page, id, { status, said })
  await doOnPage(page, { to: `${HERE}/${id}`, done, again }, () => work(id))
}

async function switchTo(page: PageRequest, state: 'active' | 'paused'): Promise<void> {
  const { provisioning } = page.ports
  const done = state === 'active' ? 'resumed' : 'paused'
  await doToReceiver(page, done, (id) => switchSink(provisioning, ownCaller(page), id, state).durable)
}

async function replay(page: PageRequest): Promise<void> {
  const { provisioning } = page.ports
  const position = positionOf(page.form['position'])
  await doToReceiver(page, 'replayed', (id) => replayDead(provisioning, ownCaller(page), id, position).durable)
}

/** One record, as `epoch.seq`; undefined for all. @throws DomainError `invalid-value` */
function positionOf(text: string | undefined): LogPosition | undefined {
  if (text === undefined) return undefined
  const [, epoch, seq] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? []
  if (epoch === undefined)
    throw new DomainError('invalid-value', 'This is no record of the log; go back to the receiver')
  return { epoch: Number(epoch), seq: Number(seq) }
}
