import { METHODS } from 'node:http'
import { expect } from 'chai'
import { ENDPOINTS } from '../../src/scim/endpoint.ts'
import { MOUNTS } from '../../src/scim/location.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { fresh, make } from './orgs.ts'
import { type RawAnswer, rawRequest } from './raw-http.ts'

/** Node's parser hands `CONNECT` to a listener of its own, and there is none: the socket is closed. */
const METHODS_TRIED = [...METHODS.filter((method) => method !== 'CONNECT'), 'QUERY', 'GETX'].filter(
  (method, index, all) => all.indexOf(method) === index,
)

const OVERRIDES = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'].map((name) => `${name}: GET`)
const REWRITES = [
  'X-Original-URL: /livez',
  'X-Rewrite-URL: /livez',
  'X-Forwarded-Prefix: /livez',
  'Forwarded: for=127.0.0.1',
]

/** Ways to write the same path, each of which has led past some gateway's door before (CVE-2026-32130, CVE-2025-4210). */
const SPELLINGS: Readonly<Record<string, (mount: string, path: string) => string>> = {
  plain: (mount, path) => mount + path,
  'a slash at the end': (mount, path) => `${mount}${path}/`,
  'two slashes at the end': (mount, path) => `${mount}${path}//`,
  'two slashes at the start': (mount, path) => `/${mount}${path}`,
  'two slashes in the middle': (mount, path) => `${mount}/${path}`,
  'a letter of the mount escaped': (mount, path) => mount.replace('scim', '%73cim') + path,
  'a letter of the path escaped': (mount, path) =>
    mount + path.replace(/^\/(.)/, (_, char: string) => `/${escaped(char)}`),
  'every letter escaped': (mount, path) => `/${[...(mount + path).slice(1)].map(escaped).join('')}`,
  'a slash escaped': (mount, path) => mount + path.replace('/', '%2f'),
  'a slash escaped twice': (mount, path) => mount + path.replace('/', '%252f'),
  'a dot segment': (mount, path) => `${mount}/.${path}`,
  'a dot segment escaped': (mount, path) => `${mount}/%2e${path}`,
  'up and down again': (mount, path) => `${mount}/../${mount.slice(1)}${path}`,
  'through another door': (mount, path) => `/livez/..${mount}${path}`,
  'through another door, escaped': (mount, path) => `/livez/%2e%2e${mount}${path}`,
  'a path parameter on the mount': (mount, path) => `${mount};x${path}`,
  'a path parameter at the end': (mount, path) => `${mount}${path};.css`,
  'upper case': (mount, path) => mount.toUpperCase() + path.toUpperCase(),
  'mixed case': (mount, path) => mount.replace('scim', 'ScIm') + path,
  'a backslash': (mount, path) => mount + path.replace('/', '\\'),
  'a NUL at the end': (mount, path) => `${mount}${path}%00`,
  'a file name at the end': (mount, path) => `${mount}${path}/x.css`,
  'a query': (mount, path) => `${mount}${path}?/livez`,
  'a fragment': (mount, path) => `${mount}${path}#/livez`,
  'the absolute form': (mount, path) => `http://gateway${mount}${path}`,
  'the absolute form with a user': (mount, path) => `http://admin:admin@gateway${mount}${path}`,
  'the absolute form of another scheme': (mount, path) => `ftp://gateway${mount}${path}`,
  'without the first slash': (mount, path) => (mount + path).slice(1),
}

function escaped(char: string): string {
  return char === '/' ? char : `%${char.charCodeAt(0).toString(16)}`
}

describe('doors without a credential (S10)', function () {
  this.timeout(120_000)
  let test: TestGateway
  let port: number
  let ids: Readonly<Record<string, string>>

  before(async () => {
    test = await startTestGateway('sqlite', { ROLLCALL_AUTH_FAILURES_PER_MINUTE: '100000' })
    port = Number(new URL(test.url).port)
    const client = new ScimClient(test.base, test.token)
    const user = await make(client, '/Users', { userName: fresh('door') })
    const group = await make(client, '/Groups', { displayName: fresh('door'), members: [{ value: user }] })
    ids = { '/Users/:id': user, '/Groups/:id': group, '/Schemas/:id': 'urn:ietf:params:scim:schemas:core:2.0:User' }
    ids = { ...ids, '/ResourceTypes/:id': 'User' }
    client.close()
  })
  after(() => test.stop())

  const pathOf = (template: string): string => template.replace(':id', ids[template] ?? 'x')

  /** Neither in, nor through to an error of ours. 400 is Node's own parser, before anything of ours runs. */
  function expectShut(answer: RawAnswer, title: string): void {
    expect(answer.status, title).to.be.oneOf([400, 401, 404])
    if (answer.status === 400) expect(answer.head, title).to.match(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close$/)
    for (const id of [ids['/Users/:id'], ids['/Groups/:id']]) expect(answer.body, title).to.not.include(id)
  }

  for (const { template } of ENDPOINTS) {
    it(`${template} is shut in every spelling, at every mount: 401 or 404 (S10)`, async () => {
      for (const mount of MOUNTS) {
        for (const [title, spell] of Object.entries(SPELLINGS)) {
          const target = spell(mount, pathOf(template))
          const answers = await Promise.all(
            ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'].map((method) =>
              rawRequest(port, { method, target, headers: [...OVERRIDES, ...REWRITES] }),
            ),
          )
          for (const answer of answers) expectShut(answer, `${mount}, ${title}`)
        }
      }
    })

    it(`${template} is shut for every method Node reads: 401 (S10)`, async () => {
      for (const method of METHODS_TRIED) {
        const answer = await rawRequest(port, { method, target: `/scim/v2${pathOf(template)}` })
        if (answer.status === 400) expectShut(answer, method)
        else expect(answer.status, method).to.equal(401)
      }
    })
  }

  it('is 401 also for what is no endpoint at all: nobody without a credential learns what there is', async () => {
    for (const mount of MOUNTS) {
      for (const path of ['', '/', '/Nothing', '/Users/x/y', '/%E0%A4%A', '/..%2f..%2fetc/passwd']) {
        expect((await rawRequest(port, { method: 'GET', target: mount + path })).status, mount + path).to.equal(401)
      }
    }
    expect((await rawRequest(port, { method: 'OPTIONS', target: '*' })).status).to.be.oneOf([400, 404])
  })

  it('opens the same doors to a credential, so that this suite knocks where somebody is at home', async () => {
    const headers = [`Authorization: Bearer ${test.token}`, ...OVERRIDES]
    for (const title of ['plain', 'a slash at the end', 'upper case', 'mixed case', 'a query', 'the absolute form']) {
      const target = SPELLINGS[title]!('/scim/v2', '/Users')
      expect((await rawRequest(port, { method: 'GET', target, headers })).status, title).to.equal(200)
    }
    const user = pathOf('/Users/:id')
    const deleting = ['X-HTTP-Method-Override: DELETE', ...headers]
    for (const method of ['GET', 'POST'])
      await rawRequest(port, { method, target: `/scim/v2${user}`, headers: deleting })
    expect((await rawRequest(port, { method: 'GET', target: `/scim/v2${user}`, headers })).status).to.equal(200)
  })

  it('takes one Authorization header, the first, and no other header for it', async () => {
    const good = `Authorization: Bearer ${test.token}`
    const wrong = [
      ['Authorization: Bearer wrong', good],
      [`Proxy-Authorization: Bearer ${test.token}`],
      [`X-Authorization: Bearer ${test.token}`],
      [`X-Forwarded-Access-Token: ${test.token}`],
      [`Cookie: token=${test.token}; access_token=${test.token}`],
      [`X-API-Key: ${test.token}`],
    ]
    for (const headers of wrong) {
      const answer = await rawRequest(port, { method: 'GET', target: '/scim/v2/Users', headers })
      expect(answer.status, headers.join()).to.be.oneOf([400, 401])
    }
  })
})
