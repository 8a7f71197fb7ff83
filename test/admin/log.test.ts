import { expect } from 'chai'
import { readRecordLine } from '../../src/audit/record-lines.ts'
import { acceptFork } from '../../src/provisioning/accept-fork.ts'
import { revokeKey } from '../../src/provisioning/api-keys.ts'
import { forEachDialect } from '../support/databases.ts'
import { unguard } from '../support/log-store.ts'
import { operation } from '../support/tenant.ts'
import { eventually } from '../system/waiting.ts'
import { type AdminGateway, type ApiAnswer, type ApiClient, openAdminGateway, problemCode } from './api.ts'

interface Item {
  readonly seq: number
  readonly epoch: number
  readonly body: string
  readonly hash: string
  readonly pii?: readonly (readonly [string, string, unknown])[]
}

function itemsOf(answer: ApiAnswer): readonly Item[] {
  expect(answer.status, answer.text).to.equal(200)
  return answer.json['items'] as readonly Item[]
}

function actionOf({ body }: Item): string {
  return (JSON.parse(body) as { readonly action: string }).action
}

forEachDialect('the log over the admin API', (dialect) => {
  let gateway: AdminGateway
  let auditor: ApiClient
  let key: string

  before(async () => {
    gateway = await openAdminGateway(dialect)
    key = await gateway.key('auditor')
    auditor = gateway.client(key)
  })
  after(() => gateway.close())

  async function all(query = ''): Promise<readonly Item[]> {
    const items: Item[] = []
    for (let after = ''; ;) {
      const answer = await auditor.get(`/log?limit=3&after=${after}${query}`)
      items.push(...itemsOf(answer))
      after = answer.json['next'] as string
      if (answer.json['more'] !== true) return items
    }
  }

  it('is read page by page to its end, gapless, each as the exact text that was hashed', async () => {
    for (const name of ['ann', 'ben', 'cay', 'dan']) await gateway.tenant.user(`${name}@example.com`)
    const items = await all()
    const head = (await gateway.test.store.reads.records.head(gateway.tenant.orgId))!
    expect(items.map(({ seq }) => seq)).to.deep.equal(Array.from({ length: head.seq }, (_, at) => at + 1))
    const stored = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 100)
    expect(items.map(({ body }) => body)).to.deep.equal(stored.map(({ body }) => body))
    for (const item of items) expect(readRecordLine(JSON.stringify(item))).not.to.equal(undefined)
  })

  it('discloses personal values where that is asked for, and nowhere else', async () => {
    const text = (items: readonly Item[]): string => JSON.stringify(items)
    expect(text(await all())).not.to.contain('ann@example.com')
    expect(text(await all('&personal=true'))).to.contain('ann@example.com')
  })

  it('notes a reader once a day, and one that is shown personal values as another', async () => {
    await all()
    await all('&personal=true')
    const reads = (await all()).filter((item) => actionOf(item) === 'log.read')
    const params = reads.map(({ body }) => (JSON.parse(body) as { outcome: { params: object } }).outcome.params)
    expect(params).to.deep.equal([
      { form: 'pull', personal: false },
      { form: 'pull', personal: true },
    ])
  })

  it('is narrowed to an action, and the cursor goes on behind what was passed over', async () => {
    const answer = await auditor.get('/log?action=user.create&limit=2')
    expect(itemsOf(answer).map(actionOf)).to.deep.equal(['user.create', 'user.create'])
    const rest = await auditor.get(`/log?action=user&after=${answer.json['next'] as string}`)
    expect(itemsOf(rest).map(actionOf)).to.deep.equal(['user.create', 'user.create'])
    expect(rest.json['more']).to.equal(false)
    expect(itemsOf(await auditor.get(`/log?action=user&after=${rest.json['next'] as string}`))).to.deep.equal([])
  })

  it('waits for a record, and answers as soon as there is one', async () => {
    const { next } = (await auditor.get('/log?limit=1000')).json
    const waiting = auditor.get(`/log?wait=20&after=${next as string}`)
    await gateway.tenant.user('eve@example.com')
    const items = itemsOf(await waiting)
    expect(items.map(actionOf)).to.deep.equal(['user.create'])
  })

  it('waits no longer than it was asked to, and answers with nothing and the same place', async () => {
    const { next } = (await auditor.get('/log?limit=1000')).json
    const answer = await auditor.get(`/log?wait=1&after=${next as string}`)
    expect([itemsOf(answer), answer.json['next'], answer.json['more']]).to.deep.equal([[], next, false])
  })

  it('takes a seq as well as a cursor, and refuses whatever is neither with a sentence', async () => {
    const items = itemsOf(await auditor.get('/log?after=2&limit=2'))
    expect(items.map(({ seq }) => seq)).to.deep.equal([3, 4])
    const list = (await gateway.client(await gateway.key('admin')).get('/users?limit=1')).json['next'] as string
    for (const after of ['nonsense', '-1', '1.5', list, 'W10']) {
      expect(problemCode(await auditor.get(`/log?after=${after}`), 400), after).to.equal('invalid-cursor')
    }
    for (const query of ['wait=31', 'wait=-1', 'limit=0', 'limit=1001', 'personal=yes', 'nothing=1']) {
      expect(problemCode(await auditor.get(`/log?${query}`), 400), query).to.equal('invalid-value')
    }
  })

  it('streams what there is and what comes, and takes a stream up where it broke off', async () => {
    const stream = await openStream(gateway.origin, key)
    const head = (await gateway.test.store.reads.records.head(gateway.tenant.orgId))!.seq
    await eventually(() => stream.events.length >= head)
    await gateway.tenant.user('fay@example.com')
    await eventually(() => stream.events.at(-1)?.action === 'user.create')
    const { id, seq } = stream.events.at(-1)!
    stream.close()
    await gateway.tenant.user('gil@example.com')
    const again = await openStream(gateway.origin, key, { 'last-event-id': id })
    await eventually(() => again.events.length === 1)
    expect(again.events[0]).to.include({ seq: seq + 1, action: 'user.create' })
    again.close()
  })

  it('ends a stream when its key is revoked, before another record goes out', async () => {
    const mine = await gateway.key('auditor')
    const stream = await openStream(gateway.origin, mine)
    await eventually(() => stream.events.length > 0)
    const known = await gateway.test.store.reads.keys.list(gateway.tenant.orgId)
    await revokeKey(gateway.tenant.provisioning, operation(), gateway.tenant.orgId, known.at(-1)!.id).durable
    // Within a second of the last check records may still go out.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const before = stream.events.length
    await gateway.tenant.user('hal@example.com')
    await stream.ended
    expect(stream.events.slice(before).map(({ action }) => action)).not.to.include('user.create')
  })

  it('refuses more streams of an org than it serves', async () => {
    const streams = []
    try {
      for (let n = 0; n < 50; n++) streams.push(await openStream(gateway.origin, key))
      problemCode(await auditor.get('/log/stream'), 429)
    } finally {
      for (const stream of streams) stream.close()
    }
    await eventually(
      async () => (await auditor.get('/log/stream', { headers: { 'last-event-id': 'x' } })).status === 400,
    )
    const left = async (): Promise<boolean> => {
      const stream = await openStream(gateway.origin, key).catch(() => undefined)
      stream?.close()
      return stream !== undefined
    }
    await eventually(left)
  })

  it('answers a cursor of a branch that is no more with 410 and the place where it parted', async () => {
    const { tenant, test } = gateway
    const kept = (await auditor.get('/log?limit=1000')).json['next'] as string
    const parted = (await test.store.reads.records.head(tenant.orgId))!.seq
    await tenant.user('lost@example.com')
    const dead = (await auditor.get(`/log?after=${kept}`)).json['next'] as string
    const copy = await putBack(gateway, parted)
    await acceptFork(tenant.provisioning, operation(), tenant.orgId, {
      ...{ action: 'log.fork', lost: copy, reason: 'an older copy' },
    }).durable
    await tenant.user('later@example.com')

    const answer = await auditor.get(`/log?after=${dead}`)
    expect(problemCode(answer, 410)).to.equal('log.forked')
    const fork = answer.json['fork'] as { readonly seq: number; readonly after: string }
    expect(fork.seq).to.equal(parted)
    const onward = itemsOf(await auditor.get(`/log?after=${fork.after}`))
    expect(onward.map(actionOf)).to.deep.equal(['log.fork', 'user.create'])
    expect(itemsOf(await auditor.get(`/log?after=${kept}`))).to.deep.equal(onward)
    const refused = await auditor.get('/log/stream', { headers: { 'last-event-id': dead } })
    expect(problemCode(refused, 410)).to.equal('log.forked')
  })
})

interface StreamEvent {
  readonly id: string
  readonly seq: number
  readonly action: string
}

/** A stream of server-sent events that is read as it comes. */
async function openStream(origin: string, key: string, headers: Readonly<Record<string, string>> = {}) {
  const controller = new AbortController()
  const answer = await fetch(`${origin}/api/v1/log/stream`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: controller.signal,
  })
  if (answer.status !== 200) throw new Error(`The stream was answered ${answer.status}`)
  expect(answer.headers.get('content-type')).to.equal('text/event-stream')
  const events: StreamEvent[] = []
  const ended = readEvents(answer.body!, events).catch(() => undefined)
  return { events, ended, close: () => controller.abort() }
}

async function readEvents(body: ReadableStream<Uint8Array>, events: StreamEvent[]): Promise<void> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
      if (fields.get('event') !== 'record') continue
      const item = JSON.parse(fields.get('data')!) as Item
      events.push({ id: fields.get('id')!, seq: item.seq, action: actionOf(item) })
    }
  }
}

/** Puts the log back to an earlier record, as an older copy of the store would. @returns the head it had */
async function putBack({ test, tenant }: AdminGateway, to: number) {
  const { writer } = test.connections
  const head = (await test.store.reads.records.head(tenant.orgId))!
  const [last] = await test.store.reads.records.page(tenant.orgId, to - 1, to, 1)
  await test.store.work.idle()
  await unguard(test)
  for (const table of ['provisioning_event', 'event_target', 'event_pii'] as const) {
    await writer.deleteFrom(table).where('org_id', '=', tenant.orgId).where('seq', '>', to).execute()
  }
  const place = { epoch: last!.epoch, seq: last!.seq, time_ms: last!.time, hash: last!.hash }
  await writer.updateTable('org_chain').set(place).where('org_id', '=', tenant.orgId).execute()
  return { epoch: head.epoch, seq: head.seq, hash: Buffer.from(head.hash).toString('hex') }
}
