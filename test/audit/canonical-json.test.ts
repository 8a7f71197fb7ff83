import { expect } from 'chai'
import fc from 'fast-check'
import { canonicalJson } from '../../src/audit/canonical-json.ts'
import type { Json } from '../../src/domain/json.ts'
import { rfc8785 } from './rfc8785.ts'

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })).filter((s) => !s.includes('\0'))
const key = fc.oneof(
  text,
  fc.constantFrom('__proto__', 'constructor', 'toString', '10', '9', '', '\u20ac', '\u{1f600}', '\ufb33'),
)
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    text,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value

describe('canonical JSON', () => {
  it('equals an independent implementation on any JSON with integers (RFC 8785 §3.2)', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(value)).to.equal(rfc8785(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('reads back as the value it was made from (RFC 8259)', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(JSON.parse(canonicalJson(value)))).to.equal(JSON.stringify(value, sortedKeys))
      }),
    )
  })

  it('sorts keys by UTF-16 code units, as in the example of RFC 8785 §3.2.3', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const names = [...canonicalJson(value).matchAll(/:"([A-Z][^"]*)"/g)].map((match) => match[1])
    expect(names).to.deep.equal([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
  })

  it('escapes only what RFC 8785 §3.2.2.2 names', () => {
    expect(canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/\u2028\u007f')).to.equal(
      '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u2028\u007f"',
    )
  })

  it('leaves out keys that hold undefined and writes minus zero as 0 (RFC 8785 §3.2.2.3)', () => {
    expect(canonicalJson({ b: undefined, a: -0 })).to.equal('{"a":0}')
  })

  const refused: readonly (readonly [string, unknown])[] = [
    ['a fraction', 0.5],
    ['an integer over 2^53-1', 2 ** 53],
    ['not a number', NaN],
    ['infinity', -Infinity],
    ['a bigint', 1n],
    ['undefined', undefined],
    ['undefined in a list', [undefined]],
    ['a hole in a list', new Array(1)],
    ['a function', () => 0],
    ['a symbol', Symbol('x')],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', new Uint8Array(1)],
    ['U+0000', 'a\0b'],
    ['U+0000 in a key', { 'a\0b': 1 }],
    ['a lone surrogate', 'a\ud800b'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
  ]
  for (const [name, value] of refused) {
    it(`refuses ${name}, anywhere (RFC 8785 §3.1, RFC 7493 §2)`, () => {
      expect(() => canonicalJson(value as Json)).to.throw(Error, 'canonical JSON')
      expect(() => canonicalJson({ a: [{ b: [value] }] } as Json)).to.throw(Error, 'canonical JSON')
    })
  }
})

function sortedKeys(_key: string, value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
