import { expect } from 'chai'
import type { Json } from '../../../src/domain/json.ts'
import { ENTERPRISE_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import type { UserState } from '../../../src/domain/user.ts'
import { readPatchOp } from '../../../src/scim/patch/envelope.ts'
import { planUserPatch } from '../../../src/scim/patch/plan-user.ts'
import type { SchemaView } from '../../../src/scim/schema/view.ts'
import { refusalOf } from '../schema/refusal.ts'
import { changes, home, plan, userWith, view, work } from './user-patches.ts'
import type { Operation } from './user-patches.ts'

describe('PATCH add on a user (RFC 7644 §3.5.2.1)', () => {
  changes([
    ['sets a singular attribute', {}, [['add', 'nickName', 'Babs']], { nickName: 'Babs' }],
    ['replaces a different value', { nickName: 'A' }, [['add', 'nickName', 'B']], { nickName: 'B' }],
    ['appends values', { emails: [work] }, [['add', 'emails', [home]]], { emails: [work, home] }],
    ['takes one value that is no list', { emails: [work] }, [['add', 'emails', home]], { emails: [work, home] }],
    ['adds no value twice', { emails: [work] }, [['add', 'emails', [work, { value: 'w@x.org' }]]], { emails: [work] }],
    [
      'takes what is new of a value that is there',
      { emails: [work] },
      [['add', 'emails', [{ ...work, display: 'W' }]]],
      { emails: [{ ...work, display: 'W' }] },
    ],
    ['adds nothing for an empty list', { emails: [work] }, [['add', 'emails', []]], { emails: [work] }],
    [
      'merges a complex attribute',
      { name: { givenName: 'G' } },
      [['add', 'name', { familyName: 'F' }]],
      { name: { givenName: 'G', familyName: 'F' } },
    ],
    ['sets a sub-attribute', {}, [['add', 'name.givenName', 'G']], { name: { givenName: 'G' } }],
    [
      'sets several attributes without a path',
      { emails: [work] },
      [['add', undefined, { emails: [home], title: 'T' }]],
      { emails: [work, home], title: 'T' },
    ],
    [
      'moves primary to the value it adds (§3.5.2)',
      { emails: [{ ...work, primary: true }] },
      [['add', 'emails', [{ ...home, primary: true }]]],
      {
        emails: [
          { ...work, primary: false },
          { ...home, primary: true },
        ],
      },
    ],
    [
      'sets an attribute of an extension the user has not',
      {},
      [['add', `${ENTERPRISE_URN}:department`, 'D']],
      { [ENTERPRISE_URN]: { department: 'D' } },
    ],
    [
      'merges into the values a filter selects',
      { emails: [work, home] },
      [['add', 'emails[type eq "work"]', { display: 'W' }]],
      { emails: [{ ...work, display: 'W' }, home] },
    ],
  ])
})

describe('PATCH remove on a user (RFC 7644 §3.5.2.2)', () => {
  changes([
    ['removes an attribute', { title: 'T' }, [['remove', 'title']], {}],
    [
      'removes nothing of an absent one',
      {},
      [
        ['remove', 'title'],
        ['remove', 'name.givenName'],
        ['remove', 'emails'],
      ],
      {},
    ],
    ['removes all values', { emails: [work, home] }, [['remove', 'emails']], {}],
    [
      'removes the values a filter selects',
      { emails: [work, { ...work, value: 'w@x.com' }, home] },
      [['remove', 'emails[type eq "work" and value ew "x.com"]']],
      { emails: [work, home] },
    ],
    [
      'removes nothing where a filter selects none',
      { emails: [home] },
      [['remove', 'emails[type eq "work"]']],
      { emails: [home] },
    ],
    [
      'removes a sub-attribute of selected values',
      { emails: [{ ...work, display: 'd' }] },
      [['remove', 'emails[type eq "work"].display']],
      { emails: [work] },
    ],
    [
      'removes a value whose last content goes',
      { emails: [work, home] },
      [['remove', 'emails[type eq "work"].value']],
      { emails: [home] },
    ],
    [
      'removes a sub-attribute',
      { name: { givenName: 'G', familyName: 'F' } },
      [['remove', 'name.givenName']],
      { name: { familyName: 'F' } },
    ],
    [
      'removes a complex attribute with its last part',
      { name: { givenName: 'G' } },
      [['remove', 'name.givenName']],
      {},
    ],
    [
      'removes the values it lists (Entra ID)',
      { roles: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] },
      [['Remove', 'roles', [{ value: 'A' }, 'c']]],
      { roles: [{ value: 'b' }] },
    ],
    ['removes nothing for an empty list', { emails: [work] }, [['remove', 'emails', []]], { emails: [work] }],
    [
      'removes a listed value only with the type it names',
      { emails: [work, { ...work, type: 'other' }] },
      [['remove', 'emails', [{ value: 'w@x.org', type: 'other' }]]],
      { emails: [work] },
    ],
    [
      'removes a whole extension',
      { [ENTERPRISE_URN]: { department: 'D', manager: 'm' } },
      [['remove', ENTERPRISE_URN]],
      {},
    ],
    [
      'removes the manager',
      { [ENTERPRISE_URN]: { department: 'D', manager: 'm' } },
      [['Remove', `${ENTERPRISE_URN}:manager`]],
      { [ENTERPRISE_URN]: { department: 'D' } },
    ],
    ['clears externalId', { externalId: 'x' }, [['remove', 'externalId']], {}],
  ])
})

describe('PATCH replace on a user (RFC 7644 §3.5.2.3)', () => {
  const address = { type: 'work', streetAddress: 'old', locality: 'L' }
  changes([
    ['sets an absent attribute', {}, [['replace', 'title', 'T']], { title: 'T' }],
    [
      'replaces all values',
      { emails: [work, home] },
      [['replace', 'emails', [{ value: 'n@x.org' }]]],
      { emails: [{ value: 'n@x.org' }] },
    ],
    [
      'replaces all values without a path',
      { emails: [work, home] },
      [['replace', undefined, { emails: [{ value: 'n@x.org' }] }]],
      { emails: [{ value: 'n@x.org' }] },
    ],
    [
      'sets the sub-attributes it names of a complex one',
      { name: { givenName: 'G', familyName: 'F' } },
      [['replace', 'name', { givenName: 'H' }]],
      { name: { givenName: 'H', familyName: 'F' } },
    ],
    [
      'clears the sub-attributes it names null',
      { name: { givenName: 'G', familyName: 'F' } },
      [['replace', 'name', { givenName: null }]],
      { name: { familyName: 'F' } },
    ],
    ['unassigns with null (Entra ID)', { title: 'T' }, [['Replace', 'title', null]], {}],
    ['unassigns with ""', { title: 'T' }, [['Replace', 'title', '']], {}],
    ['unassigns with []', { emails: [work] }, [['replace', 'emails', []]], {}],
    [
      'changes a sub-attribute of selected values',
      { addresses: [address, { type: 'home', streetAddress: 'h' }] },
      [['replace', 'addresses[type eq "work"].streetAddress', '1010 Broadway Ave']],
      {
        addresses: [
          { ...address, streetAddress: '1010 Broadway Ave' },
          { type: 'home', streetAddress: 'h' },
        ],
      },
    ],
    [
      'replaces selected values, which stay what the filter says',
      { addresses: [address] },
      [['replace', 'addresses[type eq "work"]', { region: 'R' }]],
      { addresses: [{ type: 'work', region: 'R' }] },
    ],
    [
      'removes selected values with null',
      { emails: [work, home] },
      [['replace', 'emails[type eq "work"]', null]],
      { emails: [home] },
    ],
    [
      'moves primary (§3.5.2)',
      { emails: [{ ...work, primary: true }, home] },
      [['replace', 'emails[type eq "home"].primary', true]],
      {
        emails: [
          { ...work, primary: false },
          { ...home, primary: true },
        ],
      },
    ],
    [
      'sets the sub-attribute of every value without a filter',
      { emails: [work, home] },
      [['replace', 'emails.display', 'd']],
      {
        emails: [
          { ...work, display: 'd' },
          { ...home, display: 'd' },
        ],
      },
    ],
    [
      'makes a value for a sub-attribute where there is none',
      {},
      [['replace', 'emails.value', 'w@x.org']],
      { emails: [{ value: 'w@x.org' }] },
    ],
    [
      'takes paths in any case (RFC 7643 §2.1)',
      {},
      [
        ['replace', 'DISPLAYNAME', 'D'],
        ['replace', 'Name.GivenName', 'G'],
      ],
      { displayName: 'D', name: { givenName: 'G' } },
    ],
    [
      'takes the core URN in a path (§3.10)',
      { name: { givenName: 'G' } },
      [
        ['replace', `${USER_URN}:name.givenName`, 'H'],
        ['replace', `${USER_URN}:title`, 'T'],
      ],
      { name: { givenName: 'H' }, title: 'T' },
    ],
    [
      'merges an extension named as a whole',
      { [ENTERPRISE_URN]: { department: 'D' } },
      [['replace', ENTERPRISE_URN, { costCenter: 'C' }]],
      { [ENTERPRISE_URN]: { department: 'D', costCenter: 'C' } },
    ],
    ['renames', {}, [['replace', 'userName', 'bob']], { userName: 'bob' }],
    ['sets externalId', { externalId: 'x' }, [['replace', 'externalId', 'y']], { externalId: 'y' }],
    [
      'keeps primary where two values become one',
      {
        roles: [
          { value: 'a', primary: true },
          { value: 'b', primary: false },
        ],
      },
      [['replace', 'roles[primary eq true].value', 'b']],
      { roles: [{ value: 'b', primary: true }] },
    ],
    [
      'sees what the operation before it did',
      {},
      [
        ['add', 'emails', [work]],
        ['replace', 'emails[type eq "work"].value', 'n@x.org'],
        ['remove', 'title'],
      ],
      { emails: [{ ...work, value: 'n@x.org' }] },
    ],
  ])
})

describe('a PATCH that changes nothing', () => {
  const full = {
    active: false,
    externalId: 'x1',
    name: { givenName: 'G' },
    emails: [{ ...work, primary: true }, home],
    roles: [{ value: 'r' }],
    [ENTERPRISE_URN]: { manager: 'm' },
  }
  const nothing: readonly (readonly Operation[])[] = [
    [],
    [['replace', 'active', false]],
    [['add', 'emails', [home]]],
    [['replace', 'emails[type eq "work"].primary', 'True']],
    [['replace', `${ENTERPRISE_URN}:manager`, 'm']],
    [
      ['remove', 'emails[type eq "other"]'],
      ['remove', 'title'],
    ],
    [['replace', undefined, { name: { givenName: 'G' }, externalId: 'x1', roles: [{ value: 'r' }] }]],
  ]
  for (const operations of nothing) {
    it(`gives back what it got: ${JSON.stringify(operations)}`, () => {
      const current = userWith(full)
      expect(plan(...operations)(current)).to.deep.equal(current)
    })
  }

  it('carries along what this version does not know', () => {
    const state = userWith(full)
    const current: UserState = { ...state, attributes: { ...state.attributes, 'urn:example:2.0:User': { a: 1 } } }
    expect(plan(['add', 'title', 'T'])(current).attributes).to.deep.equal({ ...current.attributes, title: 'T' })
  })
})

describe('PATCH of an immutable or plain multi-valued attribute of an extension', () => {
  const plain = {
    multiValued: false,
    description: '',
    required: false,
    caseExact: true,
    returned: 'default',
    uniqueness: 'none',
  } as const
  const extension = {
    id: 'urn:example:2.0:User',
    name: 'Example',
    description: '',
    attributes: [
      { ...plain, name: 'kind', type: 'string', mutability: 'immutable' },
      { ...plain, name: 'tags', type: 'string', mutability: 'readWrite', multiValued: true },
      {
        ...plain,
        name: 'stays',
        type: 'complex',
        mutability: 'readWrite',
        multiValued: true,
        subAttributes: [
          { ...plain, name: 'from', type: 'dateTime', mutability: 'readWrite' },
          { ...plain, name: 'place', type: 'string', mutability: 'readWrite' },
        ],
      },
    ],
  } as const
  const wide: SchemaView = { ...view, extensions: [extension] }
  const patched = (path: string, op: string, value: Json, before: Json) => {
    const current = { attributes: { userName: 'ann', [extension.id]: before }, active: true, externalId: undefined }
    const operations = readPatchOp({ Operations: [{ op, path: `${extension.id}:${path}`, value }] })
    return planUserPatch(operations, wide)(current).attributes[extension.id]
  }

  it('refuses another value of an immutable attribute that has one (RFC 7643 §2.2)', () => {
    expect(refusalOf(() => patched('kind', 'replace', 'b', { kind: 'a' })).code).to.equal('mutability')
    expect(refusalOf(() => patched('kind', 'remove', null, { kind: 'a' })).code).to.equal('mutability')
    expect(patched('kind', 'add', 'a', { kind: 'a' })).to.deep.equal({ kind: 'a' })
    expect(patched('kind', 'add', 'a', { tags: ['t'] })).to.deep.equal({ kind: 'a', tags: ['t'] })
  })

  it('makes a value of a filter on a dateTime, kept as text in UTC', () => {
    const path = 'stays[from eq "2026-01-31T09:30:00+01:00"].place'
    const once = patched(path, 'add', 'P', { tags: ['t'] })
    expect(once).to.deep.equal({ tags: ['t'], stays: [{ from: '2026-01-31T08:30:00.000Z', place: 'P' }] })
    expect(patched(path, 'add', 'P', once as Json)).to.deep.equal(once)
  })

  it('adds, removes and replaces plain values', () => {
    expect(patched('tags', 'add', ['b', 'a'], { tags: ['a'] })).to.deep.equal({ tags: ['a', 'b'] })
    expect(patched('tags', 'remove', ['a', 'A'], { tags: ['a', 'b'] })).to.deep.equal({ tags: ['b'] })
    expect(patched('tags', 'replace', 'c', { tags: ['a', 'b'] })).to.deep.equal({ tags: ['c'] })
  })
})
