import { Writable } from 'node:stream'
import { expect } from 'chai'
import express, { type Express } from 'express'
import request from 'supertest'
import { errorPage, notFoundPage } from '../../src/http/error-page.ts'
import { healthRouter } from '../../src/http/health.ts'
import { createLogger, requestLogging } from '../../src/http/logging.ts'
import { requestContext, requestContextOf, requestFacts } from '../../src/http/request-context.ts'
import { hardenApp, type HardeningOptions, securityHeaders } from '../../src/http/security-headers.ts'

/** Collects log lines as parsed JSON. */
class Lines extends Writable {
  readonly all: Record<string, unknown>[] = []
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const line of chunk.toString().split('\n'))
      if (line !== '') this.all.push(JSON.parse(line) as Record<string, unknown>)
    done()
  }
}

function edge(options: Partial<HardeningOptions> = {}): { app: Express; lines: Lines; failures: unknown[] } {
  const app = express()
  const hardening = { publicUrl: 'http://localhost:8080', ...options }
  const lines = new Lines()
  const failures: unknown[] = []
  hardenApp(app, hardening)
  app.use(requestContext(), requestLogging(createLogger('info', lines)), securityHeaders(hardening))
  app.get('/facts', (req, res) => {
    requestContextOf(res).route = '/facts'
    res.json(requestFacts(req, res))
  })
  app.get('/throws', () => {
    throw new Error('password=hunter2 in /var/lib/secret')
  })
  app.get('/throws-late', (_req, res, next) => {
    res.send('sent')
    next(new Error('late'))
  })
  app.use(
    notFoundPage(),
    errorPage((error) => failures.push(error)),
  )
  return { app, lines, failures }
}

describe('request context', () => {
  it('keeps a safe X-Request-Id, replaces an unsafe one, and answers with it', async () => {
    const { app } = edge()
    const kept = await request(app).get('/facts').set('X-Request-Id', 'abc-123')
    expect(kept.headers['x-request-id']).to.equal('abc-123')
    for (const unsafe of ['a b', '<script>', 'x'.repeat(129), '"']) {
      const answer = await request(app).get('/facts').set('X-Request-Id', unsafe)
      expect(answer.headers['x-request-id']).to.match(/^[0-9a-f-]{36}$/)
    }
  })

  it("notes the identity provider's own request id", async () => {
    const { app } = edge()
    const facts = await request(app).get('/facts').set('client-request-id', '7f2f1c9e-entra')
    expect(facts.body).to.include({ idpRequestId: '7f2f1c9e-entra', method: 'GET', route: '/facts' })
  })

  it('believes X-Forwarded-For only as far as trust proxy was set (S44)', async () => {
    const spoofed = await request(edge().app).get('/facts').set('X-Forwarded-For', '203.0.113.9')
    expect((spoofed.body as { client: { ip: string } }).client.ip).to.match(/127\.0\.0\.1$/)
    const trusted = await request(edge({ trustProxy: 1 }).app)
      .get('/facts')
      .set('X-Forwarded-For', '203.0.113.9')
    expect((trusted.body as { client: { ip: string } }).client.ip).to.equal('203.0.113.9')
  })
})

describe('security headers (S44)', () => {
  it('sends HSTS only for an https address, and never names the software', async () => {
    const plain = await request(edge().app).get('/facts')
    expect(plain.headers).to.not.have.any.keys('strict-transport-security', 'x-powered-by', 'etag')
    expect(plain.headers).to.include({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' })
    const secure = await request(edge({ publicUrl: 'https://scim.example.com' }).app).get('/facts')
    expect(secure.headers['strict-transport-security']).to.match(/^max-age=31536000/)
  })
})

describe('error page', () => {
  it('says nothing of the cause of a 5xx but the request id, and reports the cause', async () => {
    const { app, failures } = edge()
    const answer = await request(app).get('/throws').set('X-Request-Id', 'r-1')
    expect(answer.status).to.equal(500)
    expect(answer.text).to.include('r-1').and.not.include('hunter2').and.not.include('/var')
    expect(failures).to.have.length(1)
  })

  it('is silent once headers are sent', async () => {
    const { app, failures } = edge()
    const answer = await request(app).get('/throws-late')
    expect([answer.status, answer.text]).to.deep.equal([200, 'sent'])
    expect(failures).to.have.length(1)
  })

  it('answers an unknown path in HTML to a browser and in JSON to others', async () => {
    const { app } = edge()
    const html = await request(app).get('/nowhere').set('Accept', 'text/html')
    expect(html.status).to.equal(404)
    expect(html.headers['content-type']).to.match(/^text\/html/)
    const json = await request(app).get('/nowhere')
    expect(json.body).to.have.nested.property('error.status', 404)
  })
})

describe('request logging', () => {
  it('writes route template, status and time, and neither path, query nor credentials', async () => {
    const { app, lines } = edge()
    await request(app)
      .get('/facts?access_token=s3cret-query&filter=userName eq "ada@example.com"')
      .set('Authorization', 'Bearer s3cret-header')
      .set('Cookie', 'sid=s3cret-cookie')
    const text = JSON.stringify(lines.all)
    expect(text).to.not.include('s3cret').and.not.include('ada@example.com')
    expect(lines.all).to.have.length(1)
    expect(lines.all[0]).to.include({ level: 'info', method: 'GET', route: '/facts', status: 200 })
    expect(lines.all[0]?.['latencyUs']).to.be.a('number')
  })

  it('redacts secrets in whatever else is logged', () => {
    const lines = new Lines()
    const log = createLogger('info', lines)
    log.info({
      req: { headers: { authorization: 'Bearer a', cookie: 'b' } },
      token: 'c',
      client: { client_secret: 'd' },
    })
    expect(lines.all[0]).to.deep.include({
      req: { headers: { authorization: '[redacted]', cookie: '[redacted]' } },
      token: '[redacted]',
      client: { client_secret: '[redacted]' },
    })
  })
})

describe('health (R09)', () => {
  const app = (ready: () => boolean | Promise<boolean>, draining = false) =>
    express().use(healthRouter({ ready, draining: () => draining, timeoutMs: 50 }))

  it('is ready only while the store answers "yes" in time', async () => {
    expect((await request(app(() => true)).get('/readyz')).status).to.equal(200)
    expect((await request(app(() => false)).get('/readyz')).status).to.equal(503)
    expect((await request(app(() => Promise.reject(new Error('down')))).get('/readyz')).status).to.equal(503)
    expect((await request(app(() => new Promise(() => undefined))).get('/readyz')).status).to.equal(503)
    expect((await request(app(() => true, true)).get('/readyz')).body).to.deep.equal({ status: 'draining' })
  })

  it('is alive whatever the store does', async () => {
    expect((await request(app(() => Promise.reject(new Error('down')))).get('/livez')).status).to.equal(200)
  })
})
