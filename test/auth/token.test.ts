import { readdir, readFile } from 'node:fs/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { newId, type TokenId } from '../../src/domain/ids.ts'
import { hashToken, mintToken, parseToken, sameHash } from '../../src/auth/token.ts'

const id = newId<TokenId>(1_700_000_000_000)

describe('bearer tokens', () => {
  it('have a recognisable form from which their id can be read (RFC 7644 §7.4)', () => {
    const { text, secretHash } = mintToken(id)
    expect(text).to.match(/^rollcall_[0-9a-f]{32}_[0-9A-Za-z]{43}_[0-9a-f]{8}$/)
    expect(parseToken(text)).to.deep.equal({ id })
    expect(secretHash).to.have.length(32)
    expect(sameHash(secretHash, hashToken(text))).to.equal(true)
  })

  it('carry 256 random bits, so no two are alike and every digit occurs', () => {
    const secrets = Array.from({ length: 2_000 }, () => mintToken(id).text.split('_')[2]!)
    expect(new Set(secrets).size).to.equal(2_000)
    for (let place = 0; place < 43; place++) {
      const digits = new Set(secrets.map((secret) => secret[place]))
      expect(digits.size, `digits seen at place ${place}`).to.be.at.least(59)
    }
  })

  it('are told from mistyped ones by their checksum, whichever character was changed', () => {
    const { text } = mintToken(id)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdefXYZ_-'), (at, digit) => {
        const changed = text.slice(0, at) + digit + text.slice(at + 1)
        expect(parseToken(changed) === undefined).to.equal(changed !== text)
      }),
    )
  })

  it('are not read from anything longer, shorter or padded', () => {
    const { text } = mintToken(id)
    for (const other of ['', 'rollcall_', text.slice(0, -1), `${text}0`, ` ${text}`, `${text}\n`, text.toUpperCase()]) {
      expect(parseToken(other), JSON.stringify(other)).to.equal(undefined)
    }
  })

  it('compare by hash without throwing, also against a hash of the wrong length', () => {
    expect(sameHash(hashToken('a'), hashToken('a'))).to.equal(true)
    expect(sameHash(hashToken('a'), hashToken('b'))).to.equal(false)
    expect(sameHash(hashToken('a'), new Uint8Array(31))).to.equal(false)
    expect(sameHash(hashToken('a'), new Uint8Array(0))).to.equal(false)
  })

  it('are nowhere in src/auth compared with === (timing)', async () => {
    const folder = new URL('../../src/auth/', import.meta.url)
    const files = await readdir(folder)
    expect(files).to.include('token.ts')
    for (const file of files) {
      const source = await readFile(new URL(file, folder), 'utf8')
      expect(source, file).not.to.match(/\b(secret|password|secretHash|hash)\b *[!=]==? *(?!undefined|null|'')\w/)
    }
  })
})
