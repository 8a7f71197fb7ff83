import { expect } from 'chai'
import { problemCode, openAdminGateway } from '../admin/api.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { makeCertificate, openSyslogServer, type SyslogServer } from '../support/syslog-server.ts'
import { eventually } from '../system/waiting.ts'
import { headOf, openSinkGateway, type ShownSink, type SinkGateway, sinkIn } from './sinks.ts'

/** RFC 5424 §6: header, structured data and text. */
const MESSAGE = /^<(\d{1,3})>1 (\S+Z) (\S+) rollcall - (\S+) \[meta sequenceId="(\d+)"\] (.*)$/s

forEachDialect('the log as syslog', (dialect) => {
  let gateway: SinkGateway
  let made = 0

  before(async () => {
    gateway = await openSinkGateway(dialect)
  })
  after(() => gateway.close())
  afterEach(async () => {
    for (const { id } of (await gateway.admin.get('/sinks')).json['items'] as readonly ShownSink[]) {
      await gateway.admin.delete(`/sinks/${id}`)
    }
  })

  async function create(config: object): Promise<ShownSink> {
    return sinkIn(await gateway.admin.post('/sinks', { name: `syslog ${++made}`, kind: 'syslog', config }))
  }

  async function show({ id }: ShownSink): Promise<ShownSink> {
    return sinkIn(await gateway.admin.get(`/sinks/${id}`))
  }

  async function people(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await gateway.tenant.user(`s${++made}@example.com`)
  }

  const seqs = (server: SyslogServer): readonly number[] =>
    server.messages.map((message) => Number(MESSAGE.exec(message)?.[5]))

  async function arrivedAll(server: SyslogServer): Promise<boolean> {
    return seqs(server).at(-1) === (await headOf(gateway, gateway.tenant.orgId))
  }

  it('goes over TCP with octet counting (RFC 6587), each record a message of RFC 5424 in its order', async () => {
    const server = await openSyslogServer()
    try {
      const sink = await create({ host: '127.0.0.1', port: server.port, tls: false, facility: 10 })
      await people(3)
      await eventually(() => arrivedAll(server))
      const [priority, at, host, id, , text] = MESSAGE.exec(server.messages[0]!)!.slice(1)
      expect([priority, host, id]).to.deep.equal([String(10 * 8 + 6), 'scim.example', 'sink.create'])
      expect(new Date(at!).toISOString()).to.equal(at)
      expect(JSON.parse(text!)).to.deep.include({ org: gateway.tenant.orgId })
      const [first] = seqs(server)
      expect(seqs(server)).to.deep.equal(server.messages.map((_, n) => first! + n))
      expect(server.messages.join()).not.to.contain('@example.com')
      expect((await gateway.admin.post(`/sinks/${sink.id}/test`, undefined)).json).to.include({ arrived: true })
    } finally {
      await server.close()
    }
  })

  it('goes over TLS (RFC 5425) to a server whose certificate is of the authority that was given, and to no other', async () => {
    const [own, other] = [makeCertificate(), makeCertificate()]
    const server = await openSyslogServer(own)
    try {
      const config = { host: 'localhost', port: server.port, form: 'cef' }
      const stranger = await create({ ...config, ca: other.cert })
      await eventually(async () => (await show(stranger)).attempts > 0)
      expect((await show(stranger)).lastError).to.match(/self-signed certificate/)
      expect(server.messages).to.deep.equal([])
      await create({ ...config, ca: own.cert })
      await people(1)
      await eventually(() => arrivedAll(server))
      expect(MESSAGE.exec(server.messages.at(-1)!)![6]).to.match(/^CEF:0\|Rollcall\|Rollcall\|1\|user\.create\|/)
    } finally {
      await server.close()
    }
  })

  it('takes an address in the place of a name, which TLS is not told and the certificate must have (RFC 6066 §3)', async () => {
    const own = makeCertificate()
    const [server, other] = [await openSyslogServer(own), await openSyslogServer(own, '127.0.0.2')]
    const warnings: string[] = []
    const hear = ({ message }: Error): unknown => warnings.push(message)
    process.on('warning', hear)
    try {
      await create({ host: '127.0.0.1', port: server.port, ca: own.cert })
      const elsewhere = await create({ host: '127.0.0.2', port: other.port, ca: own.cert })
      await eventually(() => arrivedAll(server))
      await eventually(async () => (await show(elsewhere)).attempts > 0)
      expect((await show(elsewhere)).lastError).to.match(/127\.0\.0\.2 is not in the cert's list/)
      expect(warnings.filter((text) => /servername/i.test(text))).to.deep.equal([])
    } finally {
      process.off('warning', hear)
      await server.close()
      await other.close()
    }
  })

  it('counts nothing as arrived that a server broke off at, and sends it again', async () => {
    const server = await openSyslogServer()
    try {
      server.behaviour = 'reset'
      const sink = await create({ host: '127.0.0.1', port: server.port, tls: false })
      await eventually(async () => (await show(sink)).attempts > 1)
      await people(2)
      server.behaviour = 'take'
      await eventually(() => arrivedAll(server))
      await eventually(async () => (await show(sink)).lag.records === 0)
      const sent = seqs(server)
      expect(sent).to.deep.equal([...new Set(sent)].sort((a, b) => a - b))
    } finally {
      await server.close()
    }
  })

  it('is not held to have arrived where nobody reads, and no request waits for it', async function () {
    this.timeout(30_000)
    const server = await openSyslogServer()
    try {
      server.behaviour = 'hang'
      const sink = await create({ host: '127.0.0.1', port: server.port, tls: false })
      await eventually(() => server.connections > 0)
      await people(3)
      await eventually(async () => (await show(sink)).attempts > 0, 25_000)
      expect((await show(sink)).lastError).to.match(/did not take the records, and close, within/)
      expect((await show(sink)).lag.records).to.be.greaterThan(3)
    } finally {
      await server.close()
    }
  })
})

// One dialect is enough: what is asked here is decided ahead of the store.
describe('receivers at private addresses', () => {
  it('are refused unless the operator allows them', async () => {
    const gateway = await openAdminGateway(DIALECTS[0]!)
    try {
      const admin = gateway.client(await gateway.key('admin'))
      const post = (kind: string, config: object) => admin.post('/sinks', { name: 'private', kind, config })
      for (const url of ['http://127.0.0.1/', 'https://10.0.0.1/', 'https://[::1]/']) {
        expect(problemCode(await post('webhook', { url }), 400)).to.equal('sink.invalid')
      }
      expect(problemCode(await post('syslog', { host: '10.0.0.1', tls: false }), 400)).to.equal('sink.invalid')
      const { id } = sinkIn(await post('syslog', { host: 'localhost' }))
      const tried = (await admin.post(`/sinks/${id}/test`, undefined)).json
      expect(tried['error']).to.match(/localhost is at \S+, which may not be connected to/)
      const named = sinkIn(
        await admin.post('/sinks', { name: 'named', kind: 'webhook', config: { url: 'https://localhost/' } }),
      )
      const asked = (await admin.post(`/sinks/${named.id}/test`, undefined)).json
      expect(asked['error']).to.match(/is not a public address/)
    } finally {
      await gateway.close()
    }
  })
})
