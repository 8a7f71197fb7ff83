import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startIssuer } from '../support/issuer.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { addTokenTo, basic, filterOn, fresh, GROUP, idOf, make, openAccess, textOf, USER } from './orgs.ts'
import { type LoggedGateway, type Place, placesHolding, startLoggedGateway, storePlaces } from './secrets.ts'

const FORM = 'application/x-www-form-urlencoded'

forEachDialect('secrecy', (dialect) => {
  let test: LoggedGateway
  let answers: Answer[]
  const masterKey = randomBytes(32)

  before(async () => {
    const more = { ROLLCALL_MASTER_KEY: masterKey.toString('hex'), ALLOW_PRIVATE_ISSUERS: 'true' }
    test = await startLoggedGateway(dialect, { ...more, ROLLCALL_AUTH_FAILURES_PER_MINUTE: '40' })
  })
  beforeEach(() => {
    answers = []
  })
  after(() => test.stop())

  /** A client that keeps every answer it gets. */
  function listening(base: string, token?: string): ScimClient {
    const client = new ScimClient(base, token)
    const call = client.call.bind(client)
    client.call = async (path, options) => {
      const answer = await call(path, options)
      answers.push(answer)
      return answer
    }
    return client
  }

  /** Every place where a secret may have been left, by now. */
  async function places(): Promise<readonly Place[]> {
    const heard = answers.map(({ headers, text }) => JSON.stringify(headers) + text).join('\n')
    return [
      { name: 'process log', bytes: test.log.bytes() },
      { name: 'answers', bytes: Buffer.from(heard) },
      ...(await storePlaces(test.gateway, test.dataDir)),
    ]
  }

  it('of passwords: accepted on every way in, and then nowhere: not stored, logged or answered (S07)', async () => {
    const canary = `canary-password-${randomBytes(8).toString('hex')}`
    const witness = fresh('witness')
    const client = listening(test.base, test.token)
    const body = (userName: string): object => ({ schemas: [USER], userName, password: canary })
    const made = await client.post('/Users', body(witness))
    expect(made.status).to.equal(201)
    const path = `/Users/${idOf(made)}`
    const put = await client.put(path, { ...body(witness), title: 'with a password', PassWord: canary })
    expect(put.status).to.equal(200)
    const operations = [
      { op: 'add', path: 'password', value: canary },
      { op: 'replace', value: { password: canary, nickName: 'n' } },
      { op: 'replace', path: `${USER}:password`, value: canary },
    ]
    for (const operation of operations) {
      const answer = await client.patch(path, [operation])
      expect(answer.status, answer.text).to.equal(200)
    }
    expect((await client.get(`${path}?attributes=password,userName`)).body).to.include({ userName: witness })
    for (const filter of [`password eq "${canary}"`, 'password pr']) {
      const answer = await client.get(filterOn('/Users', filter))
      expect([answer.status, answer.body['scimType']], filter).to.deep.equal([400, 'invalidFilter'])
    }
    // Refused after it was read, and cut off within it.
    expect((await client.post('/Users', body(witness))).status).to.equal(409)
    const half = { method: 'POST', rawBody: JSON.stringify(body(fresh('half'))).slice(0, -1) }
    expect((await client.call('/Users', half)).status).to.equal(400)
    expect((await client.get('/Schemas')).text).to.include('"name":"password"')
    client.close()
    await test.gateway.opened.store.requestLog.flush(Date.now())
    const searched = await places()
    expect(placesHolding(canary, searched)).to.deep.equal([])
    expect(placesHolding(witness, searched), 'the search finds what is there').to.include.members(['answers', 'tables'])
  })

  it('of credentials: no token, client secret, access token or key in logs, store or answers (S28)', async () => {
    const issuer = await startIssuer([])
    const { gateway } = test
    const access = await openAccess(gateway, undefined, { trust: { issuer: issuer.url, audience: 'rollcall' } })
    const { token: second } = await addTokenTo(gateway, access.connection)
    await issuer.stop()
    const bad = ['canary-unknown', 'rollcall_canary', access.token.slice(0, -1), `${access.token}x`].map(
      (text) => text + randomBytes(12).toString('hex'),
    )
    const good = listening(test.base, access.token)
    const oauth = listening(test.url)
    const accessToken = await getAccessToken(oauth, access.connection.id, second)
    const jwt = jwtOf(issuer.url)
    const unknown = listening(test.base)

    await workWith(good)
    for (const authorization of [`Bearer ${test.token}`, `Bearer ${accessToken}`, basic('any', second)]) {
      expect((await unknown.get('/Users?count=1', { authorization })).status).to.equal(200)
    }
    for (const text of bad) {
      for (const authorization of [`Bearer ${text}`, basic('u', text), basic(text, ''), text, `Token ${text}`]) {
        expect((await unknown.get('/Users', { authorization })).status).to.be.oneOf([401, 429])
      }
      const form = `grant_type=client_credentials&client_id=${access.connection.id}&client_secret=${text}`
      const refused = await oauth.call('oauth/token', post(form))
      expect(refused.status).to.be.oneOf([401, 429])
    }
    // The issuer's keys cannot be fetched: an error of ours, with everything known of the request at hand.
    expect((await unknown.get('/Users', { authorization: `Bearer ${jwt}` })).status).to.equal(503)
    await inWrongPlaces(unknown, oauth, access.token)
    for (const client of [good, oauth, unknown]) client.close()

    await gateway.opened.store.requestLog.flush(Date.now())
    const searched = await places()
    const secrets = [access.token, second, test.token, ...bad, jwt].flatMap((text) => [text, secretPart(text)])
    const fromOAuth = searched.map((place) => (place.name === 'answers' ? without(place, accessToken) : place))
    for (const secret of secrets) expect(placesHolding(secret, searched), secret).to.deep.equal([])
    for (const secret of [accessToken, secretPart(accessToken)])
      expect(
        placesHolding(secret, fromOAuth),
        'an access token is shown in the one answer that gives it',
      ).to.deep.equal([])
    expect(placesHolding(masterKey, searched), 'the master key').to.deep.equal([])
    for (const text of [masterKey.toString('hex'), masterKey.toString('base64url')])
      expect(placesHolding(text, searched), 'the master key as text').to.deep.equal([])
    expect(placesHolding(access.connection.id, searched), 'the search finds what is there').to.include('tables')
    expect(placesHolding('/Users/:id', searched)).to.include.members(['process log', 'tables'])
    expect(
      test.log.lines().some(({ level }) => level === 'warn'),
      'the outage of the issuer was logged',
    ).to.equal(true)
  })

  it('of addresses: the Referrer-Policy is no-referrer and no cache keeps an answer (S28)', async () => {
    for (const path of ['scim/v2/Users', 'oauth/token', 'livez', 'nowhere']) {
      const { headers } = await new ScimClient(test.url).call(path)
      expect(headers['referrer-policy'], path).to.equal('no-referrer')
      expect(headers['cache-control'], path).to.equal('no-store')
    }
  })

  it('of tokens in the query: ?access_token= is no credential, good or not (S26, RFC 6750 §2.3)', async () => {
    for (const query of [`access_token=${test.token}`, `token=${test.token}&authorization=Bearer%20${test.token}`]) {
      const { status, headers } = await new ScimClient(test.base).get(`/Users?${query}`)
      expect(status).to.be.oneOf([401, 429])
      if (status === 401) expect(headers['www-authenticate']).to.match(/^Bearer /)
    }
  })
})

function post(rawBody: string, headers: Readonly<Record<string, string>> = {}): Parameters<ScimClient['call']>[1] {
  return { method: 'POST', rawBody, headers: { 'content-type': FORM, ...headers } }
}

async function getAccessToken(client: ScimClient, id: string, secret: string): Promise<string> {
  const inForm = await client.call(
    'oauth/token',
    post(`grant_type=client_credentials&client_id=${id}&client_secret=${secret}`),
  )
  const inHeader = await client.call(
    'oauth/token',
    post('grant_type=client_credentials', { authorization: basic(id, secret) }),
  )
  expect([inForm.status, inHeader.status]).to.deep.equal([200, 200])
  return textOf(inHeader, 'access_token')
}

/** What a directory does in a day: made, changed, refused, removed. */
async function workWith(client: ScimClient): Promise<void> {
  const userName = fresh('person')
  const user = await make(client, '/Users', { userName, emails: [{ value: `${userName}@example.com` }] })
  const group = await make(client, '/Groups', { displayName: fresh('group'), members: [{ value: user }] })
  const answers = [
    await client.post('/Users', { schemas: [USER], userName }),
    await client.put(`/Groups/${group}`, { schemas: [GROUP], displayName: fresh('group') }),
    await client.patch(`/Users/${user}`, [{ op: 'replace', path: 'active', value: 'False' }]),
    await client.get('/Users?filter=nonsense'),
    await client.call('/Users', { method: 'POST', rawBody: '{"userName":' }),
    await client.delete(`/Users/${user}`, { 'If-Match': 'W/"99"' }),
    await client.delete(`/Users/${user}`),
  ]
  expect(answers.map(({ status }) => status)).to.deep.equal([409, 200, 200, 400, 400, 412, 204])
}

/** Where a token has no business and people put it all the same. */
async function inWrongPlaces(client: ScimClient, root: ScimClient, token: string): Promise<void> {
  const statuses = [
    await client.get(`/Users?access_token=${token}`),
    await client.get(`/Users/${token}`),
    await client.get('/Users', { cookie: `access_token=${token}`, 'x-api-key': token, 'proxy-authorization': token }),
    await client.call('/Users', { ...post(`access_token=${token}`) }),
    await root.call(`oauth/token?client_secret=${token}`, post('grant_type=client_credentials')),
    await root.call(`${token}`),
  ].map(({ status }) => status)
  for (const status of statuses) expect(status).to.be.oneOf([401, 404, 429])
}

/** A JWT that nobody signed, of an issuer that somebody trusts. */
function jwtOf(iss: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const seconds = Math.floor(Date.now() / 1000)
  const claims = { iss, aud: 'rollcall', sub: 's', iat: seconds, exp: seconds + 60 }
  return [part({ alg: 'RS256', kid: 'k' }), part(claims), randomBytes(256).toString('base64url')].join('.')
}

/** The part of a token that makes it one: of ours the random one, of a JWT the signature. */
function secretPart(token: string): string {
  return token.split('.')[2] ?? /^rollcall_[^_]+_([^_]{40})/.exec(token)?.[1] ?? token
}

/** The answers but for the one that hands an access token out. */
function without({ name, bytes }: Place, token: string): Place {
  return { name, bytes: Buffer.from(bytes.toString('utf8').replace(`"access_token":"${token}"`, '')) }
}
