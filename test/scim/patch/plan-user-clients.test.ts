import { expect } from 'chai'
import { ENTERPRISE_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import { changes, home, plan, userWith, work } from './user-patches.ts'

describe('PATCH on a user as Entra ID sends it', () => {
  changes([
    [
      'capitalised ops',
      { title: 'x' },
      [
        ['Add', 'nickName', 'N'],
        ['Replace', 'displayName', 'D'],
        ['Remove', 'title'],
      ],
      { nickName: 'N', displayName: 'D' },
    ],
    ['active "False"', {}, [['Replace', 'active', 'False']], { active: false }],
    ['active "True"', { active: false }, [['Add', 'active', 'True']], { active: true }],
    [
      'an e-mail that is not there yet, added',
      {},
      [['Add', 'emails[type eq "work"].value', 'w@x.org']],
      { emails: [work] },
    ],
    [
      'an e-mail that is not there yet, replaced',
      { emails: [home] },
      [['Replace', 'emails[type eq "work"].value', 'w@x.org']],
      { emails: [home, work] },
    ],
    [
      'an e-mail by type in another case',
      { emails: [work] },
      [['Replace', 'emails[type eq "Work"].value', 'n@x.org']],
      { emails: [{ ...work, value: 'n@x.org' }] },
    ],
    [
      'a primary e-mail that is not there yet',
      { emails: [{ ...home, primary: true }] },
      [['Add', 'emails[type eq "work" and primary eq true].value', 'w@x.org']],
      {
        emails: [
          { ...home, primary: false },
          { ...work, primary: true },
        ],
      },
    ],
    [
      'a mobile number',
      {},
      [['Add', 'phoneNumbers[type eq "mobile"].value', '+1 2']],
      { phoneNumbers: [{ type: 'mobile', value: '+1 2' }] },
    ],
    [
      'one address from several paths',
      {},
      [
        ['Add', 'addresses[type eq "work"].streetAddress', 'S'],
        ['Add', 'addresses[type eq "work"].locality', 'L'],
        ['Add', 'addresses[type eq "work"].country', 'NL'],
      ],
      { addresses: [{ type: 'work', streetAddress: 'S', locality: 'L', country: 'NL' }] },
    ],
    [
      'roles[primary eq "True"].value, present',
      { roles: [{ value: 'User', primary: true }] },
      [['Replace', 'roles[primary eq "True"].value', 'Admin']],
      { roles: [{ value: 'Admin', primary: true }] },
    ],
    [
      'roles[primary eq "True"].value, absent',
      {},
      [['Add', 'roles[primary eq "True"].value', 'Admin']],
      { roles: [{ value: 'Admin', primary: true }] },
    ],
    [
      'an absent e-mail emptied',
      { emails: [home] },
      [['Replace', 'emails[type eq "work"].value', '']],
      { emails: [home] },
    ],
    [
      'a present e-mail emptied',
      { emails: [work, home] },
      [['Replace', 'emails[type eq "work"].value', '']],
      { emails: [home] },
    ],
    [
      'manager as a bare string',
      {},
      [['Add', `${ENTERPRISE_URN}:manager`, 'm1']],
      { [ENTERPRISE_URN]: { manager: { value: 'm1' } } },
    ],
    [
      'manager as an object',
      {},
      [['Replace', `${ENTERPRISE_URN}:manager`, { value: 'm1', $ref: null, displayName: 'M' }]],
      { [ENTERPRISE_URN]: { manager: { value: 'm1' } } },
    ],
    [
      'manager by its value',
      { [ENTERPRISE_URN]: { manager: 'm1' } },
      [['Replace', `${ENTERPRISE_URN}:manager.value`, 'm2']],
      { [ENTERPRISE_URN]: { manager: { value: 'm2' } } },
    ],
    [
      'manager removed by ""',
      { [ENTERPRISE_URN]: { manager: 'm1' } },
      [['Replace', `${ENTERPRISE_URN}:manager`, '']],
      {},
    ],
    [
      'dotted keys without a path',
      { name: { givenName: 'G', familyName: 'F' } },
      [['Replace', undefined, { 'name.givenName': 'H', displayName: 'D' }]],
      { name: { givenName: 'H', familyName: 'F' }, displayName: 'D' },
    ],
    [
      'URN keys without a path',
      {},
      [['Replace', undefined, { [`${ENTERPRISE_URN}:department`]: 'D', [`${ENTERPRISE_URN}:manager.value`]: 'm' }]],
      { [ENTERPRISE_URN]: { department: 'D', manager: { value: 'm' } } },
    ],
    [
      'value-path keys without a path',
      { emails: [work] },
      [['Add', undefined, { 'emails[type eq "work"].value': 'n@x.org', 'phoneNumbers[type eq "mobile"].value': '1' }]],
      { emails: [{ ...work, value: 'n@x.org' }], phoneNumbers: [{ type: 'mobile', value: '1' }] },
    ],
    [
      'an extension object without a path',
      { [ENTERPRISE_URN]: { department: 'D' } },
      [['Replace', undefined, { [ENTERPRISE_URN]: { costCenter: 'C', manager: 'm' } }]],
      { [ENTERPRISE_URN]: { department: 'D', costCenter: 'C', manager: { value: 'm' } } },
    ],
    [
      'an extension that is null without a path',
      { [ENTERPRISE_URN]: { department: 'D' } },
      [['Replace', undefined, { [ENTERPRISE_URN]: null }]],
      {},
    ],
    [
      'the core URN with an object without a path',
      {},
      [['Replace', undefined, { [USER_URN]: { title: 'T' } }]],
      { title: 'T' },
    ],
  ])
})

describe('PATCH on a user as Okta sends it', () => {
  changes([
    [
      'deactivates without a path',
      { title: 'T' },
      [['replace', undefined, { active: false }]],
      { title: 'T', active: false },
    ],
    [
      'sends a password, which is dropped',
      { title: 'T' },
      [
        ['replace', undefined, { password: 'N3w-passw0rd' }],
        ['replace', 'password', 'x'],
      ],
      { title: 'T' },
    ],
    [
      'sends readOnly attributes without a path, which are passed over',
      {},
      [['replace', undefined, { id: 'i', groups: [], meta: {}, schemas: [USER_URN], title: 'T' }]],
      { title: 'T' },
    ],
  ])
})

describe('what a PATCH of a user drops', () => {
  it('names unknown keys of a path-less value, without filters in them', () => {
    const patch = plan([
      'replace',
      undefined,
      {
        wings: 2,
        'name.spirit': 1,
        'wings[value eq "bob@x.org"].x': 1,
        [`${ENTERPRISE_URN}:desk`]: 1,
        [ENTERPRISE_URN]: { chair: 1 },
        'a.b.c': 1,
        name: { aura: 'x' },
        title: 'T',
      },
    ])
    expect(patch(userWith({}))).to.deep.equal(userWith({ title: 'T' }))
    expect(patch.ignored).to.have.members([
      'wings',
      'name.spirit',
      `${ENTERPRISE_URN}:desk`,
      `${ENTERPRISE_URN}:chair`,
      'a.b.c',
      'name.aura',
    ])
  })

  it('takes keys that reach for prototypes as unknown ones', () => {
    const value: unknown = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor.prototype":{"polluted":true},"__proto__.polluted":true}',
    )
    const patch = plan(['add', undefined, value])
    expect(patch(userWith({}))).to.deep.equal(userWith({}))
    expect({}).to.not.have.property('polluted')
  })

  it('names at most a hundred', () => {
    const value = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`u${index}`, 1]))
    expect(plan(['add', undefined, value]).ignored).to.have.length(100)
  })
})
