import { expect } from 'chai'
import fc from 'fast-check'
import { DomainError } from '../../../src/domain/errors.ts'
import type { Filter } from '../../../src/domain/filter.ts'
import { parseFilter } from '../../../src/scim/filter/parse.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { PEOPLE_VIEW } from '../../support/filter-view.ts'
import { filterTexts } from '../../support/filter-texts.ts'

const USER = baseView('User')
const GROUP = baseView('Group')
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** A short form of a tree, to read in a table. */
function show(filter: Filter): string {
  switch (filter.kind) {
    case 'constant':
      return String(filter.value)
    case 'not':
      return `not(${show(filter.term)})`
    case 'and':
    case 'or':
      return `${filter.kind}(${filter.terms.map(show).join(', ')})`
    case 'present':
      return `${filter.at.path.join('/')} pr`
    case 'some':
      return `${filter.at.path.join('/')}[${show(filter.where)}]`
    case 'compare':
      return `${filter.at.path.join('/')} ${filter.op} ${JSON.stringify(filter.value)}`
  }
}

function refusal(text: string, view = USER): string {
  try {
    parseFilter(text, view)
  } catch (error) {
    expect(error, text).to.be.instanceOf(DomainError)
    expect((error as DomainError).code, text).to.equal('invalid-filter')
    return (error as DomainError).message
  }
  return expect.fail(`${text} was taken`)
}

const AT_2011 = Date.UTC(2011, 4, 13, 4, 42, 34)

describe('the filter parser', () => {
  const EXAMPLES: readonly (readonly [string, string])[] = [
    ['userName eq "bjensen"', 'userName eq "bjensen"'],
    [`name.familyName co "O'Malley"`, `name/familyName co "O'Malley"`],
    ['userName sw "J"', 'userName sw "J"'],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"', 'userName sw "J"'],
    ['title pr', 'title pr'],
    ['meta.lastModified gt "2011-05-13T04:42:34Z"', `meta/lastModified gt ${AT_2011}`],
    ['meta.lastModified ge "2011-05-13T04:42:34Z"', `meta/lastModified ge ${AT_2011}`],
    ['meta.lastModified lt "2011-05-13T04:42:34Z"', `meta/lastModified lt ${AT_2011}`],
    ['meta.lastModified le "2011-05-13T04:42:34Z"', `meta/lastModified le ${AT_2011}`],
    ['title pr and userType eq "Employee"', 'and(title pr, userType eq "Employee")'],
    ['title pr or userType eq "Intern"', 'or(title pr, userType eq "Intern")'],
    [`schemas eq "${ENTERPRISE}"`, `${ENTERPRISE} pr`],
    [
      'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
      'and(userType eq "Employee", or(emails/value co "example.com", emails/value co "example.org"))',
    ],
    [
      'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
      'and(userType ne "Employee", not(or(emails/value co "example.com", emails/value co "example.org")))',
    ],
    ['userType eq "Employee" and (emails.type eq "work")', 'and(userType eq "Employee", emails/type eq "work")'],
    [
      'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
      'and(userType eq "Employee", emails[and(type eq "work", value co "@example.com")])',
    ],
    [
      'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
      'or(emails[and(type eq "work", value co "@example.com")], ims[and(type eq "xmpp", value co "@foo.com")])',
    ],
  ]
  for (const [text, tree] of EXAMPLES) {
    it(`reads the standard's own example ${text} (RFC 7644 §3.4.2.2)`, () => {
      expect(show(parseFilter(text, USER))).to.equal(tree)
    })
  }

  const MEANINGS: readonly (readonly [string, string, string])[] = [
    [
      'binds and closer than or',
      'title pr or nickName pr and active eq true',
      'or(title pr, and(nickName pr, active eq true))',
    ],
    ['binds not closest', 'not (title pr) and nickName pr', 'and(not(title pr), nickName pr)'],
    ['takes parentheses in parentheses', '((title pr) or ((nickName pr)))', 'or(title pr, nickName pr)'],
    ['takes not without a space', 'not(title pr)', 'not(title pr)'],
    ['takes names in any case', 'USERNAME eq "x"', 'userName eq "x"'],
    [
      'takes operators in any case',
      'title PR AND NOT (userName Eq "x") Or title pr',
      'or(and(title pr, not(userName eq "x")), title pr)',
    ],
    ['takes true, false and null in any case', 'active eq TRUE or title ne Null', 'or(active eq true, title pr)'],
    ['takes a quoted boolean (Entra ID)', 'active eq "False"', 'active eq false'],
    ['takes a quoted boolean in a value path (Entra ID)', 'roles[primary eq "True"]', 'roles[primary eq true]'],
    ['reads eq null as absence', 'title eq null', 'not(title pr)'],
    ['reads ne null as presence', 'title ne null', 'title pr'],
    [
      'leaves operators within text alone',
      'title eq "a and (b) or [c] eq \\"d\\""',
      'title eq "a and (b) or [c] eq \\"d\\""',
    ],
    ['reads JSON escapes', 'title eq "caf\\u00e9 \\\\ \\/ \\t"', 'title eq "café \\\\ / \\t"'],
    ['reads a pair of escaped surrogates', 'title eq "\\ud83d\\ude00"', 'title eq "😀"'],
    ['takes a URN in any case', `${ENTERPRISE.toUpperCase()}:DEPARTMENT eq "x"`, `${ENTERPRISE}/department eq "x"`],
    [
      'takes a sub-attribute of an extension',
      `${ENTERPRISE}:manager.value eq "26"`,
      `${ENTERPRISE}/manager/value eq "26"`,
    ],
    ['takes a complex attribute for its value', `${ENTERPRISE}:manager eq "26"`, `${ENTERPRISE}/manager/value eq "26"`],
    [
      'takes a common attribute behind the core URN',
      'urn:ietf:params:scim:schemas:core:2.0:User:externalId eq "x"',
      'externalId eq "x"',
    ],
    ['asks for an extension as a whole', `${ENTERPRISE} pr`, `${ENTERPRISE} pr`],
    ['asks for a complex attribute as a whole', 'name pr and emails pr', 'and(name pr, emails pr)'],
    ['takes an offset', 'meta.created eq "2011-05-13T06:42:34+02:00"', `meta/created eq ${AT_2011}`],
    [
      'takes a fraction of a second',
      'meta.created eq "2011-05-13T04:42:34.1234567Z"',
      `meta/created eq ${AT_2011 + 123}`,
    ],
    ['takes a time without an offset as UTC', 'meta.created eq "2011-05-13T04:42:34"', `meta/created eq ${AT_2011}`],
    [
      'takes a sub-attribute behind a value path (Entra ID)',
      'emails[type eq "work"].value eq "x"',
      'emails[and(type eq "work", value eq "x")]',
    ],
    ['asks presence behind a value path', 'emails[type eq "work"].value pr', 'emails[and(type eq "work", value pr)]'],
    [
      'turns ne behind a value path into none that equals',
      'emails[type eq "work"].value ne "x"',
      'not(emails[and(type eq "work", value eq "x")])',
    ],
    ['takes not within a value path', 'emails[not (type eq "home")]', 'emails[not(type eq "home")]'],
    [
      'takes a value path on a single complex value',
      'name[not (givenName eq "x")]',
      'and(name pr, not(name/givenName eq "x"))',
    ],
    ['knows the core schema of everyone', 'schemas eq "urn:ietf:params:scim:schemas:core:2.0:user"', 'true'],
    ['knows a schema of nobody', 'schemas eq "urn:x"', 'false'],
    ['knows what is not among the schemas', `schemas ne "${ENTERPRISE}"`, `not(${ENTERPRISE} pr)`],
    [
      'knows the resource type, whose case counts',
      'meta.resourceType eq "User" and meta.resourceType eq "user"',
      'false',
    ],
    ['folds constants away', 'meta.resourceType eq "User" and title pr', 'title pr'],
    ['folds the resource type of a value path', 'meta[resourceType eq "Group"]', 'false'],
    ['knows that schemas are always there', 'schemas pr', 'true'],
    ['bears space around', '  title   pr  ', 'title pr'],
  ]
  for (const [title, text, tree] of MEANINGS) {
    it(`${title}: ${text} (RFC 7644 §3.4.2.2)`, () => {
      expect(show(parseFilter(text, USER))).to.equal(tree)
    })
  }

  it("reads Entra ID's member query", () => {
    expect(show(parseFilter('id eq "g" and members eq "u"', GROUP))).to.equal('and(id eq "g", members/value eq "u")')
  })

  it('says of each reference what it compares: type, case and whether there may be several', () => {
    const refs = [
      'emails.value eq "x"',
      'externalId eq "x"',
      'active eq true',
      'schemas pr and x509Certificates eq "QUJD"',
    ]
    const at = refs.map((text) => {
      const filter = parseFilter(text, USER)
      return filter.kind === 'compare' ? filter.at : undefined
    })
    expect(at).to.deep.equal([
      { path: ['emails', 'value'], type: 'string', caseExact: false, multiValued: true },
      { path: ['externalId'], type: 'string', caseExact: true, multiValued: false },
      { path: ['active'], type: 'boolean', caseExact: false, multiValued: false },
      { path: ['x509Certificates', 'value'], type: 'binary', caseExact: true, multiValued: true },
    ])
  })

  it('compares numbers, quoted ones too, and plain values of a list', () => {
    const text =
      'urn:example:params:extra:2.0:User:level ge "7" or urn:example:params:extra:2.0:User:tags[value eq "x"]'
    const urn = 'urn:example:params:extra:2.0:User'
    expect(show(parseFilter(text, PEOPLE_VIEW))).to.equal(`or(${urn}/level ge 7, ${urn}/tags[value eq "x"])`)
  })

  const REFUSED: readonly (readonly [string, string])[] = [
    ['', 'is empty'],
    ['   ', 'is empty'],
    ['and', 'no attribute "and"'],
    ['a', 'no attribute "a"'],
    ['userName', 'operator'],
    ['userName foo "x"', 'operator'],
    ['userName eq', 'a value is needed'],
    ['userName eq bjensen', 'double quotes'],
    ['eq "x"', 'no attribute "eq"'],
    ['"x" eq userName', 'an attribute is needed'],
    ['userName eq "x" and', 'an attribute is needed'],
    ['userName eq "x" or or title pr', 'no attribute "or"'],
    ['userName eq "x" title pr', 'too much'],
    ['(userName eq "x"', 'not the end'],
    ['userName eq "x")', 'too much'],
    ['()', 'an attribute is needed'],
    ['not userName eq "x"', 'parentheses'],
    ['not', 'parentheses'],
    ['emails[]', 'an attribute is needed'],
    ['emails[type eq "work"', 'not the end'],
    ['emails[type eq "work")', 'not ")"'],
    ['emails[type eq "work"].', 'no sub-attribute'],
    ['emails[type eq "work"].value', 'operator'],
    ['emails[type eq "work"].wrong eq "x"', 'no sub-attribute "wrong"'],
    ['emails[wrong eq "x"]', 'no sub-attribute "wrong"'],
    ['emails[emails[type eq "x"]]', 'no sub-attribute "emails"'],
    ['userName[value eq "x"]', 'takes a [filter]'],
    ['schemas[value eq "x"]', 'takes a [filter]'],
    ['name.givenName[value eq "x"]', 'takes a [filter]'],
    ['userName eq "x', 'never closed'],
    ['userName eq "\\x"', 'JSON string'],
    ['userName eq "\\ud800"', 'surrogate'],
    ['userName eq "\ud800"', 'surrogate'],
    ['userName eq "\\u0000"', 'U+0000'],
    ['userName eq "a\tb"', 'JSON string'],
    ["userName eq 'x'", 'not expected'],
    ['userName eq \\"x\\"', 'not expected'],
    ['userName == "x"', 'not expected'],
    ['userName eq 7', '"7"'],
    ['userName eq true', '"true"'],
    ['userName eq 007', 'not expected'],
    ['userName eq 1.', 'not expected'],
    ['active eq 1', 'true or false'],
    ['active eq "yes"', 'true or false'],
    ['active gt true', 'no meaning'],
    ['active co "t"', 'no meaning'],
    ['x509Certificates.value gt "QUJD"', 'no meaning'],
    ['x509Certificates co "QUJD"', 'no meaning'],
    ['meta.created co "2011"', 'no meaning'],
    ['meta.created gt "yesterday"', 'date and time'],
    ['meta.created gt "2011-05-13"', 'date and time'],
    ['meta.created gt "2011-02-30T00:00:00Z"', 'does not exist'],
    ['meta.created gt 5', 'date and time'],
    ['title gt null', 'null'],
    ['name eq "x"', 'name.familyName'],
    ['addresses eq "x"', 'addresses.locality'],
    ['meta eq "x"', 'meta.created'],
    [`${ENTERPRISE} eq "x"`, 'presence'],
    [`${ENTERPRISE}:wrong eq "x"`, 'no attribute "wrong"'],
    ['urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "x"', 'no schema of User'],
    ['urn:ietf:params:scim:schemas:core:2.0:User pr', 'no attribute ""'],
    [`${ENTERPRISE}x pr`, 'no schema of User'],
    ['name.givenName.x eq "y"', 'more than one'],
    ['userName.x eq "y"', 'it has none'],
    ['members eq "x"', 'no attribute "members"'],
    ['password eq "x"', 'never returned'],
    ['password pr', 'never returned'],
    ['meta.location eq "x"', "server's address"],
    ['groups.$ref eq "x"', "server's address"],
    ['groups[$ref eq "x"]', "server's address"],
    ['__proto__ eq "x"', 'no attribute "__proto__"'],
    ['__proto__.pwn eq "1"', 'no attribute "__proto__"'],
    ['constructor pr', 'no attribute "constructor"'],
    ['toString pr', 'no attribute "toString"'],
    ['hasOwnProperty pr', 'no attribute'],
    ['name.__proto__ pr', 'no sub-attribute'],
    ['name.constructor.prototype pr', 'more than one'],
    ['emails[__proto__.x eq "1"]', 'no sub-attribute'],
    ['emails[toString pr]', 'no sub-attribute'],
    ['not (__proto__.x pr)', 'no attribute'],
  ]
  for (const [text, says] of REFUSED) {
    it(`refuses ${JSON.stringify(text)}, saying where and why`, () => {
      expect(refusal(text))
        .to.contain(says)
        .and.to.match(/^Filter, position \d+: .*\.$/)
    })
  }

  it('says the position of what is wrong, counted from 1', () => {
    expect(refusal('title pr and wrong eq "x"')).to.match(/position 14: /)
    expect(refusal(`${ENTERPRISE}:wrong pr`)).to.match(/position 60: /)
    expect(refusal('emails[type eq "work" and name.wrong pr]')).to.match(/position 27: /)
  })

  it('takes filters up to the limits and refuses larger ones', () => {
    const terms = (count: number): string => Array.from({ length: count }, () => 'title pr').join(' or ')
    const nested = (depth: number): string => `${'('.repeat(depth)}title pr${')'.repeat(depth)}`
    const sized = (bytes: number): string => `title eq "${'x'.repeat(bytes - 11)}"`
    for (const text of [terms(200), nested(20), sized(8_192), `emails[${nested(19).replace('title', 'type')}]`]) {
      parseFilter(text, USER)
    }
    expect(refusal(terms(201))).to.contain('200 terms')
    expect(refusal(nested(21))).to.contain('20 levels')
    expect(refusal(`${'not ('.repeat(21)}title pr${')'.repeat(21)}`)).to.contain('20 levels')
    expect(refusal(`emails[${nested(20).replace('title', 'type')}]`)).to.contain('20 levels')
    expect(refusal(sized(8_193))).to.contain('8192 bytes')
    expect(refusal(`title eq "${'é'.repeat(4_096)}"`)).to.contain('8192 bytes')
  })

  it('fails on any text with nothing but a DomainError, and leaves Object.prototype alone', () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const piece = fc.constantFrom(
      'userName',
      'emails',
      '[',
      ']',
      '(',
      ')',
      'eq',
      'and',
      'not',
      '"x"',
      '"',
      '.',
      '__proto__',
      '1',
      'pr',
      '\\',
    )
    const text = fc.oneof(
      fc.array(piece).map((parts) => parts.join(' ')),
      fc.array(piece).map((parts) => parts.join('')),
      fc.string(),
    )
    fc.assert(
      fc.property(text, (given) => {
        try {
          parseFilter(given, USER)
        } catch (error) {
          expect(error).to.be.instanceOf(DomainError)
        }
      }),
      { numRuns: 3_000 },
    )
    expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(before)
  })

  it('reads a filter the same in other case and spacing of names and keywords', () => {
    fc.assert(
      fc.property(filterTexts(PEOPLE_VIEW, ['x']), (text) => {
        const shouted = text.replace(/"(?:[^"\\]|\\.)*"|[^"]+/g, (part) =>
          part.startsWith('"') ? part : part.toUpperCase(),
        )
        const spaced = ` ${shouted.replace(/"(?:[^"\\]|\\.)*"|[()]/g, (part) => (part.startsWith('"') ? part : ` ${part} `))} `
        expect(parseFilter(spaced, PEOPLE_VIEW)).to.deep.equal(parseFilter(text, PEOPLE_VIEW))
      }),
      { numRuns: 1_000 },
    )
  })
})
