import { expect } from 'chai'
import fc from 'fast-check'
import { DomainError } from '../../../src/domain/errors.ts'
import { eqTerms, parsePatchPath } from '../../../src/scim/patch/path.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'

const USER = baseView('User')
const GROUP = baseView('Group')
const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User'
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** The parts of a path in short: schema, attribute, eq terms of the filter, sub-attribute. */
function read(text: string, view = USER): readonly unknown[] {
  const { schema, attribute, where, sub } = parsePatchPath(text, view)
  const terms = where === undefined ? undefined : eqTerms(where)
  return [schema, attribute?.name, terms?.map(({ at, value }) => [at.path.join('.'), value]), sub?.name]
}

describe('the path of a PATCH operation', () => {
  const none = undefined
  const PATHS: readonly (readonly [string, readonly unknown[]])[] = [
    ['userName', [none, 'userName', none, none]],
    ['name.familyName', [none, 'name', none, 'familyName']],
    ['Name.GivenName', [none, 'name', none, 'givenName']],
    ['emails', [none, 'emails', none, none]],
    ['emails[type eq "work"]', [none, 'emails', [['type', 'work']], none]],
    ['emails[type eq "work"].value', [none, 'emails', [['type', 'work']], 'value']],
    ['addresses[type eq "work"].streetAddress', [none, 'addresses', [['type', 'work']], 'streetAddress']],
    [
      'emails[type eq "work" and primary eq true].value',
      [
        none,
        'emails',
        [
          ['type', 'work'],
          ['primary', true],
        ],
        'value',
      ],
    ],
    ['roles[primary eq "True"].value', [none, 'roles', [['primary', true]], 'value']],
    ['EMAILS[TYPE EQ "work"].VALUE', [none, 'emails', [['type', 'work']], 'value']],
    [`${ENTERPRISE}:department`, [ENTERPRISE, 'department', none, none]],
    [`${ENTERPRISE}:manager`, [ENTERPRISE, 'manager', none, none]],
    [`${ENTERPRISE}:manager.value`, [ENTERPRISE, 'manager', none, 'value']],
    [`${ENTERPRISE.toLowerCase()}:Department`, [ENTERPRISE, 'department', none, none]],
    [ENTERPRISE, [ENTERPRISE, none, none, none]],
    [`${CORE}:name.givenName`, [none, 'name', none, 'givenName']],
    [`${CORE}:emails[type eq "home"].value`, [none, 'emails', [['type', 'home']], 'value']],
    ['externalId', [none, 'externalId', none, none]],
    ['active', [none, 'active', none, none]],
    ['password', [none, 'password', none, none]],
    ['groups', [none, 'groups', none, none]],
    ['emails[type eq \\"work\\"].value', [none, 'emails', [['type', 'work']], 'value']],
    [
      'emails[value eq \\"a b\\" and type eq \\"work\\"]',
      [
        none,
        'emails',
        [
          ['value', 'a b'],
          ['type', 'work'],
        ],
        none,
      ],
    ],
    ['emails[value eq "a\\"b"]', [none, 'emails', [['value', 'a"b']], none]],
    [' emails[ type eq "work" ] ', [none, 'emails', [['type', 'work']], none]],
  ]
  for (const [text, parts] of PATHS) {
    it(`reads ${text} (RFC 7644 §3.5.2, Figure 7)`, () => {
      expect(read(text)).to.deep.equal(parts)
    })
  }

  it('reads the path that takes one member away', () => {
    expect(read('members[value eq "2819c223"]', GROUP)).to.deep.equal([none, 'members', [['value', '2819c223']], none])
  })

  it('gives references of the filter relative to the element, also where there is but one', () => {
    const where = parsePatchPath('name[givenName eq "x"].familyName', USER).where
    expect(where).to.deep.include({ kind: 'compare', op: 'eq', value: 'x' })
    expect(where).to.have.nested.property('at.path').that.deep.equals(['givenName'])
    expect(where).to.have.nested.property('at.multiValued', false)
  })

  const REFUSED: readonly (readonly [string, string])[] = [
    ['', 'the name of an attribute'],
    ['wingspan', 'no attribute "wingspan"'],
    ['emails[type eq ].value', 'a value is needed'],
    ['emails[type eq "work"', 'not the end'],
    ['emails[type eq "work"].wrong', 'no sub-attribute "wrong"'],
    ['emails[type eq "work"].value.x', 'no sub-attribute "value.x"'],
    ['emails[type eq "work"]value', 'too much'],
    ['emails[type eq "work"].value eq "x"', 'too much'],
    ['emails[]', 'an attribute is needed'],
    ['emails]', 'too much'],
    ['emails.wrong', 'no sub-attribute "wrong"'],
    ['name.givenName.x', 'more than one'],
    ['name givenName', 'too much'],
    ['userName[value eq "x"]', 'takes a [filter]'],
    ['emails.value[type eq "x"]', 'takes a [filter]'],
    ['userName eq "x"', 'too much'],
    ['/members', 'not expected'],
    [`${ENTERPRISE}:wrong`, 'no attribute "wrong"'],
    [`${ENTERPRISE}[type eq "x"]`, 'takes a [filter]'],
    [CORE, 'no attribute ""'],
    ['urn:x:y:z', 'no schema of User'],
    ['__proto__.polluted', 'no attribute "__proto__"'],
    ['constructor.prototype.polluted', 'no attribute "constructor"'],
    ['hasOwnProperty', 'no attribute'],
    ['emails[__proto__.x eq "1"].value', 'no sub-attribute'],
    ['emails[type eq \\"work\\"', 'not the end'],
    ['emails[type eq \\work]', 'not expected'],
    [`emails[value eq "${'x'.repeat(8_200)}"]`, '8192 bytes'],
  ]
  for (const [text, says] of REFUSED) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))} as an invalid path, saying where and why`, () => {
      expect(() => parsePatchPath(text, USER))
        .to.throw(DomainError, says)
        .with.property('code', 'invalid-path')
      expect(() => parsePatchPath(text, USER)).to.throw(/^Path, position \d+: .*\.$/)
    })
  }

  it('fails on any text with nothing but a DomainError', () => {
    const piece = fc.constantFrom(
      'emails',
      '[',
      ']',
      '.',
      'value',
      'type',
      'eq',
      '"x"',
      '\\"',
      ' ',
      'name',
      ':',
      ENTERPRISE,
    )
    fc.assert(
      fc.property(
        fc.array(piece).map((parts) => parts.join('')),
        (text) => {
          try {
            parsePatchPath(text, USER)
          } catch (error) {
            expect(error).to.be.instanceOf(DomainError)
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })
})

describe('the eq terms of a path', () => {
  const terms = (filter: string): unknown => {
    const { where } = parsePatchPath(`emails[${filter}]`, USER)
    return where && eqTerms(where)?.map(({ at, value }) => [at.path.join('.'), value])
  }

  it('describe an element where they are joined by and, also in parentheses', () => {
    expect(terms('type eq "work" and (primary eq true and display eq "X")')).to.deep.equal([
      ['type', 'work'],
      ['primary', true],
      ['display', 'X'],
    ])
  })

  for (const filter of [
    'type eq "work" or primary eq true',
    'type ne "work"',
    'type eq "work" and value ew "x"',
    'not (type eq "work")',
    'type pr',
    'type eq null',
    'type eq "work" and type eq "home"',
  ]) {
    it(`describe none for ${filter}`, () => {
      expect(terms(filter)).to.equal(undefined)
    })
  }
})
