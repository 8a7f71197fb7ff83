import { connect, type AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { expect } from 'chai'
import request from 'supertest'
import { AuthError } from '../../src/auth/auth-error.ts'
import { authenticatedOf, authentication, oauthTokenRouter } from '../../src/auth/middleware.ts'
import { createTokenGrants } from '../../src/auth/token-grant.ts'
import type { Connection } from '../../src/domain/connection.ts'
import type { TokenId } from '../../src/domain/ids.ts'
import { basic, createGate, type Gate } from '../support/authentication.ts'

/** A member of the body as text. */
function field(answer: request.Response, name: string): string {
  return String((answer.body as Record<string, unknown>)[name])
}

describe('authentication over HTTP', () => {
  let gate: Gate
  let app: Express
  let connection: Connection
  let token: { id: TokenId; text: string }
  let refusals: AuthError[]

  beforeEach(() => {
    gate = createGate({ limit: 5 })
    connection = gate.credentials.addConnection()
    token = gate.credentials.addToken(connection)
    refusals = []
    app = express()
    const { credentials, accessTokens, limiter, now, uses } = gate
    const grants = createTokenGrants({ credentials, accessTokens, limiter, now, onUsed: (use) => uses.push(use) })
    app.use(oauthTokenRouter(grants, { onRefused: (refusal) => refusals.push(refusal) }))
    app.use('/scim/v2', authentication(gate.authenticator), express.json(), (_req, res) => {
      const { connection: found, method } = authenticatedOf(res)
      res.json({ id: found.id, method })
    })
    app.get('/open', (_req, res) => res.json(authenticatedOf(res)))
    const onError: ErrorRequestHandler = (error, _req, res, _next) => {
      if (!(error instanceof AuthError)) return void res.status(500).json({ detail: (error as Error).message })
      if (error.challenge !== undefined) res.set('WWW-Authenticate', error.challenge)
      if (error.retryAfter !== undefined) res.set('Retry-After', String(error.retryAfter))
      res.status(error.status).json({ detail: error.message })
    }
    app.use(onError)
  })

  it('hands the route who it is', async () => {
    const answer = await request(app).get('/scim/v2/Users').auth(token.text, { type: 'bearer' }).expect(200)
    expect(answer.body).to.deep.equal({ id: connection.id, method: 'token' })
    await request(app).get('/scim/v2/Users').auth('', token.text).expect(200)
  })

  it('refuses before any of the body is read: the answer comes while the client still sends', async () => {
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const answered = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
    socket.write(
      'POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    )
    expect(await answered).to.match(/^HTTP\/1.1 401 /)
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it('refuses malformed JSON without a credential as 401, not 400', async () => {
    await request(app).post('/scim/v2/Users').type('json').send('{').expect(401)
  })

  it('ignores a token in the query or in a cookie (RFC 9700 §4.3.2)', async () => {
    await request(app).get(`/scim/v2/Users?access_token=${token.text}`).expect(401)
    await request(app).get('/scim/v2/Users').set('Cookie', `access_token=${token.text}`).expect(401)
    await request(app).post('/scim/v2/Users').type('form').send({ access_token: token.text }).expect(401)
  })

  it('carries the way in and the time to wait to the error handler', async () => {
    const answer = await request(app).get('/scim/v2/Users').expect(401)
    expect(answer.headers['www-authenticate']).to.equal('Bearer realm="rollcall", Basic realm="rollcall"')
    for (let i = 0; i < 4; i++) await request(app).get('/scim/v2/Users').expect(401)
    const limited = await request(app).get('/scim/v2/Users').expect(429)
    expect(Number(limited.headers['retry-after'])).to.be.within(1, 60)
    await request(app).get('/scim/v2/Users').auth(token.text, { type: 'bearer' }).expect(200)
    gate.credentials.outage = new Error('down')
    const out = await request(app).get('/scim/v2/Users').auth(token.text, { type: 'bearer' }).expect(503)
    expect(out.headers['retry-after']).to.equal('5')
  })

  it('is a fault of the server on a route that forgot it', async () => {
    const answer = await request(app).get('/open').expect(500)
    expect(answer.body).to.deep.equal({ detail: 'This route is not behind authentication' })
  })

  describe('POST /oauth/token', () => {
    const grant = (): Record<string, string> => ({
      ...{ grant_type: 'client_credentials', client_id: connection.id, client_secret: token.text },
    })

    it('gives a token that opens the API', async () => {
      const answer = await request(app).post('/oauth/token').type('form').send(grant()).expect(200)
      expect(answer.headers).to.include({ 'cache-control': 'no-store', pragma: 'no-cache' })
      expect(answer.headers['content-type']).to.match(/^application\/json/)
      const found = await request(app)
        .get('/scim/v2/Users')
        .auth(field(answer, 'access_token'), { type: 'bearer' })
        .expect(200)
      expect(field(found, 'method')).to.equal('access-token')
    })

    it('challenges a client that used Basic', async () => {
      const answer = await request(app)
        .post('/oauth/token')
        .set('Authorization', basic(connection.id, 'wrong'))
        .type('form')
        .send({ grant_type: 'client_credentials' })
        .expect(401)
      expect(answer.headers['www-authenticate']).to.equal('Basic realm="rollcall"')
      expect(field(answer, 'error')).to.equal('invalid_client')
      expect(refusals).to.have.length(1)
    })

    const bad: readonly (readonly [string, number, string, string])[] = [
      ['JSON', 400, 'application/json', '{"grant_type":"client_credentials"}'],
      ['no body', 400, 'application/x-www-form-urlencoded', ''],
      ['a field twice', 400, 'application/x-www-form-urlencoded', 'grant_type=client_credentials&grant_type=x'],
      ['more than 16 kB', 413, 'application/x-www-form-urlencoded', `grant_type=${'x'.repeat(17_000)}`],
      ['more than 20 fields', 413, 'application/x-www-form-urlencoded', 'a=1&'.repeat(30)],
      ['another charset', 415, 'application/x-www-form-urlencoded; charset=utf-7', 'grant_type=x'],
      ['__proto__', 400, 'application/x-www-form-urlencoded', '__proto__=1&__proto__[x]=1'],
    ]
    for (const [title, status, type, body] of bad) {
      it(`refuses ${title} as invalid_request`, async () => {
        const answer = await request(app).post('/oauth/token').set('Content-Type', type).send(body).expect(status)
        expect(field(answer, 'error')).to.equal('invalid_request')
        expect(answer.headers['cache-control']).to.equal('no-store')
      })
    }

    it('refuses other methods with 405', async () => {
      const answer = await request(app).get('/oauth/token').expect(405)
      expect(answer.headers['allow']).to.equal('POST')
    })
  })
})
