import { expect } from 'chai'
import type { Json } from '../../src/domain/json.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type MailSink, openMailSink } from '../support/mail-sink.ts'
import { eventually } from '../system/waiting.ts'

const KEY = 'bootstrap-admin-key-of-32-characters'
const FAULTS = ['greylisted', 'unknown', 'hanging', 'resetting'] as const

type Row = Readonly<Record<string, Json>>

forEachDialect('R20: invitations through a mail server with faults, in a whole gateway', (dialect) => {
  let sink: MailSink
  let running: TestGateway

  before(async () => {
    sink = await openMailSink()
    running = await startTestGateway(dialect, {
      ...{ SMTP_URL: sink.url, MAIL_FROM: 'rollcall@gateway.example', ROLLCALL_BOOTSTRAP_ADMIN_KEY: KEY },
    })
  })
  after(async () => {
    await running.stop()
    await sink.close()
  })

  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${running.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, json: (await answer.json()) as Row }
  }
  const mailOf = async (id: string): Promise<Row | null> =>
    (await ask('GET', `/invites/${id}`)).json['mail'] as Row | null

  it('commits each, answers while the server hangs, shows what became of each mail, and sends again', async function () {
    this.timeout(60_000)
    const ids: Record<string, string> = {}
    for (const fault of FAULTS) {
      const { status, json } = await ask('POST', '/invites', { email: `ann@${fault}.example` })
      expect([fault, status, json['link']]).to.deep.equal([fault, 201, null])
      ids[fault] = json['id'] as string
    }
    await eventually(async () => (await mailOf(ids['unknown']!))?.['state'] === 'failed')
    expect(await mailOf(ids['unknown']!)).to.deep.equal({ state: 'failed', problem: 'smtp.refused 550' })
    await eventually(async () => (await mailOf(ids['greylisted']!))?.['problem'] === 'smtp.refused 451')
    // One is still on its way into the server that says nothing, and every request since was answered.
    await eventually(async () => {
      const mails = (await ask('GET', '/mails')).json['items'] as readonly Row[]
      const underWay = mails.filter(({ state, attempts, problem }) => {
        return state === 'waiting' && attempts === 1 && problem === null
      })
      return underWay.length === 1
    })
    const { status } = await ask('POST', '/invites', { email: 'well@people.example' })
    expect(status).to.equal(201)
    expect((await ask('GET', '/users?limit=50')).status).to.equal(200)
    const listed = (await ask('GET', '/invites')).json['items'] as readonly Row[]
    expect(listed.map(({ state }) => state)).to.deep.equal(Array(5).fill('pending'))
    await running.gateway.opened.connections.writer.updateTable('invite').set({ sent: 1 }).execute()
    expect((await ask('POST', `/invites/${ids['unknown']!}/resend`, { days: 1 })).status).to.equal(200)
    expect(await mailOf(ids['unknown']!)).to.deep.equal({ state: 'waiting', problem: null })
  })

  it('hands no attempt to the server twice', () => {
    const attempts = sink.mails.map((mail) => mail.header('message-id'))
    expect(new Set(attempts).size).to.equal(attempts.length)
  })
})
