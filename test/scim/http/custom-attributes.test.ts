import { expect } from 'chai'
import { CUSTOM_URN } from '../../../src/domain/schema-urns.ts'
import { type AttributeDraft, declareAttribute } from '../../../src/provisioning/declare-attribute.ts'
import { removeAttribute } from '../../../src/provisioning/remove-attribute.ts'
import { forEachDialect } from '../../support/databases.ts'
import { operation } from '../../support/tenant.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { type Answer, fresh, idOf, idsOf, makeUser, makeUsers, type ScimClient, USER } from './scim-client.ts'

for (const fastRoutes of [true, false]) {
  forEachDialect(`attributes an org declared, hot routes ${fastRoutes ? 'on' : 'off'}`, (dialect) => {
    let gateway: Gateway
    let client: ScimClient
    let stranger: ScimClient

    before(async () => {
      gateway = await openGateway({ dialect, fastRoutes })
      client = gateway.client()
      stranger = await gateway.connect({ org: 'strangers' })
    })
    after(async () => {
      client.close()
      stranger.close()
      await gateway.close()
    })

    const declare = (name: string, draft: Omit<AttributeDraft, 'name'> = {}) =>
      declareAttribute(gateway.tenant.provisioning, operation(), gateway.tenant.orgId, { name, ...draft }).durable

    const remove = (name: string) =>
      removeAttribute(gateway.tenant.provisioning, operation(), gateway.tenant.orgId, name)

    function customOf(answer: Answer): unknown {
      return answer.json[CUSTOM_URN]
    }

    const filtered = (filter: string, more = '', from = client) =>
      from.get(`/Users?filter=${encodeURIComponent(filter)}${more}`)

    const make = async (custom: object): Promise<string> => (await makeUser(client, { [CUSTOM_URN]: custom })).id

    it('are published, taken, shown and found with the very next request', async () => {
      const text = { type: 'string', description: 'Where costs go' } as const
      await declare('costCentre', text)
      const schema = (await client.get(`/Schemas/${CUSTOM_URN}`)).json
      expect(schema['attributes']).to.deep.include({
        ...{ name: 'costCentre', ...text, multiValued: false, required: false, caseExact: false },
        ...{ mutability: 'readWrite', returned: 'default', uniqueness: 'none' },
      })
      const type = (await client.get('/ResourceTypes/User')).json
      expect(type['schemaExtensions']).to.deep.include({ schema: CUSTOM_URN, required: false })
      const body = { schemas: [USER, CUSTOM_URN], userName: fresh('u'), [CUSTOM_URN]: { COSTcentre: 'North 7', x: 1 } }
      const made = await client.post('/Users', body)
      expect(made.status, made.text).to.equal(201)
      expect(customOf(made)).to.deep.equal({ costCentre: 'North 7' })
      expect(made.json['schemas']).to.include(CUSTOM_URN)
      expect(customOf(await client.get(`/Users/${idOf(made)}`))).to.deep.equal({ costCentre: 'North 7' })
      for (const filter of [
        `${CUSTOM_URN}:costCentre eq "north 7"`,
        `${CUSTOM_URN.toUpperCase()}:COSTCENTRE sw "NORTH"`,
        `${CUSTOM_URN}:costCentre co "TH 7" and ${CUSTOM_URN}:costCentre pr`,
        `userName eq "nobody" or ${CUSTOM_URN}:costCentre eq "NORTH 7"`,
        `schemas eq "${CUSTOM_URN}" and ${CUSTOM_URN}:costCentre gt "north 6"`,
      ]) {
        const answer = await filtered(filter)
        expect([answer.json['totalResults'], ...idsOf(answer)], filter).to.deep.equal([1, idOf(made)])
      }
      const others = await filtered(`${CUSTOM_URN}:costCentre ne "north 7"`)
      expect(idsOf(others)).not.to.include(idOf(made))
      const only = await client.get(`/Users/${idOf(made)}?attributes=${CUSTOM_URN}:costCentre`)
      expect(only.json).to.have.all.keys('schemas', 'id', CUSTOM_URN)
      const without = await client.get(`/Users/${idOf(made)}?excludedAttributes=${CUSTOM_URN}`)
      expect(customOf(without)).to.equal(undefined)
    })

    it('are changed by PATCH in every form, by PUT, and by Bulk (RFC 7644 §3.5, §3.7)', async () => {
      await declare('level', { type: 'integer' })
      await declare('skills', { multiValued: true })
      const id = await make({ level: 1, skills: ['a', 'b'] })
      const steps: readonly (readonly [readonly object[], object | undefined])[] = [
        [[{ op: 'replace', path: `${CUSTOM_URN}:level`, value: 2 }], { level: 2, skills: ['a', 'b'] }],
        [[{ op: 'add', value: { [`${CUSTOM_URN}:skills`]: ['b', 'c'] } }], { level: 2, skills: ['a', 'b', 'c'] }],
        [[{ op: 'Replace', value: { [CUSTOM_URN]: { Level: 3 } } }], { level: 3, skills: ['a', 'b', 'c'] }],
        [[{ op: 'remove', path: `${CUSTOM_URN}:skills[value eq "B"]` }], { level: 3, skills: ['a', 'c'] }],
        [[{ op: 'replace', path: `${CUSTOM_URN}:skills[value eq "a"]`, value: 'd' }], { level: 3, skills: ['d', 'c'] }],
        [[{ op: 'remove', path: `${CUSTOM_URN}:skills`, value: ['c'] }], { level: 3, skills: ['d'] }],
        [[{ op: 'remove', path: `${CUSTOM_URN}:level` }], { skills: ['d'] }],
        [[{ op: 'remove', path: CUSTOM_URN }], undefined],
        [[{ op: 'add', path: CUSTOM_URN, value: { level: 9, skills: 'e' } }], { level: 9, skills: ['e'] }],
      ]
      for (const [operations, wanted] of steps) {
        const answer = await client.patch(`/Users/${id}`, operations)
        expect(answer.status, answer.text).to.equal(200)
        expect(customOf(answer), JSON.stringify(operations)).to.deep.equal(wanted)
      }
      expect(idsOf(await filtered(`${CUSTOM_URN}:skills[value eq "E"] and ${CUSTOM_URN}:level ge 9`))).to.deep.equal([
        id,
      ])
      expect(idsOf(await filtered(`${CUSTOM_URN}:skills eq "d"`))).to.deep.equal([])
      const none = { op: 'replace', path: `${CUSTOM_URN}:skills[value eq "none"]`, value: 'x' }
      const refused = await client.patch(`/Users/${id}`, [none])
      expect([refused.status, refused.json['scimType']]).to.deep.equal([400, 'noTarget'])
      const empty = await client.patch(`/Users/${id}`, [
        { ...none, path: `${CUSTOM_URN}:skills[value eq "e"]`, value: '' },
      ])
      expect(customOf(empty)).to.deep.equal({ level: 9 })
      const { userName } = (await client.get(`/Users/${id}`)).json
      const core = { schemas: [USER], userName }
      expect(customOf(await client.put(`/Users/${id}`, core))).to.deep.equal({ level: 9 })
      const put = await client.put(`/Users/${id}`, { ...core, [CUSTOM_URN]: { level: 4 } })
      expect(customOf(put)).to.deep.equal({ level: 4 })
      const bulk = await client.post('/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [
          {
            method: 'PATCH',
            path: `/Users/${id}`,
            data: { Operations: [{ op: 'add', path: `${CUSTOM_URN}:level`, value: 5 }] },
          },
        ],
      })
      expect(bulk.text).to.include('"200"')
      expect(customOf(await client.get(`/Users/${id}`))).to.deep.equal({ level: 5 })
    })

    it('compare by their type: numbers, times, booleans, references with their case (RFC 7643 §2.3)', async () => {
      await declare('share', { type: 'decimal' })
      await declare('since', { type: 'dateTime' })
      await declare('onCall', { type: 'boolean' })
      await declare('page', { type: 'reference' })
      const value = { share: 0.5, since: '2026-01-31T10:30:00+01:00', onCall: 'True', page: 'https://x.example/A' }
      const id = await make(value)
      const shown = { ...value, since: '2026-01-31T09:30:00.000Z', onCall: true }
      expect(customOf(await client.get(`/Users/${id}`))).to.deep.equal(shown)
      const holds: Readonly<Record<string, boolean>> = {
        'share lt 0.51': true,
        'share gt 0.5': false,
        'since eq "2026-01-31T09:30:00Z"': true,
        'since gt "2026-01-31T09:30:00Z"': false,
        'onCall eq true': true,
        'onCall eq "False"': false,
        'page eq "https://x.example/A"': true,
        'page eq "https://x.example/a"': false,
      }
      for (const [test, wanted] of Object.entries(holds)) {
        expect(idsOf(await filtered(`${CUSTOM_URN}:${test}`)), test).to.deep.equal(wanted ? [id] : [])
      }
      const bad: Readonly<Record<string, unknown>> = { share: 'x', since: 'noon', onCall: 'maybe', page: 5 }
      for (const [name, wrong] of Object.entries(bad)) {
        const answer = await client.patch(`/Users/${id}`, [{ op: 'add', path: `${CUSTOM_URN}:${name}`, value: wrong }])
        expect([answer.status, answer.json['scimType']], answer.text).to.deep.equal([400, 'invalidValue'])
        expect(answer.json['detail']).to.match(new RegExp(`^${CUSTOM_URN}:${name} must be `))
      }
      const order = await filtered(`${CUSTOM_URN}:onCall gt true`)
      expect([order.status, order.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
    })

    it('sort lists, those without a value last (RFC 7644 §3.4.2.3), and are found by a search of all types', async () => {
      await declare('rank', { type: 'integer' })
      const [two, ten, none] = [await make({ rank: 2 }), await make({ rank: 10 }), await make({})]
      const sorted = async (order: string) =>
        idsOf(await client.get(`/Users?sortBy=${CUSTOM_URN}:rank&sortOrder=${order}&count=1000`))
      const of = (ids: readonly string[]) => ids.filter((id) => [two, ten, none].includes(id))
      expect(of(await sorted('ascending'))).to.deep.equal([two, ten, none])
      expect(of(await sorted('descending'))).to.deep.equal([none, ten, two])
      const found = await client.post('/.search', { filter: `${CUSTOM_URN}:rank eq 10` })
      expect(idsOf(found)).to.deep.equal([ten])
    })

    it('are those of the org alone: another one sees, stores and finds nothing of them', async () => {
      await declare('secretSauce')
      await make({ secretSauce: 'mustard' })
      for (const path of ['/Schemas', '/ResourceTypes']) {
        expect((await client.get(path)).text).to.include(CUSTOM_URN)
        expect((await stranger.get(path)).text).not.to.include(CUSTOM_URN)
      }
      expect((await stranger.get(`/Schemas/${CUSTOM_URN}`)).status).to.equal(404)
      const filter = `${CUSTOM_URN}:secretSauce eq "mustard"`
      const asked = await filtered(filter, '', stranger)
      expect([asked.status, asked.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
      const made = await stranger.post('/Users', {
        ...{ schemas: [USER], userName: fresh('u') },
        [CUSTOM_URN]: { secretSauce: 'ketchup' },
      })
      expect(made.status).to.equal(201)
      expect(made.text).not.to.include('ketchup')
      const patched = await stranger.patch(`/Users/${idOf(made)}`, [
        { op: 'add', path: `${CUSTOM_URN}:secretSauce`, value: 'x' },
      ])
      expect([patched.status, patched.json['scimType']]).to.deep.equal([400, 'invalidPath'])
      expect(idsOf(await filtered(filter))).to.have.lengthOf(1)
    })

    it('are gone with the very next request after their removal, with all their values', async () => {
      await declare('shortLived')
      await declare('longLived')
      const id = await make({ shortLived: 'a', longLived: 'b' })
      const before = await client.get(`/Users/${id}`)
      expect(await remove('SHORTlived')).to.include({ cleared: 1 })
      const after = await client.get(`/Users/${id}`)
      expect(customOf(after)).to.deep.equal({ longLived: 'b' })
      expect(after.headers['etag']).not.to.equal(before.headers['etag'])
      const asked = await filtered(`${CUSTOM_URN}:shortLived pr`)
      expect([asked.status, asked.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
      expect((await client.get(`/Schemas/${CUSTOM_URN}`)).text).not.to.include('shortLived')
      await declare('shortLived', { type: 'integer' })
      expect(idsOf(await filtered(`${CUSTOM_URN}:shortLived pr`))).to.deep.equal([])
      expect(customOf(await client.get(`/Users/${id}`))).to.deep.equal({ longLived: 'b' })
    })

    it('are hidden from the first moment of a removal that was cut off, and can be written no more', async () => {
      await declare('fading')
      const custom = { [CUSTOM_URN]: { fading: 'x' } }
      const ids = await makeUsers(client, 60, custom)
      const { work } = gateway.tenant.provisioning
      let units = 0
      const cutOff: typeof work = {
        ...work,
        submit: (...unit) => {
          if (++units > 1) throw new Error('cut off')
          return work.submit(...unit)
        },
      }
      const provisioning = { ...gateway.tenant.provisioning, work: cutOff }
      const cut = removeAttribute(provisioning, operation(), gateway.tenant.orgId, 'fading')
      expect(await cut.catch((error: unknown) => String(error))).to.equal('Error: cut off')
      const answer = await client.get('/Users?count=1000')
      expect(idsOf(answer)).to.include.members([...ids])
      expect(answer.text).not.to.include('fading')
      expect((await client.post('/Users', { schemas: [USER], userName: fresh('u'), ...custom })).text).not.to.include(
        'fading',
      )
      const patched = await client.patch(`/Users/${ids.at(-1) ?? ''}`, [{ op: 'add', path: 'title', value: 'x' }])
      expect([patched.status, patched.text.includes('fading')]).to.deep.equal([200, false])
      expect((await remove('fading')).cleared).to.be.within(9, 10)
    })
  })
}
