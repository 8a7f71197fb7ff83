import { expect } from 'chai'
import { createAuthFailureTally, sourceOf } from '../../src/audit/auth-failure-tally.ts'
import { MAX_BODY_BYTES } from '../../src/audit/record-sealer.ts'
import { SYSTEM_ORG } from '../../src/audit/system-org.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { GENESIS, NOW, ORG, sealer } from './chains.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 1)

describe('the tally of failed authentication', () => {
  it('makes one record a minute in the system org, counted by source (src/audit/auth-failure-tally.ts)', () => {
    const tally = createAuthFailureTally()
    tally.unauthenticated('192.0.2.1', NOW)
    tally.unauthenticated('192.0.2.1', NOW + 1)
    tally.unauthenticated('2001:db8::1', NOW + 2)
    tally.unauthenticated('192.0.2.1', START + MINUTE)
    expect(tally.due(START + MINUTE - 1)).to.deep.equal([])
    expect(tally.due(START + MINUTE)).to.deep.equal([
      {
        orgId: SYSTEM_ORG,
        draft: {
          action: 'credential.refuse',
          actor: { type: 'system' },
          outcome: {
            result: 'refused',
            status: 401,
            reason: 'credential.refused',
            params: {
              count: 3,
              minute: '2026-01-01T00:00:00.000Z',
              other: 0,
              sources: [
                { source: '192.0.2.1/32', count: 2 },
                { source: '2001:db8:0:0::/64', count: 1 },
              ],
            },
          },
          targets: [],
        },
      },
    ])
    expect(tally.drain().length).to.equal(1)
    expect(tally.drain()).to.deep.equal([])
  })

  it('writes into the org of a known token that is no longer good (src/audit/auth-failure-tally.ts)', () => {
    const tally = createAuthFailureTally()
    tally.unauthenticated('192.0.2.1', NOW, ORG)
    tally.unauthenticated('192.0.2.1', NOW)
    expect(tally.drain().map(({ orgId }) => orgId)).to.deep.equal([ORG, SYSTEM_ORG])
  })

  it('names 1,000 sources and counts the rest as other, in a record under 64 KiB (src/audit/auth-failure-tally.ts)', () => {
    const tally = createAuthFailureTally()
    for (let i = 0; i < 1500; i++) {
      const source = `2001:db8:${(0xf000 + i).toString(16)}:ffff::1`
      for (let again = 0; again < 3; again++) tally.unauthenticated(source, NOW)
    }
    const [due] = tally.drain()
    expect(due?.draft.outcome.params).to.include({ count: 4500, other: 1500 })
    expect(due?.draft.outcome.params?.['sources']).to.have.length(1000)
    const { body } = sealer().seal(SYSTEM_ORG, due!.draft, GENESIS, NOW, new Map())
    expect(Buffer.byteLength(body)).to.be.lessThan(MAX_BODY_BYTES)
    tally.unauthenticated('192.0.2.1', NOW)
    expect(tally.drain()[0]?.draft.outcome.params).to.include({ count: 1, other: 0 })
  })

  it('counts orgs beyond 1,000 a minute in the system org (src/audit/auth-failure-tally.ts)', () => {
    const tally = createAuthFailureTally()
    for (let i = 0; i < 1002; i++) tally.unauthenticated('192.0.2.1', NOW, `org-${i}` as OrgId)
    const drafts = tally.drain()
    expect(drafts.length).to.equal(1001)
    expect(drafts.at(-1)?.orgId).to.equal(SYSTEM_ORG)
    expect(drafts.at(-1)?.draft.outcome.params).to.include({ count: 2 })
  })

  const sources: readonly (readonly [string | undefined, string])[] = [
    ['192.0.2.1', '192.0.2.1/32'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::FFFF:c000:0201', '192.0.2.1/32'],
    ['2001:DB8:0001:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3::192.0.2.1', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['not an address', 'unknown'],
    ['', 'unknown'],
    [undefined, 'unknown'],
  ]
  for (const [ip, source] of sources) {
    it(`counts ${ip ?? 'no address'} for ${source} (RFC 4291 §2.2)`, () => {
      expect(sourceOf(ip)).to.equal(source)
    })
  }
})
