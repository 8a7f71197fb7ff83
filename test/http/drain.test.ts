import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import express from 'express'
import { createDrain, type Drain } from '../../src/http/drain.ts'
import { healthRouter } from '../../src/http/health.ts'
import { createHttpServer } from '../../src/http/limits.ts'

/** A server whose `/slow` answers when told to. */
async function slowServer(options: { limitMs: number; noticeMs?: number }) {
  const app = express()
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let arrived: () => void = () => undefined
  const slow = new Promise<void>((resolve) => {
    arrived = resolve
  })
  app.get('/slow', async (_req, res) => {
    arrived()
    await released
    res.send('done')
  })
  app.get('/quick', (_req, res) => {
    res.send('quick')
  })
  const server = createHttpServer((req, res) => void app(req, res))
  const drain: Drain = createDrain(server, options)
  app.use(healthRouter({ ready: () => true, draining: drain.draining }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, drain, release, slow, url: (path: string) => `http://127.0.0.1:${port}${path}` }
}

interface Answer {
  readonly status: number | undefined
  readonly connection: string | undefined
  readonly text: string
}

function fetchWith(agent: Agent, url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (res: IncomingMessage) => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => (text += chunk))
      res.on('end', () => resolve({ status: res.statusCode, connection: res.headers.connection, text }))
      res.on('error', reject)
    }).on('error', reject)
  })
}

describe('graceful drain (R07)', () => {
  it('answers requests in flight with Connection: close and resolves when the last is out', async () => {
    const { drain, release, slow, url } = await slowServer({ limitMs: 5_000 })
    const agent = new Agent({ keepAlive: true })
    const idle = new Agent({ keepAlive: true })
    await fetchWith(idle, url('/quick'))
    const answer = fetchWith(agent, url('/slow'))
    await slow
    const drained = drain.drain()
    expect(drain.draining()).to.equal(true)
    release()
    expect(await answer).to.deep.equal({ status: 200, connection: 'close', text: 'done' })
    expect(await drained).to.equal('done')
    agent.destroy()
    idle.destroy()
  })

  it('turns readiness to 503 at once while liveness stays 200, for as long as new connections are served', async () => {
    const { drain, release, url } = await slowServer({ limitMs: 5_000, noticeMs: 400 })
    const agent = new Agent({ keepAlive: false })
    expect((await fetchWith(agent, url('/readyz'))).status).to.equal(200)
    const drained = drain.drain()
    const ready = await fetchWith(agent, url('/readyz'))
    expect([ready.status, ready.connection]).to.deep.equal([503, 'close'])
    expect(JSON.parse(ready.text)).to.deep.equal({ status: 'draining' })
    expect((await fetchWith(agent, url('/livez'))).status).to.equal(200)
    release()
    expect(await drained).to.equal('done')
    const refused = await fetchWith(agent, url('/livez')).catch((error: NodeJS.ErrnoException) => error.code)
    expect(refused).to.equal('ECONNREFUSED')
  })

  it('cuts what is left when called again', async () => {
    const { drain, slow, url } = await slowServer({ limitMs: 60_000 })
    const agent = new Agent({ keepAlive: true })
    const answer = fetchWith(agent, url('/slow')).catch((error: NodeJS.ErrnoException) => error.code)
    await slow
    const first = drain.drain()
    expect(await drain.drain()).to.equal('forced')
    expect(await first).to.equal('forced')
    expect(await answer).to.equal('ECONNRESET')
    agent.destroy()
  })

  it('cuts what is left at the limit', async () => {
    const { drain, slow, url } = await slowServer({ limitMs: 50 })
    const agent = new Agent({ keepAlive: true })
    const answer = fetchWith(agent, url('/slow')).catch((error: NodeJS.ErrnoException) => error.code)
    await slow
    expect(await drain.drain()).to.equal('forced')
    expect(await answer).to.equal('ECONNRESET')
    agent.destroy()
  })
})
