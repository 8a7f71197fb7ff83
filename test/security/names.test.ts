import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { type Access, filterOn, fresh, GROUP, idOf, make, openAccess, USER } from './orgs.ts'

forEachDialect('names', (dialect) => {
  let test: TestGateway
  let client: ScimClient
  let other: Access
  let otherClient: ScimClient

  before(async () => {
    test = await startTestGateway(dialect)
    client = new ScimClient(test.base, test.token)
    other = await openAccess(test.gateway)
    otherClient = new ScimClient(test.base, other.token)
  })
  after(async () => {
    client.close()
    otherClient.close()
    await test.stop()
  })

  const people = (name: string): readonly [string, object] => ['/Users', { schemas: [USER], userName: name }]
  const groups = (name: string): readonly [string, object] => ['/Groups', { schemas: [GROUP], displayName: name }]
  const kinds = { userName: people, displayName: groups } as const

  /** What a taken name is told, but for the name and the id that it may repeat. */
  const refusal = (answer: Answer, name: string): readonly unknown[] => [
    answer.status,
    answer.headers['content-type'],
    answer.text.replaceAll(name, '<name>').replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>'),
  ]

  for (const [attribute, of] of Object.entries(kinds)) {
    describe(attribute, () => {
      it('is unique within an org only (S22)', async () => {
        const name = fresh('shared')
        expect((await client.post(...of(name))).status).to.equal(201)
        expect((await otherClient.post(...of(name))).status).to.equal(201)
        expect((await client.post(...of(name))).status).to.equal(409)
      })

      it('is refused in the same words whether or not another org has it (S22)', async () => {
        const [shared, own] = [fresh('name'), fresh('name')]
        const [made] = await Promise.all([client.post(...of(shared)), otherClient.post(...of(shared))])
        expect(made.status).to.equal(201)
        const alone = await otherClient.post(...of(own))
        expect(alone.status).to.equal(201)
        const whereShared = await otherClient.post(...of(shared))
        const whereAlone = await otherClient.post(...of(own))
        expect(whereAlone.status).to.equal(409)
        expect(refusal(whereShared, shared)).to.deep.equal(refusal(whereAlone, own))
        expect(whereShared.text).to.not.include(idOf(made))
      })

      it('is taken in each of its spellings: full-width, Kelvin sign, recomposed, other case (S24)', async () => {
        const tail = fresh('').replace(/\d/g, 'x')
        const taken = `kelvin.zoë.ångström${tail}`
        const id = idOf(await client.post(...of(taken)))
        const spellings: Readonly<Record<string, string>> = {
          'the same': taken,
          'upper case': taken.toUpperCase(),
          'with the Kelvin sign': taken.replace('k', '\u212a'),
          'with the Angstrom sign': taken.replace('å', '\u212b'),
          decomposed: taken.normalize('NFD'),
          recomposed: taken.normalize('NFD').normalize('NFC'),
          'full-width': fullWidth(taken),
          'full-width capitals': fullWidth(taken.toUpperCase()),
          mathematical: taken.replace('kelvin', '𝐤𝐞𝐥𝐯𝐢𝐧'),
          'with a long s': taken.replace('ngstr', 'ng\u017ftr'),
        }
        for (const [title, spelling] of Object.entries(spellings)) {
          const answer = await client.post(...of(spelling))
          expect([answer.status, answer.body['scimType']], title).to.deep.equal([409, 'uniqueness'])
          const [endpoint] = of(spelling)
          const found = await client.get(filterOn(endpoint, `${attribute} eq ${JSON.stringify(spelling)}`))
          expect(found.body['totalResults'], title).to.equal(1)
          expect(found.text).to.include(id)
        }
      })

      it('is another where the letters are: ı and İ are not i, ß is not ss (S24)', async () => {
        const tail = fresh('')
        for (const name of [`irma${tail}`, `ırma${tail}`, `İrma${tail}`, `straße${tail}`, `strasse${tail}`]) {
          expect((await client.post(...of(name))).status, name).to.equal(201)
        }
      })

      it('is taken by a change as well: PUT and PATCH to a spelling of another are 409 (S24)', async () => {
        const taken = fresh('Kim')
        const [endpoint, body] = of(taken)
        expect((await client.post(endpoint, body)).status).to.equal(201)
        const spelling = taken.replace('K', '\u212a')
        const id = await make(client, endpoint as '/Users', of(fresh('own'))[1])
        const before = await client.get(`${endpoint}/${id}`)
        expect((await client.put(`${endpoint}/${id}`, of(spelling)[1])).status).to.equal(409)
        const patch = [{ op: 'replace', path: attribute, value: fullWidth(taken) }]
        expect((await client.patch(`${endpoint}/${id}`, patch)).status).to.equal(409)
        expect((await client.get(`${endpoint}/${id}`)).text).to.equal(before.text)
      })
    })
  }
})

/** ASCII letters and digits in their full-width forms (U+FF01 and on). */
function fullWidth(text: string): string {
  return text.replace(/[0-9A-Za-z]/g, (char) => String.fromCodePoint(char.codePointAt(0)! + 0xfee0))
}
