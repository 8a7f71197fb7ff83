import { expect } from 'chai'
import fc from 'fast-check'
import { checkMailAddress, domainOf, isMailAddress } from '../../src/domain/email.ts'

describe('S23: an address that mail is sent to', () => {
  it('is a plain one, of any length that mail servers take', () => {
    const good = [
      'ann@example.com',
      'Ann.O-Neill+rollcall@mail.example.co.uk',
      "o'brien@example.org",
      'a@b.co',
      'x_y=z@xn--bcher-kva.example',
      `${'a'.repeat(64)}@example.com`,
    ]
    for (const address of good) expect(isMailAddress(address), address).to.equal(true)
  })

  it('has no form that two programs could read in two ways', () => {
    const bad = [
      '"ann@evil.example"@example.com',
      '"ann"@example.com',
      'ann@evil.example@example.com',
      'ann(comment)@example.com',
      'ann@example.com (Ann)',
      'Ann <ann@example.com>',
      'team: ann@example.com, bob@example.com;',
      'ann@example.com,bob@example.com',
      'ann@example.com\r\nBcc: eve@evil.example',
      'ann@example.com\n',
      'ann\u0000@example.com',
      'ann @example.com',
      ' ann@example.com',
      'änn@example.com',
      'ann@exämple.com',
      'ann@[127.0.0.1]',
      'ann@127.0.0.1',
      'ann@localhost',
      'ann@example..com',
      'ann@-example.com',
      'ann@example.com.',
      '.ann@example.com',
      'ann.@example.com',
      'a..b@example.com',
      '@example.com',
      'ann@',
      'ann',
      '',
      `${'a'.repeat(65)}@example.com`,
      `ann@${'a'.repeat(64)}.com`,
      `ann@${'a.'.repeat(130)}com`,
      '-f@ann@example.com',
      'ann%evil.example@example.com@x.example',
    ]
    for (const address of bad) expect(isMailAddress(address), JSON.stringify(address)).to.equal(false)
    expect(() => {
      checkMailAddress('"x@evil.example"@example.com')
    }).to.throw('no quotes')
  })

  it('has its domain behind the only @, folded', () => {
    expect(domainOf('Ann@Example.COM')).to.equal('example.com')
    expect(domainOf('"ann@evil.example"@example.com')).to.equal(undefined)
  })

  it('holds exactly one @ and no white space, quote or control character, whatever is tried', () => {
    const pieces = fc.array(fc.constantFrom('a', 'b.c', '@', '"', '(', ')', ' ', '\r\n', '\\', '.', ',', ';', '<', 'é'))
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = `${parts.join('')}@example.com`
        if (!isMailAddress(text)) return
        expect(text).to.match(/^[!-~]+$/)
        expect(text.split('@')).to.have.length(2)
        expect(text).not.to.match(/["(),:;<>[\\\]]/)
      }),
      { numRuns: 2_000 },
    )
  })
})
