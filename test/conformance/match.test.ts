import { expect } from 'chai'
import { bodyProblems, headerProblems, matches } from '../../conformance/match.ts'

/** Matcher, values it takes, values it refuses. */
const TABLE: readonly (readonly [object, readonly unknown[], readonly unknown[]])[] = [
  [{ $in: [0, null] }, [0, null, undefined], [1, '0', false]],
  [{ $ne: 'a' }, ['b', undefined], ['a']],
  [{ $exists: true }, [0, '', false, []], [undefined, null]],
  [{ $exists: false }, [undefined, null], [0, '', false]],
  [{ $match: '^/Users/' }, ['/Users/1'], ['x/Users/', 7, undefined]],
  [{ $notMatch: '^1999' }, ['2024', undefined], ['1999-01-01']],
  [{ $gte: 3 }, [3, 4], [2, '4', undefined]],
  [{ $set: ['a', 'b'] }, [['b', 'a']], [['a'], ['a', 'b', 'b'], undefined, 'ab']],
  [{ $set: [] }, [[], undefined], [['a']]],
  [{ $contains: ['a'] }, [['b', 'a']], [['b'], undefined, 'a']],
  [{ $notContains: ['a'] }, [['b'], undefined], [['a', 'b']]],
  [{ $emptyOrAbsent: true }, [[], undefined, null], [['a'], 'a', {}]],
  [{ $integer: true }, [0, 7], ['7', 1.5, undefined]],
  [{ $noNulls: true }, [{ a: [1] }, 'x'], [{ a: [{ b: null }] }, null]],
  [{ $contains: ['a'], $notContains: ['b'] }, [['a', 'c']], [['a', 'b'], ['c']]],
]

describe('conformance: matchers', () => {
  for (const [matcher, good, bad] of TABLE) {
    it(`${JSON.stringify(matcher)} takes what it should and refuses the rest`, () => {
      for (const value of good) expect(matches(value, matcher, {}), `takes ${JSON.stringify(value)}`).to.equal(true)
      for (const value of bad) expect(matches(value, matcher, {}), `refuses ${JSON.stringify(value)}`).to.equal(false)
    })
  }

  it('compares literals deeply, order of lists included, and takes null for absent (RFC 7643 §2.5)', () => {
    expect(matches({ a: [1, 2] }, { a: [1, 2] }, {})).to.equal(true)
    expect(matches(['b', 'a'], ['a', 'b'], {})).to.equal(false)
    expect(matches(undefined, null, {})).to.equal(true)
    expect(matches('201', 201, {})).to.equal(false)
  })

  it('compares with another path of the same answer', () => {
    const document = { totalResults: 2, Resources: [1, 2], meta: { version: 'W/"1"' } }
    expect(bodyProblems(document, { 'Resources.length': { $eqPath: 'totalResults' } })).to.deep.equal([])
    expect(headerProblems({ etag: 'W/"1"' }, { etag: { $eqJson: 'meta.version' } }, document)).to.deep.equal([])
    expect(headerProblems({ etag: 'W/"2"' }, { etag: { $eqJson: 'meta.version' } }, document)).to.have.length(1)
    expect(headerProblems({}, { etag: { $eqJson: 'meta.nothing' } }, document)).to.have.length(1)
  })

  it('says where, what was expected and what came', () => {
    expect(bodyProblems({ status: 404 }, { status: '404' })).to.deep.equal([
      { where: 'body status', expected: '"404"', got: '404' },
    ])
  })

  it('refuses an unknown matcher, so that a typing error cannot pass', () => {
    expect(() => matches(1, { $exsits: true }, {})).to.throw('unknown matcher $exsits')
  })
})
