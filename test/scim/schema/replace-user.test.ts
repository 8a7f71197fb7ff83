import { expect } from 'chai'
import { ENTERPRISE_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import type { UserState } from '../../../src/domain/user.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readUserBody, replaceUserState, settleAttributes } from '../../../src/scim/schema/normalise.ts'
import type { SchemaView } from '../../../src/scim/schema/view.ts'
import { refusalOf } from './refusal.ts'

const view = baseView('User')
const ann = { userName: 'ann@example.com' }

describe('dates, numbers and immutable attributes of an extension', () => {
  const plain = {
    multiValued: false,
    description: '',
    required: false,
    caseExact: false,
    returned: 'default',
    uniqueness: 'none',
  } as const
  const extension = {
    id: 'urn:example:2.0:User',
    name: 'Example',
    description: '',
    attributes: [
      { ...plain, name: 'start', type: 'dateTime', mutability: 'readWrite' },
      { ...plain, name: 'level', type: 'integer', mutability: 'readWrite' },
      { ...plain, name: 'rate', type: 'decimal', mutability: 'readWrite' },
      { ...plain, name: 'kind', type: 'string', mutability: 'immutable' },
      { ...plain, name: 'tags', type: 'string', mutability: 'readWrite', multiValued: true },
    ],
  } as const
  const wide: SchemaView = { ...view, extensions: [extension] }
  const read = (value: object) => readUserBody({ ...ann, [extension.id]: value }, wide).attributes[extension.id]

  for (const [given, wanted] of [
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T09:30:00+02:00', '2026-01-31T07:30:00.000Z'],
    ['2026-01-31T09:30:00.1234567Z', '2026-01-31T09:30:00.123Z'],
    ['2026-01-31T23:30:00-01:00', '2026-02-01T00:30:00.000Z'],
    ['2026-01-31T09:30:00', '2026-01-31T09:30:00.000Z'],
    ['2024-02-29t09:30:00z', '2024-02-29T09:30:00.000Z'],
  ] as const) {
    it(`keeps ${given} as 24 characters in UTC (RFC 7643 §2.3.5)`, () => {
      expect(read({ start: given })).to.deep.equal({ start: wanted })
    })
  }

  for (const given of [
    '2026-02-30T00:00:00Z',
    '2026-01-31',
    'yesterday',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    1767225600000,
    '2026-01-01T00:00:00+99:00',
  ]) {
    it(`refuses ${JSON.stringify(given)} as a dateTime`, () => {
      expect(refusalOf(() => read({ start: given })).message).to.match(
        /^urn:example:2\.0:User:start (must be|names) a date/,
      )
    })
  }

  it('checks whole and decimal numbers (RFC 7643 §2.3.3, §2.3.4)', () => {
    expect(read({ level: 3, rate: 1.5 })).to.deep.equal({ level: 3, rate: 1.5 })
    for (const level of [1.5, '3', 2 ** 60, true]) {
      expect(refusalOf(() => read({ level })).message).to.include('level must be a whole number')
    }
    expect(refusalOf(() => read({ rate: '1' })).message).to.include('rate must be a number, got a string.')
  })

  it('folds equal plain values', () => {
    expect(read({ tags: ['a', 'b', 'a', ''] })).to.deep.equal({ tags: ['a', 'b'] })
  })

  it('refuses PUT with another value of an immutable attribute, keeps it when absent (RFC 7644 §3.5.1)', () => {
    const current = { attributes: { ...ann, [extension.id]: { kind: 'a' } }, active: true, externalId: undefined }
    const put = (value: object) =>
      replaceUserState(current, readUserBody({ ...ann, [extension.id]: value }, wide), wide)
    expect(refusalOf(() => put({ kind: 'b' })).code).to.equal('mutability')
    expect(put({ level: 1 }).attributes[extension.id]).to.deep.equal({ kind: 'a', level: 1 })
    expect(put({ kind: 'a', level: 1 }).attributes[extension.id]).to.deep.equal({ kind: 'a', level: 1 })
  })
})

describe('replacing a user by PUT', () => {
  const current: UserState = {
    attributes: {
      ...ann,
      title: 'T',
      name: { givenName: 'G', familyName: 'F' },
      emails: [{ value: 'a@x.org', primary: true }],
      roles: [{ value: 'Admin' }],
      entitlements: [{ value: 'e' }],
      [ENTERPRISE_URN]: { department: 'D', manager: { value: 'm1' } },
    },
    active: false,
    externalId: 'x1',
  }
  const put = (body: object) => replaceUserState(current, readUserBody({ ...ann, ...body }, view), view)

  it('replaces core attributes and leaves what the body does not speak of (RFC 7644 §3.5.1)', () => {
    expect(put({ name: { givenName: 'H' } })).to.deep.equal({
      attributes: {
        ...ann,
        name: { givenName: 'H' },
        roles: [{ value: 'Admin' }],
        entitlements: [{ value: 'e' }],
        [ENTERPRISE_URN]: { department: 'D', manager: { value: 'm1' } },
      },
      active: false,
      externalId: 'x1',
    })
  })

  it('clears with [] and null', () => {
    const next = put({ roles: [], entitlements: null, externalId: null, [ENTERPRISE_URN]: null })
    expect(next).to.deep.equal({ attributes: ann, active: false, externalId: undefined })
  })

  it('replaces an extension that the body holds, and clears one that only schemas lists', () => {
    expect(put({ [ENTERPRISE_URN]: { department: 'E' } }).attributes[ENTERPRISE_URN]).to.deep.equal({ department: 'E' })
    expect(put({ schemas: [USER_URN, ENTERPRISE_URN] }).attributes).to.not.have.property(ENTERPRISE_URN)
  })

  it('takes active, externalId and roles that the body says', () => {
    const next = put({ active: 'True', externalId: 'x2', roles: [{ value: 'User' }] })
    expect([next.active, next.externalId, next.attributes['roles']]).to.deep.equal([true, 'x2', [{ value: 'User' }]])
  })

  it('makes nothing different of what a GET answered', () => {
    const answer = {
      schemas: [USER_URN, ENTERPRISE_URN],
      id: 'i',
      meta: {},
      active: false,
      externalId: 'x1',
      ...current.attributes,
    }
    expect(put(answer)).to.deep.equal(current)
  })
})

describe('settling attributes after changes', () => {
  it('changes nothing of what was read, and carries unknown ones along', () => {
    const read = readUserBody({ ...ann, emails: ['a@x.org'], [ENTERPRISE_URN]: { manager: 'm' } }, view).attributes
    const stored = { ...read, 'urn:example:later:2.0:User': { a: 1 } }
    expect(settleAttributes(stored, view)).to.deep.equal(stored)
  })
})
