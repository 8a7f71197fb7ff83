import { expect } from 'chai'
import { contentHashOf, GENESIS_HASH, linkHash, linkText, sameHash, type ChainLink } from '../../src/audit/chain.ts'
import { ORG } from './chains.ts'

const LINK: ChainLink = {
  org: '_system',
  epoch: 1,
  seq: 1,
  time: 0,
  prev: new Uint8Array(32).fill(0xff),
  contentHash: new Uint8Array(32).fill(0x0a),
}

// The expected values were computed with Python's hashlib and with `openssl dgst -sha256`, not with this code.
describe('the chain', () => {
  it('hashes the UTF-8 bytes of the body as they are (contentHashOf, src/audit/chain.ts)', () => {
    const hash = contentHashOf('{"action":"user.create","v":1,"x":"é€😀"}')
    expect(Buffer.from(hash).toString('hex')).to.equal(
      'de1212449c19292bf36327fea2333cf4150a5c68020334b67ba83d5b9ff663e2',
    )
  })

  it('links a first record to 32 zero bytes, by a known vector (linkText, src/audit/chain.ts)', () => {
    const contentHash = contentHashOf('{"action":"user.create","v":1,"x":"é€😀"}')
    const hash = linkHash({ org: ORG, epoch: 2, seq: 42, time: 1767225600123, prev: GENESIS_HASH, contentHash })
    expect(Buffer.from(hash).toString('hex')).to.equal(
      '42eda8904b5a9aa9d0a6f5ea320fa66478e23046de14147b1efc1a60d4c6a051',
    )
  })

  it('links to a previous hash, by a known vector (linkText, src/audit/chain.ts)', () => {
    expect(Buffer.from(linkHash(LINK)).toString('hex')).to.equal(
      '8ed5ab94d80a195faedd67fd9e495f2350f12580ce3bd0168776220901d63165',
    )
  })

  it('is a text of seven lines that a shell can make (linkText, src/audit/chain.ts)', () => {
    const text = `rollcall-link-1\n_system\n1\n1\n0\n${'ff'.repeat(32)}\n${'0a'.repeat(32)}\n`
    expect(linkText(LINK)).to.equal(text)
  })

  it('reads a hash that is a view into a larger buffer (drivers answer such views)', () => {
    const larger = Buffer.concat([Buffer.alloc(5), Buffer.from(LINK.prev), Buffer.alloc(5)])
    expect(linkHash({ ...LINK, prev: larger.subarray(5, 37) })).to.deep.equal(linkHash(LINK))
  })

  const ambiguous: readonly (readonly [string, Partial<ChainLink>])[] = [
    ['an org id with a line break', { org: 'a\n1' }],
    ['an empty org id', { org: '' }],
    ['a fractional time', { time: 1.5 }],
    ['a seq beyond 2^53-1', { seq: 2 ** 53 }],
    ['a short previous hash', { prev: new Uint8Array(31) }],
    ['an empty content hash', { contentHash: new Uint8Array(0) }],
  ]
  for (const [name, part] of ambiguous) {
    it(`refuses ${name}, so that no two links share a text (linkText, src/audit/chain.ts)`, () => {
      expect(() => linkHash({ ...LINK, ...part })).to.throw(Error)
    })
  }

  it('tells hashes apart by every byte (src/audit/verify.ts)', () => {
    const other = new Uint8Array(LINK.prev)
    other[31] = 0xfe
    expect(sameHash(LINK.prev, new Uint8Array(LINK.prev))).to.equal(true)
    expect(sameHash(LINK.prev, other)).to.equal(false)
    expect(sameHash(LINK.prev, LINK.prev.subarray(0, 31))).to.equal(false)
  })
})
