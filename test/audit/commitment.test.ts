import { expect } from 'chai'
import { commitmentOf, newSalt } from '../../src/audit/commitment.ts'

const SALT = 'AAECAwQFBgcICQoLDA0ODw'

describe('a commitment', () => {
  it('is the salted SHA-256 of reference and value, by a vector of Python hashlib (src/audit/commitment.ts)', () => {
    expect(commitmentOf(['/targets/0/display', SALT, 'Ada Löfgren'])).to.equal(
      'c1:6eb_Dy7Z5AHgKzb5kxS4ci3JjA-zDC-QS6Rf8-OUasg',
    )
  })

  it('commits to the canonical form of an object, whatever the order of its keys (RFC 8785 §3.2.3)', () => {
    expect(commitmentOf(['/changes/0/new', SALT, { familyName: 'Löfgren', b: [1, true, null] }])).to.equal(
      'c1:jPpbO0fK96O99PBMo61P2xrxJlmd-zr03jNaIq3Dzr4',
    )
  })

  it('is another for another place, salt or value (src/audit/commitment.ts)', () => {
    const all = [
      commitmentOf(['/a', SALT, 'x']),
      commitmentOf(['/b', SALT, 'x']),
      commitmentOf(['/a', newSalt(), 'x']),
      commitmentOf(['/a', SALT, 'y']),
      commitmentOf(['/a', SALT, ['x']]),
    ]
    expect(new Set(all).size).to.equal(all.length)
  })

  it('takes a fresh salt of 16 bytes for each value (src/audit/commitment.ts)', () => {
    const salts = Array.from({ length: 100 }, newSalt)
    expect(new Set(salts).size).to.equal(100)
    for (const salt of salts) expect(Buffer.from(salt, 'base64url').length).to.equal(16)
  })
})
