import { expect } from 'chai'
import { ENTERPRISE_URN, GROUP_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readUserBody, toNewUser } from '../../../src/scim/schema/normalise.ts'
import { refusalOf } from './refusal.ts'

const view = baseView('User')
const ann = { userName: 'ann@example.com' }

function attributesOf(body: object): object {
  const { userName, ...rest } = readUserBody({ ...ann, ...body }, view).attributes
  expect(userName).to.be.a('string')
  return rest
}

describe('reading the body of a user', () => {
  const accepted: readonly [string, object, object][] = [
    [
      'keys in any case (RFC 7643 §2.1)',
      { DISPLAYNAME: 'A', NAME: { GIVENNAME: 'G' } },
      { displayName: 'A', name: { givenName: 'G' } },
    ],
    ['of two keys that differ by case the exact one', { TITLE: 'x', title: 'T', Title: 'y' }, { title: 'T' }],
    [
      'null, "", [] and {} as unassigned (RFC 7643 §2.5)',
      { title: null, nickName: '', emails: [], name: {}, roles: null },
      {},
    ],
    ['null sub-attributes as unassigned', { name: { givenName: 'G', familyName: null } }, { name: { givenName: 'G' } }],
    ['a complex attribute of nulls as unassigned', { name: { givenName: null, familyName: '' } }, {}],
    [
      'types outside the canonical values (RFC 7643 §7)',
      { emails: [{ value: 'a@x.org', type: 'school' }], roles: [{ value: 'r', type: 'app' }] },
      { emails: [{ value: 'a@x.org', type: 'school' }], roles: [{ value: 'r', type: 'app' }] },
    ],
    [
      'a quoted boolean of a value (Entra ID)',
      { roles: [{ value: 'Admin', primary: 'True' }] },
      { roles: [{ value: 'Admin', primary: true }] },
    ],
    ['bare strings as values of a complex attribute', { emails: ['a@x.org'] }, { emails: [{ value: 'a@x.org' }] }],
    ['one object for a list of one', { emails: { value: 'a@x.org' } }, { emails: [{ value: 'a@x.org' }] }],
    [
      'manager as a bare string (Entra ID)',
      { [ENTERPRISE_URN]: { manager: 'm1' } },
      { [ENTERPRISE_URN]: { manager: { value: 'm1' } } },
    ],
    [
      'manager without what the server works out',
      { [ENTERPRISE_URN]: { manager: { value: 'm1', $ref: null, displayName: 'M' } } },
      { [ENTERPRISE_URN]: { manager: { value: 'm1' } } },
    ],
    [
      'an extension under its URN in any case',
      { [ENTERPRISE_URN.toUpperCase()]: { DEPARTMENT: 'D' } },
      { [ENTERPRISE_URN]: { department: 'D' } },
    ],
    [
      'flat URN keys (Entra ID)',
      { [`${ENTERPRISE_URN}:department`]: 'D', [`${ENTERPRISE_URN}:manager`]: 'm1' },
      { [ENTERPRISE_URN]: { department: 'D', manager: { value: 'm1' } } },
    ],
    ['keys qualified by the core URN (RFC 7644 §3.10)', { [`${USER_URN}:title`]: 'T' }, { title: 'T' }],
    ['an extension that is null', { [ENTERPRISE_URN]: null }, {}],
    [
      'two addresses of one type',
      {
        emails: [
          { value: 'a@x.org', type: 'work' },
          { value: 'b@x.org', type: 'work' },
        ],
      },
      {
        emails: [
          { value: 'a@x.org', type: 'work' },
          { value: 'b@x.org', type: 'work' },
        ],
      },
    ],
    [
      'duplicates by type and value as one',
      {
        emails: [
          { value: 'a@x.org', type: 'work' },
          { value: 'a@x.org', type: 'work', display: 'A' },
        ],
      },
      { emails: [{ value: 'a@x.org', display: 'A', type: 'work' }] },
    ],
    [
      'equal addresses as one',
      {
        addresses: [
          { locality: 'L', type: 'work' },
          { type: 'work', locality: 'L' },
        ],
      },
      { addresses: [{ locality: 'L', type: 'work' }] },
    ],
    [
      'values that say only type and primary as none (Okta sends an empty address so)',
      { emails: [{ value: '', type: 'work', primary: true }, null, {}] },
      {},
    ],
    [
      'the first of two primaries (RFC 7643 §2.4)',
      {
        emails: [
          { value: 'a@x.org', primary: true },
          { value: 'b@x.org', primary: true },
        ],
      },
      {
        emails: [
          { value: 'a@x.org', primary: true },
          { value: 'b@x.org', primary: false },
        ],
      },
    ],
    [
      'base64 of certificates as it is',
      { x509Certificates: [{ value: 'AAECAw==' }, { value: 'AAEC_-8' }] },
      { x509Certificates: [{ value: 'AAECAw==' }, { value: 'AAEC_-8' }] },
    ],
    [
      'text in any script',
      { displayName: '苏菲 🙂 <b>', title: 'a\tb\nc' },
      { displayName: '苏菲 🙂 <b>', title: 'a\tb\nc' },
    ],
    ['password, and drops it', { password: 'hunter2-hunter2' }, {}],
    [
      'readOnly attributes, and drops them (RFC 7644 §3.3)',
      { id: 'mine', meta: { created: 'x' }, groups: [{ value: 'g' }] },
      {},
    ],
  ]
  for (const [title, body, wanted] of accepted) {
    it(`takes ${title}`, () => {
      expect(attributesOf(body)).to.deep.equal(wanted)
      expect(readUserBody({ ...ann, ...body }, view).ignored).to.deep.equal([])
    })
  }

  it('drops unknown attributes and unknown extensions, and names them (RFC 7644 §3.3)', () => {
    const read = readUserBody(
      {
        ...ann,
        wingspan: 2,
        name: { givenName: 'G', spirit: 'owl' },
        'urn:example:2.0:User': { a: 1 },
        [ENTERPRISE_URN]: { department: 'D', desk: 4 },
        [`${ENTERPRISE_URN}:chair`]: 1,
      },
      view,
    )
    expect(read.attributes).to.deep.equal({ ...ann, name: { givenName: 'G' }, [ENTERPRISE_URN]: { department: 'D' } })
    expect(read.ignored).to.have.members([
      'wingspan',
      'name.spirit',
      'urn:example:2.0:User',
      `${ENTERPRISE_URN}:desk`,
      `${ENTERPRISE_URN}:chair`,
    ])
  })

  it('takes keys that reach for prototypes as unknown ones', () => {
    const text =
      '{"userName":"ann","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},' +
      '"name":{"__proto__":{"polluted":true},"givenName":"G"},"toString":"x"}'
    const read = readUserBody(JSON.parse(text), view)
    expect(read.attributes).to.deep.equal({ userName: 'ann', name: { givenName: 'G' } })
    expect(read.ignored).to.have.members(['__proto__', 'constructor', 'name.__proto__', 'toString'])
    expect({}).to.not.have.property('polluted')
  })

  it('tells active and externalId said, cleared and not said apart', () => {
    const absent = readUserBody(ann, view)
    expect([absent.active, absent.externalId]).to.deep.equal([undefined, undefined])
    const said = readUserBody({ ...ann, active: false, externalId: 'x1' }, view)
    expect([said.active, said.externalId]).to.deep.equal([false, 'x1'])
    const cleared = readUserBody({ ...ann, active: null, externalId: null }, view)
    expect([cleared.active, cleared.externalId]).to.deep.equal([undefined, null])
  })

  for (const [text, wanted] of [
    ['True', true],
    ['FALSE', false],
    ['true', true],
  ] as const) {
    it(`takes active "${text}" as ${wanted} (Entra ID without aadOptscim062020)`, () => {
      expect(readUserBody({ ...ann, active: text }, view).active).to.equal(wanted)
    })
  }

  it('starts a new user active, with what the body says', () => {
    expect(toNewUser(readUserBody({ ...ann, externalId: null, foo: 1 }, view))).to.deep.equal({
      attributes: ann,
      active: true,
      externalId: undefined,
      ignored: ['foo'],
    })
  })

  it('gives the same text for the same state, whatever the order of keys', () => {
    const one = readUserBody({ title: 'T', userName: 'a', emails: [{ type: 'work', value: 'v' }] }, view)
    const two = readUserBody({ emails: [{ value: 'v', type: 'work' }], userName: 'a', title: 'T' }, view)
    expect(JSON.stringify(one.attributes)).to.equal(JSON.stringify(two.attributes))
  })
})

describe('the schemas of a body', () => {
  for (const [title, schemas] of [
    ['missing', undefined],
    ['null', null],
    ['empty', []],
    ['in another case', [USER_URN.toUpperCase()]],
    ['with others beside', ['urn:example:other', USER_URN]],
  ] as const) {
    it(`are right when ${title}`, () => {
      expect(readUserBody({ ...ann, schemas }, view).attributes).to.deep.equal(ann)
    })
  }

  it('are refused without the core URN (RFC 7644 §3.12)', () => {
    const error = refusalOf(() => readUserBody({ ...ann, schemas: [GROUP_URN] }, view))
    expect(error.code).to.equal('invalid-syntax')
    expect(error.message).to.include(USER_URN)
  })
})

describe('refusing the body of a user', () => {
  const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)])
  const refused: readonly [string, object, string][] = [
    ['no userName (RFC 7643 §4.1.1)', { userName: undefined }, 'userName is required and must not be empty.'],
    ['an empty userName', { userName: '' }, 'userName is required'],
    ['a blank userName', { userName: ' \t ' }, 'userName'],
    ['a userName that is a number', { userName: 7 }, 'userName must be a string, got a number.'],
    [
      'an externalId that is a number (never to be taken for an id)',
      { externalId: 1 },
      'externalId must be a string, got a number.',
    ],
    ['a title that is an object', { title: { a: 1 } }, 'title must be a string, got an object.'],
    ['a name that is a string', { name: 'Ann' }, 'name must be an object, got a string.'],
    ['a name that is an array', { name: ['Ann'] }, 'name must be an object, got an array.'],
    ['an address that is a string', { addresses: ['Main St'] }, 'addresses must be an object, got a string.'],
    ['an e-mail that is a number', { emails: [3] }, 'emails must be an object, got a number.'],
    [
      'an e-mail value that is an object',
      { emails: [{ value: { a: 1 } }] },
      'emails.value must be a string, got an object.',
    ],
    ['active that is a word', { active: 'yes' }, 'active must be true or false, got a string.'],
    ['active that is a number', { active: 0 }, 'active must be true or false, got a number.'],
    ['an extension that is a list', { [ENTERPRISE_URN]: ['x'] }, `${ENTERPRISE_URN} must be an object, got an array.`],
    [
      'a department that is a number',
      { [ENTERPRISE_URN]: { department: 4 } },
      `${ENTERPRISE_URN}:department must be a string`,
    ],
    [
      'a certificate that is not base64',
      { x509Certificates: [{ value: 'not base64!' }] },
      'x509Certificates.value must be base64',
    ],
    [
      'base64 of an impossible length',
      { x509Certificates: [{ value: 'AAAAA' }] },
      'x509Certificates.value must be base64',
    ],
    ['U+0000 in a value (PostgreSQL cannot hold it)', { title: 'a\0b' }, 'title holds the character U+0000'],
    ['U+0000 in an unknown attribute', { wings: ['a\0b'] }, 'wings holds the character U+0000'],
    ['U+0000 in a key', { 'a\0b': 1 }, 'A key of the body holds the character U+0000'],
    ['half of a surrogate pair', { title: 'a\ud83d' }, 'title holds half of a surrogate pair'],
    ['control characters in userName', { userName: 'a\nb' }, 'userName must not hold control characters.'],
    [
      'control characters in displayName',
      { displayName: 'a\u001b[1m' },
      'displayName must not hold control characters.',
    ],
    [
      'a userName of more than 1,024 characters',
      { userName: 'a'.repeat(1025) },
      'userName is longer than 1024 characters.',
    ],
    ['an externalId of more than 1,024 characters', { externalId: 'a'.repeat(1025) }, 'externalId is longer than 1024'],
    [
      'a userName that NFKC makes longer than an index row',
      { userName: '\ufdfa'.repeat(100) },
      'userName is longer than 2048 bytes',
    ],
    [
      'an e-mail address of more than 1,024 characters',
      { emails: [{ value: 'a'.repeat(1025) }] },
      'emails.value is longer than 1024',
    ],
    ['a title of more than 8,192 characters', { title: 'a'.repeat(8193) }, 'title is longer than 8192 characters.'],
    [
      'more than 1,000 values',
      { emails: Array.from({ length: 1001 }, (_, i) => ({ value: `${i}@x.org` })) },
      'emails has more than 1000 values.',
    ],
    ['a key of more than 256 characters', { ['k'.repeat(257)]: 1 }, 'The body has a key of more than 256 characters.'],
    ['nesting of more than 32 levels', { x: deep(32) }, 'The body is nested deeper than 32 levels.'],
    [
      'nesting of 20,000 levels',
      { x: JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as unknown },
      'The body is nested deeper',
    ],
  ]
  for (const [title, body, sentence] of refused) {
    it(`refuses ${title}`, () => {
      const error = refusalOf(() => readUserBody({ ...ann, ...body }, view))
      expect(error.code).to.equal('invalid-value')
      expect(error.message).to.include(sentence)
    })
  }

  it('takes nesting of 32 levels in what it drops', () => {
    expect(readUserBody({ ...ann, x: deep(31) }, view).attributes).to.deep.equal(ann)
  })

  for (const body of [null, [], 'x', 3, true, undefined]) {
    it(`refuses a body that is ${JSON.stringify(body)} (RFC 7644 §3.12)`, () => {
      expect(refusalOf(() => readUserBody(body, view)).code).to.equal('invalid-syntax')
    })
  }
})
