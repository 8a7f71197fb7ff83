import { expect } from 'chai'
import fc from 'fast-check'
import { json, jsonLine, printable, printableLines, table } from '../../src/cli/output.ts'

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
const text = fc.string({ unit: 'binary' })

describe('output for terminals', () => {
  it('shows what cannot be printed as its escape', () => {
    expect(printable('a\u001b[31m\nb\u0085\u202e\u2028')).to.equal('a\\u001b[31m\\u000ab\\u0085\\u202e\\u2028')
    expect(printableLines('a\u0007\nb')).to.equal('a\\u0007\nb')
    expect(printable('Zoë 李 🙂')).to.equal('Zoë 李 🙂')
  })

  it('never holds a control or format character, whatever the value', () => {
    fc.assert(
      fc.property(text, text, (one, two) => {
        expect(printable(one)).not.to.match(UNPRINTABLE)
        expect(table([{ one, two }], 'none').split('\n')).to.have.length(2)
        expect(table([{ one, two }], 'none').replace('\n', '')).not.to.match(UNPRINTABLE)
      }),
    )
  })

  it('aligns columns by what is shown', () => {
    const rows = [
      { id: '1', name: 'a\u0007' },
      { id: '22', name: 'b' },
    ]
    expect(table(rows, 'none')).to.equal('id  name\n1   a\\u0007\n22  b')
    expect(table([], 'none')).to.equal('none')
  })

  it('is JSON that says the same, without control characters, on one line for streams', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(JSON.parse(json({ value }))).to.deep.equal({ value })
        expect(JSON.parse(jsonLine({ value }))).to.deep.equal({ value })
        expect(jsonLine({ value })).not.to.match(UNPRINTABLE)
      }),
    )
  })
})
