import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ENTERPRISE, makeGroup, makeUser, ScimClient } from '../scim/http/scim-client.ts'

/** Every own key of what all objects, lists, functions and texts inherit from. */
function builtIns(): readonly string[] {
  return [Object, Array, Function, String, Map, Promise].flatMap((each) =>
    Reflect.ownKeys(each.prototype as object).map((key) => `${each.name}.${String(key)}`),
  )
}

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']

/** The forms in which a name may stand where an attribute stands. */
const forms = (name: string): readonly string[] => [
  name,
  `${name}.polluted`,
  `${name}.prototype.polluted`,
  `name.${name}`,
  `name.${name}.polluted`,
  `emails.${name}`,
  `${ENTERPRISE}:${name}`,
  `${ENTERPRISE}:manager.${name}`,
]

const filters = (name: string): readonly string[] => [
  ...forms(name).flatMap((form) => [`${form} eq "1"`, `${form} pr`, `not (${form} eq "1")`]),
  `emails[${name}.x eq "1"]`,
  `emails[${name} pr]`,
  `emails[value eq "1"].${name} eq "1"`,
]

const paths = (name: string): readonly string[] => [
  ...forms(name),
  `emails[${name}.x eq "1"].value`,
  `emails[type eq "work"].${name}`,
]

forEachDialect('names that every object has', function (dialect) {
  let test: TestGateway
  let client: ScimClient

  before(async () => {
    test = await startTestGateway(dialect)
    client = new ScimClient(test.url, test.token)
  })
  after(async () => {
    client.close()
    await test.stop()
  })

  let known: readonly string[]
  beforeEach(() => (known = builtIns()))
  afterEach(async () => {
    expect(builtIns()).to.deep.equal(known)
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
    expect((await client.get('/Users?count=1')).status).to.equal(200)
  })

  const refused = ({ status, json }: Answer, types: readonly string[], what: string): void => {
    expect(status, what).to.equal(400)
    expect(json['scimType'], what).to.be.oneOf(types)
  }

  for (const name of NAMES) {
    it(`${name} is no attribute in a filter or sortBy, by GET and by search (S21, CWE-1321)`, async () => {
      for (const filter of filters(name)) {
        refused(await client.get(`/Users?filter=${encodeURIComponent(filter)}`), ['invalidFilter'], filter)
        refused(await client.post('/Users/.search', { filter }), ['invalidFilter'], filter)
      }
      for (const form of forms(name)) {
        refused(await client.get(`/Users?sortBy=${encodeURIComponent(form)}`), ['invalidPath'], form)
      }
    })

    it(`${name} is no attribute in a path of PATCH, and changes nobody (S21, CWE-1321)`, async () => {
      const { id } = await makeUser(client, { emails: [{ value: 'a@example.com', type: 'work' }] })
      const group = await makeGroup(client)
      const { text } = await client.get(`/Users/${id}`)
      for (const path of paths(name)) {
        for (const op of ['add', 'replace', 'remove']) {
          const operation = { op, path, value: { polluted: 'yes' } }
          refused(await client.patch(`/Users/${id}`, [operation]), ['invalidPath', 'invalidFilter'], `${op} ${path}`)
        }
        const toGroup = await client.patch(`/Groups/${group}`, [{ op: 'add', path, value: 'x' }])
        refused(toGroup, ['invalidPath', 'invalidFilter'], path)
      }
      expect((await client.get(`/Users/${id}`)).text).to.equal(text)
    })

    it(`${name} in a body, a path-less value or attributes is passed over (S21, CWE-1321)`, async () => {
      const { id, userName } = await makeUser(client)
      const evil = `"${name}":{"polluted":"yes","prototype":{"polluted":"yes"}}`
      const body = `{"userName":${JSON.stringify(userName)},${evil},"name":{"givenName":"G",${evil}}}`
      const answers = [
        await client.put(`/Users/${id}`, body),
        await client.patch(`/Users/${id}`, [{ op: 'replace', value: JSON.parse(body) as object }]),
        await client.get(`/Users/${id}?attributes=${name},name.givenName`),
        await client.get(`/Users/${id}?excludedAttributes=${name}`),
      ]
      for (const { status, json, text } of answers) {
        expect(status, text).to.equal(200)
        expect(text).to.not.contain('polluted')
        expect(json['name']).to.deep.equal({ givenName: 'G' })
      }
    })
  }
})
