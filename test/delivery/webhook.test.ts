import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { erasePerson } from '../../src/provisioning/erase-person.ts'
import { problemCode } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { openReceiver, type Received, type Receiver } from '../support/receiver.ts'
import { actionsOf } from '../support/tenant.ts'
import { eventually } from '../system/waiting.ts'
import { after as passed, headOf, openSinkGateway, type ShownSink, type SinkGateway, sinkIn } from './sinks.ts'

interface Delivered {
  readonly type: string
  readonly data: { readonly seq: number; readonly record: { readonly id: string } }
}

function bodyOf({ body }: Received): Delivered {
  return JSON.parse(body) as Delivered
}

/** Written from the specification alone: what a receiver of Standard Webhooks does. */
function verifies({ headers, body }: Received, secret: string): boolean {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
}

forEachDialect('webhooks of the log', (dialect) => {
  let gateway: SinkGateway
  let receiver: Receiver
  let made = 0

  before(async () => {
    gateway = await openSinkGateway(dialect)
  })
  after(() => gateway.close())
  beforeEach(async () => {
    receiver = await openReceiver()
  })
  afterEach(async () => {
    for (const { id } of (await gateway.admin.get('/sinks')).json['items'] as readonly ShownSink[]) {
      await gateway.admin.delete(`/sinks/${id}`)
    }
    await receiver.close()
  })

  async function create(more: object = {}): Promise<ShownSink> {
    const draft = { name: `hook ${++made}`, kind: 'webhook', config: { url: receiver.url }, ...more }
    return sinkIn(await gateway.admin.post('/sinks', draft))
  }

  async function show(id: string): Promise<ShownSink> {
    return sinkIn(await gateway.admin.get(`/sinks/${id}`))
  }

  const act = (id: string, verb: string) => gateway.admin.post(`/sinks/${id}/${verb}`, undefined)

  const people = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await gateway.tenant.user(`p${++made}@example.com`)
  }

  const taken = (): readonly number[] => receiver.taken.map((one) => bodyOf(one).data.seq)

  /** From the first that was taken to the head, each once. */
  async function isComplete(): Promise<boolean> {
    const head = await headOf(gateway, gateway.tenant.orgId)
    const [first = 0] = taken()
    return first > 0 && taken().join() === Array.from({ length: head - first + 1 }, (_, at) => first + at).join()
  }

  it('carry each record in its order, signed with the secret that was shown once, beginning with their own', async () => {
    const { id, secret } = await create()
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/)
    await people(5)
    await eventually(isComplete)
    expect(bodyOf(receiver.taken[0]!).type).to.equal('sink.create')
    for (const one of receiver.taken) {
      expect(verifies(one, secret!)).to.equal(true)
      expect(one.headers['webhook-id']).to.equal(bodyOf(one).data.record.id)
      expect(Math.abs(Number(one.headers['webhook-timestamp']) - Date.now() / 1_000)).to.be.lessThan(60)
    }
    await eventually(async () => (await show(id)).lag.records === 0)
    expect(await show(id)).not.to.have.property('secret')
  })

  it('show no personal values unless that is set', async () => {
    const open = await openReceiver()
    try {
      await create()
      await create({ personal: true, config: { url: open.url } })
      await people(1)
      const name = `p${made}@example.com`
      await eventually(isComplete)
      await eventually(() => open.taken.some(({ body }) => body.includes(name)))
      expect(receiver.taken.some(({ body }) => body.includes(name))).to.equal(false)
    } finally {
      await open.close()
    }
  })

  it('show what is personal to whom it is set for, and of the erased to nobody, also of records before', async () => {
    const { tenant } = gateway
    const [kept, erased] = [await tenant.user('kept@example.com'), await tenant.user('erased@example.com')]
    await deleteUser(tenant.provisioning, tenant.idp, erased.id, { method: 'DELETE' }).durable
    await erasePerson(tenant.provisioning, operatorOf(tenant.orgId), erased.id).durable
    await create({ personal: true, from: 'beginning' })
    await eventually(isComplete)
    expect(taken()[0]).to.equal(1)
    const all = receiver.taken.map(({ body }) => body).join()
    expect(all).to.contain(kept.id).and.contain('kept@example.com')
    expect(all).to.contain(erased.id).and.not.contain('erased@example.com')
  })

  it('carry only the actions that were asked for, and are not behind for it', async () => {
    const { id } = await create({ config: { url: receiver.url, actions: ['group', 'user.delete'] } })
    await people(2)
    await eventually(async () => (await show(id)).lag.records === 0)
    expect(receiver.received).to.deep.equal([])
  })

  it('are held while the receiver is out, refuses for now or breaks off, and nothing is lost or out of order', async () => {
    const { id } = await create()
    const bad = [500, 503, 429, 408, 302, 'reset', 500] as const
    let calls = 0
    receiver.behave = () => bad[calls++] ?? 200
    await people(3)
    await eventually(isComplete)
    expect(calls).to.be.greaterThan(bad.length)
    await eventually(async () => (await show(id)).attempts === 0)
    expect(await show(id)).to.deep.include({ failingSince: null, deadLetters: 0 })
  })

  it('say how long they fail and why, without a word of a record, and leave a receiver alone as it asks for', async () => {
    const { id } = await create()
    receiver.behave = () => ({ status: 500, headers: { 'retry-after': '3600' }, body: 'p1@example.com is bad' })
    await people(1)
    await eventually(async () => (await show(id)).attempts > 0)
    const shown = await show(id)
    expect(shown.lastError).to.equal('The receiver answered 500')
    expect(shown.failingSince).to.be.a('string')
    await passed(600)
    expect(receiver.received).to.have.length(1)
    receiver.behave = () => 200
    await act(id, 'pause')
    await act(id, 'resume')
    await eventually(isComplete)
  })

  it('give a record up that was refused five times, go on behind it, and send it again when an admin says so', async () => {
    const { id } = await create()
    let refused: string | undefined
    receiver.behave = ({ headers }) => {
      const one = String(headers['webhook-id'])
      if (receiver.taken.length >= 2) refused ??= one
      return one === refused ? 422 : 200
    }
    await people(4)
    const head = await headOf(gateway, gateway.tenant.orgId)
    await eventually(() => taken().includes(head))
    expect(receiver.received.filter(({ headers }) => headers['webhook-id'] === refused)).to.have.length(5)
    await eventually(async () => (await show(id)).deadLetters === 1)
    const letters = (await gateway.admin.get(`/sinks/${id}/dead`)).json['items']
    const [letter] = letters as readonly { readonly seq: number; readonly epoch: number }[]
    expect(letter).to.include({ status: 422, error: 'The receiver answered 422', again: false })
    expect((await gateway.admin.get('/warnings')).text).to.contain(
      'would not take 1 record of the log: mend it, then send it again',
    )
    receiver.behave = () => 200
    const { seq, epoch } = letter!
    const queued = await gateway.admin.post(`/sinks/${id}/dead/replay`, { position: { seq, epoch } })
    expect([queued.status, queued.json]).to.deep.equal([202, { queued: 1 }])
    await eventually(async () => (await show(id)).deadLetters === 0)
    expect(taken()).to.include(seq)
    expect(new Set(taken()).size).to.equal(taken().length)
    problemCode(await gateway.admin.post(`/sinks/${id}/dead/replay`, { position: { seq, epoch } }), 404)
  })

  it('are sent by one instance at a time, however many serve', async () => {
    const others = Array.from({ length: 3 }, () => gateway.deliver())
    await create()
    await people(30)
    await eventually(isComplete)
    await Promise.all(others.map((courier) => courier.stop()))
  })

  it('stop where they are while they are paused', async () => {
    const { id } = await create()
    await eventually(() => receiver.taken.length === 1)
    await act(id, 'pause')
    await people(2)
    await passed(600)
    const before = receiver.taken.length
    expect((await show(id)).lag.records).to.be.greaterThan(1)
    await act(id, 'resume')
    await eventually(isComplete)
    expect(receiver.taken.length).to.be.greaterThan(before)
  })

  it('are suspended after three days of nothing but failures, which stands in the log, until they are resumed', async () => {
    const { id } = await create()
    receiver.behave = () => 500
    await people(1)
    await eventually(async () => (await show(id)).attempts > 0)
    const { writer } = gateway.test.connections
    const since = Date.now() - 3 * 86_400_000 - 1
    await eventually(async () => {
      await writer.updateTable('sink').set({ failing_since: since }).where('id', '=', id).execute()
      return (await show(id)).state === 'suspended'
    })
    const calls = receiver.received.length
    await people(1)
    await passed(400)
    expect(receiver.received).to.have.length(calls)
    expect(await actionsOf(gateway.test, gateway.tenant.orgId)).to.include('sink.suspend')
    expect((await gateway.admin.get('/warnings')).text).to.contain('"sink.suspended"')
    receiver.behave = () => 200
    await act(id, 'resume')
    await eventually(isComplete)
  })

  it('never slow a request, though the receiver never answers', async () => {
    await create()
    receiver.behave = () => 'hang'
    await eventually(() => receiver.received.length > 0)
    const started = performance.now()
    await people(10)
    expect((performance.now() - started) / 10).to.be.lessThan(500)
  })

  it('are tested with a message that is no record', async () => {
    const { id, secret } = await create()
    await eventually(() => receiver.taken.length === 1)
    expect((await act(id, 'test')).json).to.include({ arrived: true, error: null })
    expect(bodyOf(receiver.taken.at(-1)!).type).to.equal('sink.test')
    expect(verifies(receiver.taken.at(-1)!, secret!)).to.equal(true)
    receiver.behave = () => 404
    const answer = await act(id, 'test')
    expect(answer.json).to.deep.equal({ arrived: false, status: 404, error: 'The receiver answered 404' })
  })

  it('are signed with another secret once one was made', async () => {
    const { id, secret } = await create()
    await eventually(async () => (await show(id)).lag.records === 0)
    const other = (await act(id, 'secret')).json['secret'] as string
    expect(other)
      .to.match(/^whsec_/)
      .and.not.equal(secret)
    await people(1)
    await eventually(isComplete)
    expect(verifies(receiver.taken.at(-1)!, other)).to.equal(true)
  })

  it('refuse configs that cannot work, each with the field and a sentence', async () => {
    const bad: readonly (readonly [object, string])[] = [
      [{ kind: 'webhook', config: {} }, '/config/url'],
      [{ kind: 'webhook', config: { url: 'ftp://x.example/' } }, '/config/url'],
      [{ kind: 'webhook', config: { url: 'http://10.0.0.1/' } }, '/config/url'],
      [{ kind: 'webhook', config: { url: 'https://169.254.169.254/' } }, '/config/url'],
      [{ kind: 'webhook', config: { url: receiver.url, port: 1 } }, '/config/'],
      [{ kind: 'webhook', config: { url: receiver.url, actions: ['Nonsense'] } }, '/config/actions/0'],
      [{ kind: 'syslog', config: { host: 'a b' } }, '/config/host'],
      [{ kind: 'syslog', config: { host: 'a.example', port: 0 } }, '/config/port'],
      [{ kind: 'webhook', config: { url: receiver.url }, token: 'x' }, '/token'],
    ]
    for (const [draft, field] of bad) {
      const answer = await gateway.admin.post('/sinks', { name: 'bad', ...draft })
      expect(answer.status, answer.text).to.equal(400)
      const [error] = answer.json['errors'] as readonly { readonly field: string }[]
      expect(error?.field).to.equal(field)
    }
    await create({ name: 'Taken' })
    const again = await gateway.admin.post('/sinks', { name: 'tAKEN', kind: 'poll' })
    expect(problemCode(again, 409)).to.equal('sink.name-taken')
  })

  it('are noted as readers of the log once a day', async () => {
    const { id } = await create()
    await people(1)
    await eventually(isComplete)
    const { writer } = gateway.test.connections
    await writer.updateTable('log_reader').set({ read_ms: 0 }).where('reader', '=', id).execute()
    await gateway.replace()
    await people(3)
    await eventually(() => receiver.taken.some((one) => bodyOf(one).type === 'log.read'))
    await people(3)
    await eventually(isComplete)
    expect(receiver.taken.filter((one) => bodyOf(one).type === 'log.read')).to.have.length(1)
    expect(gateway.problems.filter((problem) => !problem.includes('for days'))).to.deep.equal([])
  })

  it('say so when records were purged before they were delivered, and go on with what is left', async () => {
    const { test, tenant } = gateway
    const { id, seq } = await create()
    await eventually(async () => (await show(id)).lag.records === 0)
    await act(id, 'pause')
    await people(3)
    const head = await headOf(gateway, tenant.orgId)
    const { writer } = test.connections
    const from = (await show(id)).seq + 1
    const gone = writer.deleteFrom('provisioning_event').where('org_id', '=', tenant.orgId)
    await gone.where('seq', '>=', from).where('seq', '<', head).execute()
    await act(id, 'resume')
    await eventually(() => taken().includes(head))
    const [letter] = (await gateway.admin.get(`/sinks/${id}/dead`)).json['items'] as readonly {
      readonly error: string
    }[]
    expect(letter?.error).to.equal(`The records ${from} to ${head - 1} were purged before they were delivered`)
    expect(from).to.be.greaterThan(seq)
  })
})
