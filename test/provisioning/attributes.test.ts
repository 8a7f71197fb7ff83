import { expect } from 'chai'
import { DomainError } from '../../src/domain/errors.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { OrgAttribute, OrgAttributeType } from '../../src/domain/org-attribute.ts'
import { CUSTOM_URN } from '../../src/domain/schema-urns.ts'
import type { UserState } from '../../src/domain/user.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { type AttributeDraft, declareAttribute } from '../../src/provisioning/declare-attribute.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { removeAttribute } from '../../src/provisioning/remove-attribute.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('attributes of an org', (dialect) => {
  let test: TestStore
  let tenant: Tenant

  before(async () => {
    test = await openTestStore(dialect)
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
  })
  after(() => test.close())

  const declare = (name: string, draft: Omit<AttributeDraft, 'name'> = {}) =>
    declareAttribute(tenant.provisioning, operation(), tenant.orgId, { name, ...draft }).durable

  const remove = (name: string) => removeAttribute(tenant.provisioning, operation(), tenant.orgId, name)

  const declared = () => test.store.reads.attributes.of(tenant.orgId)

  const person = (userName: string, custom: Readonly<Record<string, string | number>>) =>
    tenant.user(userName, { attributes: { [CUSTOM_URN]: custom } })

  async function keys(): Promise<readonly string[]> {
    const rows = await test.connections.reader
      .selectFrom('user_attr')
      .select(['attr', 'key_text', 'key_num'])
      .where('org_id', '=', tenant.orgId)
      .orderBy('attr')
      .orderBy('ordinal')
      .execute()
    return rows.map((row) => `${row.attr} ${row.key_text ?? String(row.key_num)}`)
  }

  /** The body of the newest record. */
  async function newest(): Promise<string> {
    return (await test.store.reads.records.tail(tenant.orgId, 1))[0]?.body ?? ''
  }

  it('are declared once, with a record and a new version each time something changes', async () => {
    expect(await declared()).to.deep.equal({ version: 0, attributes: [] })
    const first = await declare('costCentre', { description: 'Where costs go' })
    expect(first.outcome).to.equal('declared')
    const wanted: OrgAttribute = {
      ...{ name: 'costCentre', type: 'string', multiValued: false, caseExact: false },
      ...{ description: 'Where costs go', state: 'live' },
    }
    expect(await declared()).to.deep.equal({ version: 1, attributes: [wanted] })
    expect((await declare('costCentre')).outcome).to.equal('unchanged')
    expect((await declare('costCentre', { description: 'Cost centre' })).outcome).to.equal('changed')
    expect(await newest())
      .to.include('"path":"description"')
      .and.to.include('"old":"Where costs go"')
    expect((await declared()).version).to.equal(2)
    await remove('COSTcentre')
    expect(await declared()).to.deep.equal({ version: 4, attributes: [] })
    expect((await actionsOf(test, tenant.orgId)).slice(-3)).to.deep.equal([
      'attribute.declare',
      'attribute.change',
      'attribute.remove',
    ])
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const BAD: readonly (readonly [string, string, Omit<AttributeDraft, 'name'>, string])[] = [
    ['an empty name', '', {}, 'begins with a letter'],
    ['a name with a space', 'cost centre', {}, 'begins with a letter'],
    ['a name with a dot', 'cost.centre', {}, 'begins with a letter'],
    ['a name that begins with a digit', '1st', {}, 'begins with a letter'],
    ['a name of 65 letters', 'x'.repeat(65), {}, 'up to 64'],
    ['__proto__', '__proto__', {}, 'begins with a letter'],
    ['constructor', 'constructor', {}, 'is reserved'],
    ['an unknown type', 'a', { type: 'binary' as OrgAttributeType }, 'must be one of string, boolean'],
    ['a number with a case', 'a', { type: 'integer', caseExact: true }, 'only text can be compared with its case'],
    ['a reference without', 'a', { type: 'reference', caseExact: false }, 'is always compared with its case'],
    ['a description of two lines', 'a', { description: 'one\ntwo' }, 'no control characters'],
  ]
  for (const [title, name, draft, said] of BAD) {
    it(`are refused with a sentence, and nothing is written: ${title}`, async () => {
      const before = await actionsOf(test, tenant.orgId)
      const error: unknown = await declare(name, draft).catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(DomainError).with.property('code', 'invalid-value')
      expect((error as Error).message).to.include(said)
      expect(await declared()).to.deep.equal({ version: 0, attributes: [] })
      expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
    })
  }

  it('have names that differ by more than case (RFC 7643 §2.1)', async () => {
    await declare('costCentre')
    expect(await refusal(declare('COSTCENTRE'))).to.equal('uniqueness attribute.name-taken')
    expect(await refusal(remove('unknown'))).to.equal('not-found')
  })

  it('are at most 50', async () => {
    for (let at = 0; at < 50; at++) await declare(`a${at}`)
    expect(await refusal(declare('a50'))).to.equal('forbidden attribute.too-many')
    expect((await declare('a7', { description: 'changed' })).outcome).to.equal('changed')
    await remove('a0')
    expect((await declare('a50')).outcome).to.equal('declared')
  })

  it('keep their type while anybody has a value, deleted people too, and may change it otherwise', async () => {
    await declare('level')
    const { id } = await person('u1', { level: 'one' })
    for (const draft of [{ type: 'integer' }, { multiValued: true }, { caseExact: true }] as const) {
      expect(await refusal(declare('level', draft)), JSON.stringify(draft)).to.equal('mutability attribute.has-values')
    }
    await deleteUser(tenant.provisioning, tenant.idp, id, { method: 'DELETE' }).durable
    expect(await refusal(declare('level', { type: 'integer' }))).to.equal('mutability attribute.has-values')
    expect((await declare('level', { description: 'Level' })).outcome).to.equal('changed')
    expect((await remove('level')).cleared).to.equal(1)
    await declare('level', { caseExact: true })
    expect((await declare('level', { type: 'integer' })).attribute).to.include({ type: 'integer', caseExact: false })
  })

  it('give keys as they compare, which follow each change of a person', async () => {
    await declare('squad')
    await declare('badge', { caseExact: true })
    await declare('grade', { type: 'decimal' })
    const { id } = await person('u1', { squad: 'Ärzte', badge: 'AbC', grade: 0.5 })
    expect(await keys()).to.deep.equal(['badge AbC', 'grade 0.5', 'squad ärzte'])
    const set = (custom: JsonObject | undefined) => {
      const change = (now: UserState): UserState => {
        const { [CUSTOM_URN]: _former, ...rest } = now.attributes
        const userName = now.attributes.userName
        return { ...now, attributes: { ...rest, userName, ...(custom === undefined ? {} : { [CUSTOM_URN]: custom }) } }
      }
      return changeUser(tenant.provisioning, tenant.idp, id, { method: 'PATCH', change }).durable
    }
    await set({ squad: 'x' })
    expect(await keys()).to.deep.equal(['squad x'])
    expect(await newest())
      .to.include(`${CUSTOM_URN}:grade`)
      .and.not.to.include('0.5')
    await set(undefined)
    expect(await keys()).to.deep.equal([])
    await set({ squad: 'y' })
    expect(await keys()).to.deep.equal(['squad y'])
  })

  it('drop what a request that was read before a removal or another declaration still says', async () => {
    await declare('level', { type: 'integer' })
    const made = await person('u1', { level: 'seven', gone: 'x' })
    expect(made.attributes).to.deep.equal({ userName: 'u1' })
    const other = await person('u2', { level: 7, gone: 'x' })
    expect(other.attributes).to.deep.equal({ userName: 'u2', [CUSTOM_URN]: { level: 7 } })
    expect(await keys()).to.deep.equal(['level 7'])
  })

  it('take every value with them when removed, each in the log, also where that is cut off in between', async function () {
    this.timeout(60_000)
    await declare('level', { type: 'integer' })
    await declare('other')
    const people = 120
    for (let at = 0; at < people; at++) await person(`u${at}`, { level: at, other: 'stays' })
    const { work } = tenant.provisioning
    let units = 0
    const cutOff: typeof work = {
      ...work,
      submit: (...unit) => {
        if (++units > 1) throw new Error('cut off')
        return work.submit(...unit)
      },
    }
    const cut = removeAttribute({ ...tenant.provisioning, work: cutOff }, operation(), tenant.orgId, 'level')
    expect(await cut.catch((error: unknown) => String(error))).to.equal('Error: cut off')
    expect((await declared()).attributes.map(({ name, state }) => `${name} ${state}`)).to.deep.equal([
      'level removing',
      'other live',
    ])
    expect(await refusal(declare('level'))).to.equal('uniqueness attribute.being-removed')
    expect((await keys()).filter((key) => key.startsWith('level'))).to.have.lengthOf(people - 50)
    // Nobody can write it meanwhile.
    await person('late', { level: 1, other: 'stays' })
    expect((await keys()).filter((key) => key.startsWith('level'))).to.have.lengthOf(people - 50)
    expect((await remove('Level')).cleared).to.equal(people - 50)
    expect((await declared()).attributes.map(({ name }) => name)).to.deep.equal(['other'])
    expect(await keys()).to.deep.equal(Array.from({ length: people + 1 }, () => 'other stays'))
    const rows = await test.connections.reader
      .selectFrom('user')
      .select(['body', 'search', 'version'])
      .where('org_id', '=', tenant.orgId)
      .where('username', '<>', 'late')
      .execute()
    for (const { body, search, version } of rows) {
      expect(body + search).not.to.include('"level"')
      expect(version).to.equal(2)
    }
    const records = (await test.store.reads.records.tail(tenant.orgId, 10)).filter(({ action }) =>
      /^attribute\.(remove|clear)$/.test(action),
    )
    expect(records.map(({ action }) => action)).to.deep.equal([
      'attribute.remove',
      'attribute.clear',
      'attribute.clear',
    ])
    const bodies = records.map(({ body }) => JSON.parse(body) as { targets: { type: string }[]; changes: object[] })
    expect(bodies.map(({ targets }) => targets.filter(({ type }) => type === 'user').length)).to.deep.equal([
      50, 50, 20,
    ])
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })
})
