import { expect } from 'chai'
import fc from 'fast-check'
import { contentHashOf, GENESIS_HASH, linkHash } from '../../src/audit/chain.ts'
import type { Finding } from '../../src/audit/finding.ts'
import { verifyChain, type VerifyOptions } from '../../src/audit/verify.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import type { RecordReads, StoredRecord } from '../../src/domain/ports.ts'
import type { ChainHead, RecordDraft, SealedRecord } from '../../src/domain/record.ts'
import { ADA, chainOf, headOf, keysFor, NOW, ORG, readsOver, sealer } from './chains.ts'
import { anySteps } from './drafts.ts'

const DRAFT: RecordDraft = {
  action: 'user.create',
  actor: { type: 'idp', id: 'c-1', connectionId: 'c-1' },
  outcome: { result: 'success' },
  request: { id: 'r-1', receivedAt: NOW, started: 0 },
  targets: [{ type: 'user', id: ADA }],
}

function plainChain(length: number): SealedRecord[] {
  return chainOf(Array.from({ length }, (_, index) => ({ draft: DRAFT, time: NOW + index })))
}

async function findingIn(
  rows: readonly StoredRecord[],
  head: ChainHead | undefined,
  options?: VerifyOptions,
): Promise<Finding | undefined> {
  const report = await verifyChain(readsOver(rows, head), ORG, options)
  expect(report.intact).to.equal(report.finding === undefined)
  return report.finding
}

function edited(rows: readonly StoredRecord[], index: number, part: Partial<StoredRecord>): StoredRecord[] {
  return rows.map((row, at) => (at === index ? { ...row, ...part } : row))
}

function bent(bytes: Uint8Array, byte: number, mask: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[byte % copy.length]! ^= mask
  return copy
}

describe('verifying a chain', () => {
  it('finds any chain of sealed records whole, whatever the page size (src/audit/verify.ts)', async () => {
    await fc.assert(
      fc.asyncProperty(anySteps, fc.integer({ min: 1, max: 4 }), async (steps, pageSize) => {
        const rows = chainOf(steps)
        const report = await verifyChain(readsOver(rows, headOf(rows)), ORG, { pageSize })
        expect(report).to.deep.equal({
          orgId: ORG,
          head: headOf(rows),
          records: rows.length,
          intact: true,
          finding: undefined,
          checkpoints: { checked: 0, upTo: 0, provenUpTo: undefined, keys: [], forks: [] },
          purged: undefined,
        })
      }),
    )
  })

  it('finds an edit of any byte of a body, at its record (src/audit/verify.ts)', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySteps,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 127 }),
        async (steps, pick, place, mask) => {
          const rows = chainOf(steps)
          const row = rows[pick % rows.length]!
          const body = Buffer.from(bent(Buffer.from(row.body), place, mask)).toString('utf8')
          const finding = await findingIn(edited(rows, row.seq - 1, { body }), headOf(rows))
          expect(finding).to.deep.equal({ seq: row.seq, kind: 'body edited' })
        },
      ),
    )
  })

  it('finds any changed bit of a hash, at its record (src/audit/verify.ts)', async () => {
    const rows = plainChain(3)
    for (let bit = 0; bit < 256; bit++) {
      const [byte, mask] = [bit >> 3, 1 << (bit & 7)]
      const hash = edited(rows, 1, { hash: bent(rows[1]!.hash, byte, mask) })
      expect(await findingIn(hash, headOf(rows))).to.deep.equal({ seq: 2, kind: 'link broken' })
      const content = edited(rows, 1, { contentHash: bent(rows[1]!.contentHash, byte, mask) })
      expect(await findingIn(content, headOf(rows))).to.deep.equal({ seq: 2, kind: 'body edited' })
    }
  })

  it('finds the first record that does not fit after any swap, deletion or copy (src/audit/verify.ts)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 9 }), fc.nat(), fc.nat(), async (length, one, two) => {
        const rows = plainChain(length)
        const first = one % (length - 1)
        const second = first + 1 + (two % (length - 1 - first))
        const seqsSwapped = edited(edited(rows, first, { seq: second + 1 }), second, { seq: first + 1 })
        const swapped = await findingIn(seqsSwapped, headOf(rows))
        expect(swapped).to.deep.equal({ seq: first + 1, kind: 'link broken' })
        const deleted = await findingIn(
          rows.filter((_, index) => index !== first),
          headOf(rows),
        )
        expect(deleted).to.deep.equal({ seq: first + 1, kind: 'gap' })
        const copied = await findingIn([...rows, rows[first]!], headOf(rows))
        expect(copied).to.deep.equal({ seq: first + 1, kind: 'duplicate' })
      }),
    )
  })

  it('finds a body rewritten with a fitting content hash, by its link (src/audit/verify.ts)', async () => {
    const rows = plainChain(3)
    const body = rows[1]!.body.replace('user.create', 'user.delete')
    const forged = edited(rows, 1, { body, contentHash: contentHashOf(body) })
    expect(await findingIn(forged, headOf(rows))).to.deep.equal({ seq: 2, kind: 'link broken' })
  })

  it('finds a record relinked without the ones after it, at the next one (src/audit/verify.ts)', async () => {
    const rows = plainChain(3)
    const { epoch, seq, time } = rows[1]!
    const body = rows[1]!.body.replace('user.create', 'user.delete')
    const contentHash = contentHashOf(body)
    const hash = linkHash({ org: ORG, epoch, seq, time, prev: rows[0]!.hash, contentHash })
    const forged = edited(rows, 1, { body, contentHash, hash, action: 'user.delete' })
    expect(await findingIn(forged, headOf(rows))).to.deep.equal({ seq: 3, kind: 'link broken' })
  })

  it('finds a changed time or epoch (src/audit/verify.ts)', async () => {
    const rows = plainChain(3)
    const head = headOf(rows)
    expect(await findingIn(edited(rows, 1, { time: NOW }), head)).to.deep.equal({ seq: 2, kind: 'link broken' })
    expect(await findingIn(edited(rows, 1, { time: NOW - 1 }), head)).to.deep.equal({ seq: 2, kind: 'time went back' })
    expect(await findingIn(edited(rows, 1, { time: NaN }), head)).to.deep.equal({ seq: 2, kind: 'link broken' })
    expect(await findingIn(edited(rows, 1, { epoch: 2 }), head)).to.deep.equal({ seq: 2, kind: 'link broken' })
    expect(await findingIn(edited(rows, 2, { epoch: 1.5 }), head)).to.deep.equal({ seq: 3, kind: 'link broken' })
  })

  it('goes on over a raised epoch and refuses a lowered one (src/audit/verify.ts)', async () => {
    const seals = sealer()
    const [first] = plainChain(1)
    const raised = seals.seal(ORG, DRAFT, { ...headOf([first!]), epoch: 2 }, NOW, keysFor(seals, DRAFT))
    expect(await findingIn([first!, raised], headOf([raised]))).to.equal(undefined)
    const lowered = seals.seal(ORG, DRAFT, { ...headOf([raised]), epoch: 1 }, NOW, keysFor(seals, DRAFT))
    const finding = await findingIn([first!, raised, lowered], headOf([lowered]))
    expect(finding).to.deep.equal({ seq: 3, kind: 'link broken' })
  })

  const columns = ['id', 'action', 'result', 'actorType', 'actorId', 'connectionId', 'requestId', 'causeId'] as const
  for (const column of columns) {
    it(`finds a ${column} column that is not the body's, unless only hashes are asked for (src/audit/verify.ts)`, async () => {
      const rows = edited(plainChain(3), 1, { [column]: 'other' })
      const whole = lastOf(rows)
      expect(await findingIn(rows, whole)).to.deep.equal({ seq: 2, kind: 'column differs', column })
      expect(await findingIn(rows, whole, { columns: false })).to.equal(undefined)
    })
  }

  it("finds a chain served as another org's (src/audit/verify.ts)", async () => {
    const rows = plainChain(2)
    const report = await verifyChain(readsOver(rows, headOf(rows)), 'another' as OrgId)
    expect(report.finding).to.deep.equal({ seq: 1, kind: 'link broken' })
  })

  it('finds a body that is no JSON although its hashes fit (src/audit/verify.ts)', async () => {
    const contentHash = contentHashOf('{')
    const hash = linkHash({ org: ORG, epoch: 1, seq: 1, time: NOW, prev: GENESIS_HASH, contentHash })
    const rows = edited(plainChain(1), 0, { body: '{', contentHash, hash })
    expect(await findingIn(rows, lastOf(rows))).to.deep.equal({ seq: 1, kind: 'column differs', column: 'org' })
  })

  it('finds a head that does not name the last record (src/audit/verify.ts)', async () => {
    const rows = plainChain(3)
    const head = headOf(rows)
    const wrong: readonly (readonly [number, ChainHead | undefined])[] = [
      [3, { ...head, hash: bent(head.hash, 0, 1) }],
      [3, { ...head, time: head.time + 1 }],
      [3, { ...head, epoch: 2 }],
      [4, { ...head, seq: 4 }],
      [3, headOf(rows.slice(0, 2))],
      [1, headOf([])],
      [1, undefined],
    ]
    for (const [seq, bad] of wrong) {
      expect(await findingIn(rows, bad)).to.deep.equal({ seq, kind: 'head mismatch' })
    }
  })

  it('finds the newest records cut off while the head still names them (src/audit/verify.ts)', async () => {
    const rows = plainChain(5)
    const head = headOf(rows)
    expect(await findingIn(rows.slice(0, 3), head)).to.deep.equal({ seq: 4, kind: 'head mismatch' })
    expect(await findingIn([], head)).to.deep.equal({ seq: 1, kind: 'head mismatch' })
  })

  it('finds a record slipped in before the first (src/audit/verify.ts)', async () => {
    const rows = plainChain(2)
    const finding = await findingIn([...rows, { ...rows[0]!, seq: 0 }], headOf(rows))
    expect(finding).to.deep.equal({ seq: 0, kind: 'duplicate' })
  })

  it('finds an empty chain whole, and one whose head is not genesis not (src/audit/verify.ts)', async () => {
    expect(await findingIn([], undefined)).to.equal(undefined)
    expect(await findingIn([], headOf([]))).to.equal(undefined)
    const strange = { ...headOf([]), hash: new Uint8Array(32).fill(1) }
    expect(await findingIn([], strange)).to.deep.equal({ seq: 0, kind: 'head mismatch' })
  })

  it('checks up to the head it read first and takes records written meanwhile for no fault (src/audit/verify.ts)', async () => {
    const rows = plainChain(5)
    const heads = [headOf(rows.slice(0, 3)), headOf(rows)]
    const reads: RecordReads = { ...readsOver(rows, undefined), head: () => Promise.resolve(heads.shift()) }
    const report = await verifyChain(reads, ORG, { pageSize: 2 })
    expect(report).to.include({ records: 3, intact: true })
  })

  it('asks for pages of 60 and never for more (src/audit/verify.ts)', async () => {
    const rows = plainChain(150)
    const reads = readsOver(rows, headOf(rows))
    const asked: (readonly [number, number])[] = []
    const watched: RecordReads = {
      ...reads,
      async links(org, after, upTo, limit) {
        const page = await reads.links(org, after, upTo, limit)
        asked.push([limit, page.length])
        return page
      },
    }
    expect((await verifyChain(watched, ORG)).records).to.equal(150)
    expect(asked).to.deep.equal([
      [60, 60],
      [60, 60],
      [60, 30],
      [1, 0],
    ])
  })
})

function lastOf(rows: readonly StoredRecord[]): ChainHead {
  const { epoch, seq, time, hash } = rows.at(-1)!
  return { epoch, seq, time, hash }
}
