import { expect } from 'chai'
import fc from 'fast-check'
import { fold } from '../../src/domain/fold.ts'
import { searchDocument } from '../../src/domain/search-document.ts'

const LAST = 0x10ffff

function* codePoints(): Generator<string> {
  for (let point = 0; point <= LAST; point++) {
    if (point < 0xd800 || point > 0xdfff) yield String.fromCodePoint(point)
  }
}

function escaped(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
}

describe('folding', () => {
  it('agrees with the simple case folding of the engine for every code point (CaseFolding.txt, status C and S)', function () {
    this.timeout(60_000)
    // The /iu flags compare by simple case folding (ECMA-262, Canonicalize), but give no way to ask for its result.
    const cased = [...codePoints()].filter(
      (char) => /\p{Changes_When_Casefolded}|\p{Changes_When_Casemapped}/u.test(char) || fold(char) !== char,
    )
    const plain = cased.filter((char) => char.normalize('NFKC') === char)
    const all = plain.join('')
    expect(plain.length).to.be.greaterThan(2_000)
    for (const char of plain) {
      const equals = all.match(new RegExp(escaped(char), 'giu')) ?? []
      expect(equals, char).to.include(fold(char))
      expect(new Set(equals.map(fold)), char).to.have.lengthOf(1)
    }
  })

  it('folds a code point as its compatibility form, and a folded one to itself (UAX #15, NFKC)', function () {
    this.timeout(60_000)
    for (const char of codePoints()) {
      const folded = fold(char)
      if (folded !== fold(char.normalize('NFKC')) || folded !== fold(folded) || folded !== folded.normalize('NFKC')) {
        expect.fail(`U+${escaped(char)} folds to ${folded}`)
      }
    }
  })

  it('changes nothing the second time, in any text', () => {
    const odd = fc.constantFrom(
      '\u0345',
      '\u0130',
      'I\u0307',
      '\u1e9e',
      'ς',
      'Σ',
      '\u03b1\u0345\u0301',
      '\uab70',
      'ﬃ',
      'Å',
    )
    const text = fc.array(fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 3 }))).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (given) => fold(fold(given)) === fold(given)),
      { numRuns: 5_000 },
    )
  })

  const SAME: readonly (readonly [string, string, string])[] = [
    ['letters of either case', 'Bob@Example.COM', 'bob@example.com'],
    ['the Kelvin sign and k', '\u212Aelvin', 'kelvin'],
    ['full-width letters', 'ＡＤＭＩＮ', 'admin'],
    ['composed and decomposed accents', 'E\u0301clair', '\u00E9clair'],
    ['final and other sigma', 'ΟΔΟΣ', 'οδος'],
    ['capital and small sharp s', 'STRA\u1E9EE', 'stra\u00DFe'],
    ['Cherokee letters of either case', '\uAB70', '\u13A0'],
    ['a ligature and its letters', 'ﬁnn', 'FINN'],
    ['Deseret letters, beyond U+FFFF', '\u{10400}', '\u{10428}'],
  ]
  for (const [title, left, right] of SAME) {
    it(`makes no difference between ${title} (RFC 7644 §7.8)`, () => {
      expect(fold(left)).to.equal(fold(right))
    })
  }

  const DIFFERENT: readonly (readonly [string, string, string])[] = [
    ['dotless i and i', 'ılker', 'ilker'],
    ['dotless i and I', 'ılker', 'Ilker'],
    ['capital i with a dot and i', 'İ', 'i'],
    ['sharp s and ss', 'straße', 'strasse'],
    ['e with and without an accent', 'é', 'e'],
  ]
  for (const [title, left, right] of DIFFERENT) {
    it(`keeps ${title} apart (CaseFolding.txt, status F and T are not simple)`, () => {
      expect(fold(left)).to.not.equal(fold(right))
    })
  }
})

describe('the search document', () => {
  it('folds every text and keeps keys, shape and other values', () => {
    const attributes = {
      userName: 'Éva',
      name: { familyName: 'ΟΔΟΣ' },
      emails: [{ value: 'E@X.org', primary: true }, { value: 'two' }],
      'urn:X:User': { Level: 3 },
    }
    expect(JSON.parse(searchDocument(attributes))).to.deep.equal({
      userName: 'éva',
      name: { familyName: 'οδοσ' },
      emails: [{ value: 'e@x.org', primary: true }, { value: 'two' }],
      'urn:X:User': { Level: 3 },
    })
  })
})
