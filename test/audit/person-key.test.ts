import { expect } from 'chai'
import fc from 'fast-check'
import { openPii, sealPii } from '../../src/audit/event-pii.ts'
import {
  createPersonKeys,
  kekIdOf,
  unwrapPersonKey,
  unwrapSecret,
  wrapPersonKey,
  wrapSecret,
} from '../../src/audit/person-key.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { ADA, BEN, KEK, ORG } from './chains.ts'

const OTHER_ORG = '0190a5f0-0000-7000-8000-000000000002' as OrgId
const OTHER_KEK = Buffer.alloc(32, 7)
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index + 32))

// Sealed once by another implementation (Python's cryptography, AESGCM) with the nonce 64…6f.
const NONCE = '6465666768696a6b6c6d6e6f'
const WRAPPED = `${NONCE}683afc455dcc70b9164b75c3f64844d272f33439bf59c5459fe89673c79e9b770560a31fee9d94831958994f67d1ba8a`
const SECRET = `${NONCE}3b72b908108731be5507267c8854f97f3daeaea6d9830700947422`
const PII =
  'ee36acfcabd086aab920acf7ba38fa04baf2891f47e8426f82012b3c363e76652c71763a1d25c3014dcf8dfa190825f311410eae773ac82013' +
  'eb758aec0ce598389f8cedd1fb33f3649fbc2d'

describe('the master key', () => {
  it('is named by the first 16 hex characters of its SHA-256, as Python computes it (FIPS 180-4)', () => {
    expect(kekIdOf(KEK)).to.equal('630dcd2966c43366')
  })

  it('must have 32 bytes (FIPS 197: AES-256)', () => {
    expect(() => kekIdOf(KEK.subarray(1))).to.throw(Error, '32 bytes, this one has 31')
    expect(() => createPersonKeys({ kek: Buffer.alloc(0) })).to.throw(Error, '32 bytes')
  })
})

describe('a wrapped person key', () => {
  it('opens what another implementation wrapped (NIST SP 800-38D)', () => {
    expect(unwrapPersonKey(KEK, ORG, ADA, Buffer.from(WRAPPED, 'hex')).equals(KEY)).to.equal(true)
  })

  it('opens only under its own master key, org and person (NIST SP 800-38D §5.2.2)', () => {
    const wrapped = wrapPersonKey(KEK, ORG, ADA, KEY)
    expect(unwrapPersonKey(KEK, ORG, ADA, wrapped).equals(KEY)).to.equal(true)
    expect(() => unwrapPersonKey(OTHER_KEK, ORG, ADA, wrapped)).to.throw(Error, 'cannot be unwrapped')
    expect(() => unwrapPersonKey(KEK, OTHER_ORG, ADA, wrapped)).to.throw(Error, 'cannot be unwrapped')
    expect(() => unwrapPersonKey(KEK, ORG, BEN, wrapped)).to.throw(Error, 'cannot be unwrapped')
  })

  it('does not open with any bit changed or any byte cut off (NIST SP 800-38D §5.2.2)', () => {
    const wrapped = wrapPersonKey(KEK, ORG, ADA, KEY)
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const bent = Buffer.from(wrapped)
      bent[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => unwrapPersonKey(KEK, ORG, ADA, bent)).to.throw(Error, 'cannot be unwrapped')
    }
    for (let end = 0; end < wrapped.length; end++) {
      expect(() => unwrapPersonKey(KEK, ORG, ADA, wrapped.subarray(0, end))).to.throw(Error, 'cannot be unwrapped')
    }
  })

  it('takes a fresh nonce each time (NIST SP 800-38D §8)', () => {
    const nonces = Array.from({ length: 100 }, () => wrapPersonKey(KEK, ORG, ADA, KEY).toString('hex', 0, 12))
    expect(new Set(nonces).size).to.equal(100)
  })
})

describe('a wrapped secret', () => {
  it('opens what another implementation wrapped (NIST SP 800-38D)', () => {
    expect(unwrapSecret(KEK, 'token-signing', Buffer.from(SECRET, 'hex')).toString()).to.equal('signing key')
  })

  it('opens only under its own label and master key, and an empty one too (src/audit/person-key.ts)', () => {
    const wrapped = wrapSecret(KEK, 'token-signing', Buffer.alloc(0))
    expect(unwrapSecret(KEK, 'token-signing', wrapped).length).to.equal(0)
    expect(() => unwrapSecret(KEK, 'cookie', wrapped)).to.throw(Error, '"cookie" cannot be unwrapped')
    expect(() => unwrapSecret(OTHER_KEK, 'token-signing', wrapped)).to.throw(Error, 'cannot be unwrapped')
  })

  it('is never taken for a person key (src/audit/person-key.ts)', () => {
    expect(() => unwrapPersonKey(KEK, ORG, ADA, wrapSecret(KEK, `${ORG}|${ADA}`, KEY))).to.throw(Error)
  })
})

describe('the keys of people', () => {
  it('gives each person another random key of 32 bytes and opens it again (src/audit/person-key.ts)', () => {
    const keys = createPersonKeys({ kek: KEK })
    const [ada, ben] = [keys.create(ORG, ADA), keys.create(ORG, BEN)]
    expect(ada.kekId).to.equal(keys.kekId)
    expect(keys.open(ORG, ADA, ada)?.length).to.equal(32)
    expect(keys.open(ORG, ADA, ada)?.equals(createPersonKeys({ kek: KEK }).open(ORG, ADA, ada)!)).to.equal(true)
    expect(keys.open(ORG, ADA, ada)?.equals(keys.open(ORG, BEN, ben)!)).to.equal(false)
  })

  it('has no key for an erased person, even one it opened before (src/audit/person-key.ts)', () => {
    const keys = createPersonKeys({ kek: KEK })
    keys.open(ORG, ADA, keys.create(ORG, ADA))
    expect(keys.open(ORG, ADA, { kekId: undefined, wrapped: undefined })).to.equal(undefined)
  })

  it('refuses a key wrapped by another master key and names both (src/audit/person-key.ts)', () => {
    const foreign = createPersonKeys({ kek: OTHER_KEK }).create(ORG, ADA)
    const keys = createPersonKeys({ kek: KEK })
    expect(() => keys.open(ORG, ADA, foreign)).to.throw(Error, `master key ${kekIdOf(OTHER_KEK)}, not ${kekIdOf(KEK)}`)
  })

  it('answers right whatever was remembered or dropped (src/audit/person-key.ts)', () => {
    const keys = createPersonKeys({ kek: KEK, cacheSize: 3 })
    const people = Array.from({ length: 8 }, (_, index) => `person-${index}` as typeof ADA)
    const wrapped = people.map((person) => keys.create(ORG, person))
    const expected = people.map((person, index) => unwrapPersonKey(KEK, ORG, person, wrapped[index]!.wrapped!))
    fc.assert(
      fc.property(fc.array(fc.nat(7), { maxLength: 40 }), (order) => {
        for (const index of order) {
          expect(keys.open(ORG, people[index]!, wrapped[index]!)?.equals(expected[index]!)).to.equal(true)
        }
      }),
    )
    expect(() => keys.open(ORG, people[1]!, wrapped[0]!)).to.throw(Error, 'cannot be unwrapped')
  })
})

describe('the sealed personal values of a record', () => {
  const place = { orgId: ORG, recordId: '0190a5f0-0000-7000-8000-0000000000ee', person: ADA }
  const triples = [['/targets/0/display', 'AAECAwQFBgcICQoLDA0ODw', 'Löfgren']] as const

  it('open from what another implementation sealed (NIST SP 800-38D)', () => {
    const sealed = { nonce: Buffer.from(NONCE, 'hex'), ciphertext: Buffer.from(PII, 'hex') }
    expect(openPii(KEY, place, sealed)).to.deep.equal(triples)
  })

  it('open only for their own record, person and key (src/audit/event-pii.ts)', () => {
    const sealed = sealPii(KEY, place, triples)
    expect(openPii(KEY, place, sealed)).to.deep.equal(triples)
    expect(() => openPii(KEY, { ...place, recordId: 'another' }, sealed)).to.throw(Error, 'cannot be opened')
    expect(() => openPii(KEY, { ...place, person: BEN }, sealed)).to.throw(Error, 'cannot be opened')
    expect(() => openPii(KEY, { ...place, orgId: OTHER_ORG }, sealed)).to.throw(Error, 'cannot be opened')
    expect(() => openPii(OTHER_KEK, place, sealed)).to.throw(Error, 'cannot be opened')
  })
})
