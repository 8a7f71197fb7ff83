import { expect } from 'chai'
import { DomainError } from '../../../src/domain/errors.ts'
import { parseSortBy } from '../../../src/scim/filter/sort-by.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'

const USER = baseView('User')

describe('sortBy', () => {
  const NAMES: readonly (readonly [string, string])[] = [
    ['userName', 'userName'],
    ['USERNAME', 'userName'],
    ['name.familyName', 'name/familyName'],
    ['urn:ietf:params:scim:schemas:core:2.0:User:title', 'title'],
    [
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department',
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department',
    ],
    ['emails', 'emails/value'],
    ['meta.lastModified', 'meta/lastModified'],
  ]
  for (const [text, path] of NAMES) {
    it(`reads ${text} (RFC 7644 §3.4.2.3)`, () => {
      expect(parseSortBy(text, USER).path.join('/')).to.equal(path)
    })
  }

  const REFUSED: readonly (readonly [string, string])[] = [
    ['', 'the name of an attribute'],
    ['wrong', 'no attribute "wrong"'],
    ['name', 'name.familyName'],
    ['userName title', 'too much'],
    ['userName,title', 'not expected'],
    ['emails[type eq "work"]', 'too much'],
    ['"userName"', 'the name of an attribute'],
    ['password', 'never returned'],
    ['meta.location', "server's address"],
    ['__proto__', 'no attribute'],
    ['constructor', 'no attribute'],
    ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User', 'no order'],
  ]
  for (const [text, says] of REFUSED) {
    it(`refuses ${JSON.stringify(text)} as an invalid path`, () => {
      expect(() => parseSortBy(text, USER))
        .to.throw(DomainError, says)
        .with.property('code', 'invalid-path')
    })
  }
})
