import { expect } from 'chai'
import { DomainError } from '../../src/domain/errors.ts'
import { entityTags } from '../../src/http/entity-tag.ts'
import { parseJson } from '../../src/http/json-body.ts'
import { readQuery } from '../../src/scim/context.ts'
import { endpointOf } from '../../src/scim/endpoint.ts'
import { mountOf } from '../../src/scim/location.ts'

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof DomainError) return error.code
    throw error
  }
  return 'accepted'
}

describe('endpoints (RFC 7644 §3.2)', () => {
  it('match names in any case with one slash at the end, as the routes do', () => {
    expect(endpointOf('/USERS/')?.template).to.equal('/Users')
    expect(endpointOf('/groups/abc')).to.deep.include({ template: '/Groups/:id', kind: 'Group', rawId: 'abc' })
    expect(endpointOf('/Users/.Search')).to.deep.include({ template: '/Users/.search', kind: 'User' })
    expect(endpointOf('/schemas/urn:x')).to.deep.include({ template: '/Schemas/:id', rawId: 'urn:x' })
  })

  it('are nothing else: no empty, doubled, deeper or escaped segments', () => {
    for (const path of ['', '/', '//Users', '/Users//', '/Users//x', '/Users/a/b', '/%55sers', '/./Users', '/Me/x'])
      expect(endpointOf(path), path).to.equal(undefined)
  })

  it('know their mount in any case, and no other', () => {
    expect(mountOf('/SCIM/V2')).to.equal('/scim/v2')
    expect(() => mountOf('/elsewhere')).to.throw(Error)
  })
})

describe('the query (RFC 7644 §3.4.2)', () => {
  it('has one value for a key, the first, and passes over bare, blank and unknown keys', () => {
    const query = readQuery('/Users?count=1&count=2&aadOptscim062020&x=1&sortBy=&attributes=a%2Cb&__proto__=x')
    expect(query).to.deep.equal({ count: '1', attributes: 'a,b' })
    expect(Object.getPrototypeOf(query)).to.equal(Object.prototype)
    expect(readQuery('/Users')).to.deep.equal({})
  })

  it('keeps a blank filter, so that it is refused and never means everybody', () => {
    expect(readQuery('/Users?filter=')).to.deep.equal({ filter: '' })
  })

  it('refuses U+0000, which no store can hold', () => {
    expect(codeOf(() => readQuery('/Users?filter=%00'))).to.equal('invalid-filter')
    expect(codeOf(() => readQuery('/Users?sortBy=a%00'))).to.equal('invalid-value')
  })
})

describe('entity tags (RFC 9110 §8.8.3, §13.1)', () => {
  it('are versions without weakness and quotes, in lists, or *', () => {
    expect(entityTags('W/"3"')).to.deep.equal(['3'])
    expect(entityTags('"3", w/"4" ,5')).to.deep.equal(['3', '4', '5'])
    expect(entityTags('*')).to.deep.equal(['*'])
    expect(entityTags('"a, b"')).to.deep.equal(['a, b'])
  })

  it('are none without the header', () => {
    expect(entityTags(undefined)).to.equal(undefined)
    expect(entityTags(' ')).to.equal(undefined)
  })
})

describe('a JSON body', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)

  it('may be nested 32 levels deep, brackets within strings not counted', () => {
    const nested = (levels: number) => bytes('['.repeat(levels) + ']'.repeat(levels))
    expect(codeOf(() => parseJson(nested(32)))).to.equal('accepted')
    expect(codeOf(() => parseJson(nested(33)))).to.equal('invalid-syntax')
    expect(parseJson(bytes(`{"a":"\\"${'['.repeat(99)}"}`))).to.deep.equal({ a: `"${'['.repeat(99)}` })
  })

  it('may begin with a byte order mark (RFC 8259 §8.1)', () => {
    expect(parseJson(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).to.deep.equal({})
  })

  it('keeps __proto__ as a key of its own and touches no prototype', () => {
    const value = parseJson(bytes('{"__proto__":{"polluted":1}}')) as object
    expect(Object.getOwnPropertyNames(value)).to.deep.equal(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
  })
})
