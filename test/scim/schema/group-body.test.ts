import { expect } from 'chai'
import { GROUP_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readGroupBody, readGroupReplacement } from '../../../src/scim/schema/group-body.ts'
import { refusalOf } from './refusal.ts'

const view = baseView('Group')
const read = (body: unknown) => readGroupBody(body, view)

describe('reading the body of a group', () => {
  it('takes name, externalId and members, without what the server works out (RFC 7643 §4.2)', () => {
    const body = {
      schemas: [GROUP_URN, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
      id: 'mine',
      DISPLAYNAME: 'Ops',
      externalId: 'x1',
      members: [{ value: 'a', $ref: null, display: 'A', type: 'User' }, { Value: 'b' }, 'c', { value: 'a' }],
      meta: { resourceType: 'Group' },
      colour: 'red',
    }
    expect(read(body)).to.deep.equal({
      displayName: 'Ops',
      externalId: 'x1',
      members: [{ value: 'a' }, { value: 'b' }, { value: 'c' }],
      ignored: ['colour'],
    })
  })

  it('takes a group without members, as Entra ID makes it', () => {
    for (const members of [undefined, null, []]) {
      expect(read({ displayName: 'Ops', members })).to.deep.include({ members: [], externalId: undefined })
    }
  })

  const refused: readonly [string, object, string, string][] = [
    ['no displayName', { displayName: undefined }, 'invalid-value', 'displayName is required for a group'],
    ['a blank displayName', { displayName: '  ' }, 'invalid-value', 'displayName is required for a group'],
    ['a displayName that is a number', { displayName: 1 }, 'invalid-value', 'must be a string, got a number'],
    ['control characters in displayName', { displayName: 'a\u0007' }, 'invalid-value', 'control characters'],
    ['U+0000 in displayName', { displayName: 'a\0' }, 'invalid-value', 'U+0000'],
    ['an externalId that is a number', { externalId: 9 }, 'invalid-value', 'externalId must be a string'],
    ['a member without value', { members: [{ display: 'A' }] }, 'invalid-value', 'members.value is required'],
    ['a member with an empty value', { members: [{ value: '' }] }, 'invalid-value', 'members.value is required'],
    [
      'a member whose value is a number',
      { members: [{ value: 7 }] },
      'invalid-value',
      'members.value must be a string',
    ],
    [
      'a member that is a number',
      { members: [7] },
      'invalid-value',
      'members must be objects with a value, got a number',
    ],
    ['a member that is null', { members: [null] }, 'invalid-value', 'members must be objects with a value, got null'],
    ['the schema of another type', { schemas: [USER_URN] }, 'invalid-syntax', GROUP_URN],
  ]
  for (const [title, body, code, sentence] of refused) {
    it(`refuses ${title}`, () => {
      const error = refusalOf(() => read({ displayName: 'Ops', ...body }))
      expect(error.code).to.equal(code)
      expect(error.message).to.include(sentence)
    })
  }

  it('takes 20,000 members and refuses one more', () => {
    const members = Array.from({ length: 20_000 }, (_, index) => ({ value: `m${index}` }))
    expect(read({ displayName: 'Ops', members }).members).to.have.length(20_000)
    const error = refusalOf(() => read({ displayName: 'Ops', members: [...members, { value: 'm' }] }))
    expect(error.code).to.equal('too-large')
    expect(error.message).to.include('20000')
  })
})

describe('reading a PUT of a group', () => {
  const plan = (body: object) => readGroupReplacement({ displayName: 'Ops', ...body }, view)

  it('leaves members and externalId that the body does not speak of (Okta renames so)', () => {
    expect(plan({})).to.deep.equal({ displayName: 'Ops', steps: [], ignored: [] })
  })

  it('sets the members that the body names, none for [] and null (RFC 7644 §3.5.1)', () => {
    expect(plan({ members: [{ value: 'a' }] }).steps).to.deep.equal([{ do: 'set', members: [{ value: 'a' }] }])
    for (const members of [[], null]) expect(plan({ members }).steps).to.deep.equal([{ do: 'set', members: [] }])
  })

  it('sets and clears externalId', () => {
    expect(plan({ externalId: 'x' }).externalId).to.equal('x')
    expect(plan({ externalId: null }).externalId).to.equal(null)
  })

  it('needs a displayName', () => {
    expect(refusalOf(() => plan({ displayName: null })).code).to.equal('invalid-value')
  })
})
