import { expect } from 'chai'
import { ENTERPRISE_URN, USER_URN } from '../../src/domain/schema-urns.ts'
import { project, readProjection, wants } from '../../src/scim/projection.ts'
import type { ProjectionQuery } from '../../src/scim/projection.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import type { SchemaView } from '../../src/scim/schema/view.ts'

const view = baseView('User')
const resource = {
  schemas: [USER_URN, ENTERPRISE_URN],
  id: 'i1',
  externalId: 'x1',
  userName: 'ann',
  displayName: 'Ann',
  title: 'T',
  name: { givenName: 'G', familyName: 'F' },
  emails: [{ value: 'a@x.org', type: 'work' }, { value: 'b@x.org' }],
  groups: [{ value: 'g1', display: 'Ops' }],
  [ENTERPRISE_URN]: { department: 'D', manager: { value: 'm1', displayName: 'M' } },
  meta: { resourceType: 'User', version: 'W/"1"' },
}
const always = { schemas: resource.schemas, id: 'i1' }

const show = (query: ProjectionQuery, of: SchemaView = view) => project(resource, readProjection(query, of))

describe('attributes: only what is asked for, beside id and schemas (RFC 7644 §3.9)', () => {
  const cases: readonly [string, object][] = [
    ['userName', { userName: 'ann' }],
    ['DISPLAYNAME', { displayName: 'Ann' }],
    ['userName, title ,', { userName: 'ann', title: 'T' }],
    ['name.givenName', { name: { givenName: 'G' } }],
    ['NAME.GIVENNAME,name.familyName', { name: resource.name }],
    ['name.givenName,name', { name: resource.name }],
    ['emails.value', { emails: [{ value: 'a@x.org' }, { value: 'b@x.org' }] }],
    ['emails.type', { emails: [{ type: 'work' }] }],
    ['meta.version', { meta: { version: 'W/"1"' } }],
    ['externalId', { externalId: 'x1' }],
    [`${USER_URN}:displayName`, { displayName: 'Ann' }],
    [`${USER_URN.toUpperCase()}:NAME.givenName`, { name: { givenName: 'G' } }],
    [ENTERPRISE_URN, { [ENTERPRISE_URN]: resource[ENTERPRISE_URN] }],
    [`${ENTERPRISE_URN}:department`, { [ENTERPRISE_URN]: { department: 'D' } }],
    [`${ENTERPRISE_URN}:MANAGER.value`, { [ENTERPRISE_URN]: { manager: { value: 'm1' } } }],
    [`${ENTERPRISE_URN}:costCenter`, {}],
    ['password', {}],
    ['nope', {}],
    ['name.nope', {}],
    ['name.givenName.more', {}],
    ['__proto__', {}],
    ['constructor.prototype', {}],
    ['__proto__.userName,toString', {}],
    ['id,schemas', {}],
  ]
  for (const [attributes, wanted] of cases) {
    it(`shows ${attributes}`, () => {
      expect(show({ attributes })).to.deep.equal({ ...always, ...wanted })
    })
  }

  it('takes a list as a search message has it', () => {
    expect(show({ attributes: ['userName', 'name.givenName'] })).to.have.all.keys('id', 'schemas', 'userName', 'name')
  })

  it('holds where both parameters come', () => {
    expect(show({ attributes: 'title', excludedAttributes: 'title,userName' })).to.deep.equal({ ...always, title: 'T' })
  })

  it('counts as not given when it names nothing', () => {
    expect(show({ attributes: ' , ' })).to.equal(resource)
  })
})

describe('excludedAttributes: all but what is named, never id and schemas (RFC 7644 §3.9)', () => {
  const cases: readonly [string, readonly string[], object?][] = [
    ['DisplayNAME', ['displayName']],
    ['groups,meta', ['groups', 'meta']],
    ['id,schemas,title', ['title']],
    ['name.familyName', ['name'], { name: { givenName: 'G' } }],
    ['name.familyName,name.givenName', ['name']],
    ['emails.value', ['emails'], { emails: [{ type: 'work' }] }],
    [ENTERPRISE_URN, [ENTERPRISE_URN]],
    [`${ENTERPRISE_URN}:manager`, [ENTERPRISE_URN], { [ENTERPRISE_URN]: { department: 'D' } }],
    [`${USER_URN}:title`, ['title']],
    ['__proto__,nope', []],
  ]
  for (const [excludedAttributes, gone, instead = {}] of cases) {
    it(`leaves out ${excludedAttributes}`, () => {
      const left = Object.fromEntries(Object.entries(resource).filter(([key]) => !gone.includes(key)))
      expect(show({ excludedAttributes })).to.deep.equal({ ...left, ...instead })
    })
  }
})

describe('asking a projection what must be read', () => {
  const asked = (query: ProjectionQuery, ...path: string[]) => wants(readProjection(query, view), ...path)

  it('wants everything where nothing was asked for, and hands the same object back', () => {
    expect(asked({}, 'groups')).to.equal(true)
    expect(show({})).to.equal(resource)
  })

  it('knows what attributes and excludedAttributes leave out', () => {
    expect(asked({ excludedAttributes: 'GROUPS' }, 'groups')).to.equal(false)
    expect(asked({ excludedAttributes: 'groups.display' }, 'groups')).to.equal(true)
    expect(asked({ excludedAttributes: 'title' }, 'groups')).to.equal(true)
    expect(asked({ attributes: 'userName' }, 'groups')).to.equal(false)
    expect(asked({ attributes: 'groups.value' }, 'groups')).to.equal(true)
    expect(asked({ attributes: 'groups' }, 'groups', 'value')).to.equal(true)
    expect(asked({ attributes: 'nope' }, 'groups')).to.equal(false)
  })

  it('goes down into extensions', () => {
    expect(asked({ attributes: ENTERPRISE_URN }, ENTERPRISE_URN, 'manager')).to.equal(true)
    expect(asked({ attributes: `${ENTERPRISE_URN}:department` }, ENTERPRISE_URN, 'manager')).to.equal(false)
    expect(asked({ excludedAttributes: `${ENTERPRISE_URN}:manager` }, ENTERPRISE_URN, 'manager')).to.equal(false)
    expect(asked({ excludedAttributes: `${ENTERPRISE_URN}:manager` }, ENTERPRISE_URN)).to.equal(true)
  })

  it('knows the members of a group', () => {
    const projection = readProjection({ excludedAttributes: 'members' }, baseView('Group'))
    expect(wants(projection, 'members')).to.equal(false)
  })
})

describe('attributes that are returned on request or never (RFC 7643 §7)', () => {
  const plain = { type: 'string', multiValued: false, description: '', required: false, caseExact: false } as const
  const rest = { mutability: 'readWrite', uniqueness: 'none' } as const
  const extension = {
    id: ENTERPRISE_URN,
    name: 'E',
    description: '',
    attributes: [
      { ...plain, ...rest, name: 'department', returned: 'request' },
      { ...plain, ...rest, name: 'manager', returned: 'default' },
    ],
  } as const
  const wide: SchemaView = { ...view, extensions: [extension] }

  it('are left out unless asked for', () => {
    expect(show({}, wide)[ENTERPRISE_URN]).to.have.all.keys('manager')
    expect(show({ excludedAttributes: 'title' }, wide)[ENTERPRISE_URN]).to.have.all.keys('manager')
    expect(show({ attributes: `${ENTERPRISE_URN}:department` }, wide)).to.deep.equal({
      ...always,
      [ENTERPRISE_URN]: { department: 'D' },
    })
  })
})
