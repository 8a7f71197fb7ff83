import { expect } from 'chai'
import { sql } from 'kysely'
import { checkpointFacts, checkpointLine, isSigned, readCheckpointLine } from '../../src/audit/checkpoint.ts'
import type { Finding } from '../../src/audit/finding.ts'
import { verifyChain, type VerifyReport } from '../../src/audit/verify.ts'
import { adoptLogKey, writeCheckpoints } from '../../src/audit/write-checkpoints.ts'
import type { Checkpoint } from '../../src/domain/checkpoint.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { acceptFork } from '../../src/provisioning/accept-fork.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { databaseFile } from '../../src/storage/store.ts'
import { createVerifyThreads, type VerifyThreads } from '../../src/verify-threads.ts'
import { checkpointParts, freshLogKey, relink, signAll, unguard } from '../support/log-store.ts'
import { foundTenant, operation, type Tenant } from '../support/tenant.ts'

/** Records of the org each attack is made on: two from its making, then one a person. */
const PEOPLE = 8

interface Attack {
  readonly title: string
  /** Runs as whoever owns the database; `org` has records 1 to 10, checkpoints at 6, 8 and 10. */
  readonly run: (test: TestStore, org: OrgId) => Promise<unknown>
  /** What is found with only what the store holds. */
  readonly within: Finding | undefined
  /** What is found with the checkpoints kept outside and the key known, where that is more. */
  readonly outside?: Finding
  /** What is kept outside makes good what was taken. */
  readonly cured?: true
}

const ATTACKS: readonly Attack[] = [
  {
    title: 'a byte of a record edited',
    run: ({ connections: { writer } }, org) =>
      sql`update provisioning_event set body = replace(body, '"user.create"', '"user.delete"') where org_id = ${org} and seq = 4`.execute(
        writer,
      ),
    within: { seq: 4, kind: 'body edited' },
  },
  {
    title: 'a search column edited, so that the console would find something else',
    run: ({ connections: { writer } }, org) =>
      sql`update provisioning_event set action = 'user.read' where org_id = ${org} and seq = 4`.execute(writer),
    within: { seq: 4, kind: 'column differs', column: 'action' },
  },
  {
    title: 'the time of a record moved',
    run: ({ connections: { writer } }, org) =>
      sql`update provisioning_event set time_ms = time_ms + 1 where org_id = ${org} and seq = 10`.execute(writer),
    within: { seq: 10, kind: 'link broken' },
  },
  {
    title: 'a record deleted',
    run: ({ connections: { writer } }, org) =>
      sql`delete from provisioning_event where org_id = ${org} and seq = 5`.execute(writer),
    within: { seq: 5, kind: 'gap' },
  },
  {
    title: 'a record deleted and the later ones moved up',
    async run({ connections: { writer } }, org) {
      await sql`delete from provisioning_event where org_id = ${org} and seq = 5`.execute(writer)
      for (let seq = 6; seq <= 10; seq++) {
        await sql`update provisioning_event set seq = ${seq - 1} where org_id = ${org} and seq = ${seq}`.execute(writer)
      }
    },
    within: { seq: 5, kind: 'link broken' },
  },
  {
    title: 'two records swapped',
    async run({ connections: { writer } }, org) {
      const to = (from: number, seq: number) =>
        sql`update provisioning_event set seq = ${seq} where org_id = ${org} and seq = ${from}`.execute(writer)
      await to(4, 99)
      await to(6, 4)
      await to(99, 6)
    },
    within: { seq: 4, kind: 'link broken' },
  },
  {
    title: 'a record slipped in behind the newest',
    run: ({ connections: { writer } }, org) =>
      sql`insert into provisioning_event select org_id, 11, epoch, time_ms, 'copied', action, result, actor_type, actor_id,
        connection_id, request_id, cause_id, body, content_hash, hash from provisioning_event
        where org_id = ${org} and seq = 10`.execute(writer),
    within: { seq: 11, kind: 'head mismatch' },
  },
  {
    title: 'a record slipped in between others, which moved down',
    async run({ connections: { writer } }, org) {
      for (let seq = 10; seq >= 5; seq--) {
        await sql`update provisioning_event set seq = ${seq + 1} where org_id = ${org} and seq = ${seq}`.execute(writer)
      }
      await sql`insert into provisioning_event select org_id, 5, epoch, time_ms, 'copied', action, result, actor_type,
        actor_id, connection_id, request_id, cause_id, body, content_hash, hash from provisioning_event
        where org_id = ${org} and seq = 4`.execute(writer)
    },
    within: { seq: 5, kind: 'link broken' },
  },
  {
    title: 'the newest records cut off',
    run: ({ connections: { writer } }, org) =>
      sql`delete from provisioning_event where org_id = ${org} and seq > 7`.execute(writer),
    within: { seq: 8, kind: 'shorter than checkpoint', checkpoint: 10 },
  },
  {
    title: 'the newest records cut off, the head set back and their checkpoint removed',
    async run(test, org) {
      const { writer } = test.connections
      await sql`delete from provisioning_event where org_id = ${org} and seq > 7`.execute(writer)
      await sql`delete from checkpoint where org_id = ${org} and seq > 7`.execute(writer)
      await relink(test, org)
    },
    within: undefined,
    outside: { seq: 8, kind: 'shorter than checkpoint', checkpoint: 10 },
  },
  {
    title: 'a record changed and the whole chain computed anew',
    async run(test, org) {
      await sql`update provisioning_event set body = replace(body, '"success"', '"failure"'), result = 'failure'
        where org_id = ${org} and seq = 4`.execute(test.connections.writer)
      await relink(test, org)
    },
    within: { seq: 6, kind: 'checkpoint differs' },
  },
  {
    title: 'the whole chain computed anew and the checkpoints removed',
    async run(test, org) {
      await sql`delete from provisioning_event where org_id = ${org} and seq = 10`.execute(test.connections.writer)
      await sql`delete from checkpoint where org_id = ${org}`.execute(test.connections.writer)
      await relink(test, org)
    },
    within: undefined,
    outside: { seq: 10, kind: 'shorter than checkpoint', checkpoint: 10 },
  },
  {
    title: "the whole chain computed anew and signed with the forger's own key",
    async run(test, org) {
      await sql`update provisioning_event set body = replace(body, '"success"', '"failure"'), result = 'failure'
        where org_id = ${org} and seq = 4`.execute(test.connections.writer)
      await sql`delete from checkpoint where org_id = ${org}`.execute(test.connections.writer)
      await relink(test, org)
      await signAll(test, freshLogKey())
    },
    within: undefined,
    outside: { seq: 6, kind: 'checkpoint differs' },
  },
  {
    title: 'a checkpoint edited',
    run: ({ connections: { writer } }, org) =>
      sql`update checkpoint set body = replace(body, '"seq":6', '"seq":7'), seq = 7 where org_id = ${org} and seq = 6`.execute(
        writer,
      ),
    within: { seq: 7, kind: 'bad signature' },
  },
  {
    title: 'a checkpoint said to be signed with another key',
    run: ({ connections: { writer } }, org) =>
      sql`update checkpoint set key_id = ${freshLogKey().keyId} where org_id = ${org} and seq = 8`.execute(writer),
    within: { seq: 8, kind: 'bad signature' },
  },
  {
    title: 'the signature of a checkpoint put under another',
    run: ({ connections: { writer } }, org) =>
      sql`update checkpoint set signature = (select c.signature from checkpoint c where c.org_id = ${org} and c.seq = 6)
        where org_id = ${org} and seq = 8`.execute(writer),
    within: { seq: 8, kind: 'bad signature' },
  },
  {
    title: 'a checkpoint taken out from between others',
    run: ({ connections: { writer } }, org) =>
      sql`delete from checkpoint where org_id = ${org} and seq = 8`.execute(writer),
    within: { seq: 10, kind: 'checkpoint missing' },
    cured: true,
  },
]

forEachDialect('tamper evidence (R18)', (dialect) => {
  let test: TestStore
  let threads: VerifyThreads
  const key = freshLogKey()

  before(async () => {
    test = await openTestStore(dialect)
    await unguard(test)
    const thread = new URL('../support/verify-thread.mjs', import.meta.url)
    threads = createVerifyThreads({ databaseUrl: test.databaseUrl, file: databaseFile(test.dataDir) }, thread)
  })
  after(async () => {
    await threads.close()
    await test.close()
  })

  async function tenantWithCheckpoints(): Promise<{ tenant: Tenant; outside: Checkpoint[] }> {
    const tenant = await foundTenant(test)
    const outside: Checkpoint[] = []
    for (let n = 0; n < PEOPLE; n++) {
      await tenant.user(`person-${n}`)
      if ([3, 5, 7].includes(n)) await writeCheckpoints(checkpointParts(test, key, outside), true)
    }
    return { tenant, outside: outside.filter(({ orgId }) => orgId === tenant.orgId) }
  }

  async function verified(
    org: OrgId,
    more: readonly Checkpoint[] = [],
    trusted: readonly string[] = [],
  ): Promise<VerifyReport> {
    const { records, checkpoints } = test.store.reads
    const options = { checkpoints: [...(await checkpoints.all(org)), ...more], trusted }
    const report = await verifyChain(records, org, options)
    for (const stretch of [1, 3]) {
      const inStretches = await verifyChain(records, org, { ...options, threads, stretch })
      expect(inStretches, `in stretches of ${stretch}`).to.deep.equal(report)
    }
    return report
  }

  it('finds an untouched log intact, and its signer proven where the key is known', async () => {
    const { tenant, outside } = await tenantWithCheckpoints()
    const plain = await verified(tenant.orgId)
    expect(plain).to.deep.include({ records: 10, intact: true, finding: undefined })
    expect(plain.checkpoints).to.deep.equal({
      checked: 3,
      upTo: 10,
      provenUpTo: undefined,
      keys: [key.keyId],
      forks: [],
    })
    const proven = await verified(tenant.orgId, outside, [key.keyId])
    expect(proven.intact).to.equal(true)
    expect(proven.checkpoints).to.include({ checked: 3, provenUpTo: 10 })
  })

  it('is checked by threads in stretches, and by one alone where none can be had', async () => {
    const { tenant } = await tenantWithCheckpoints()
    const { orgId } = tenant
    const asked = { orgId, columns: true, marked: [6], pageSize: 2, fromBelow: false }
    const report = await threads.verify({ ...asked, after: 4, upTo: 9 })
    expect(report).to.deep.include({ records: 5, finding: undefined })
    expect(report?.passed.map(({ seq }) => seq)).to.deep.equal([6])
    expect(await threads.verify({ ...asked, after: 11, upTo: 12 })).to.equal(undefined)
    const nowhere = createVerifyThreads(
      { databaseUrl: test.databaseUrl, file: databaseFile(test.dataDir) },
      new URL('./nowhere.mjs', import.meta.url),
    )
    const alone = await verifyChain(test.store.reads.records, orgId, { threads: nowhere, stretch: 3 })
    await nowhere.close()
    expect(alone).to.deep.include({ intact: true, records: 10 })
  })

  for (const attack of ATTACKS) {
    it(`names ${attack.title}`, async () => {
      const { tenant, outside } = await tenantWithCheckpoints()
      await attack.run(test, tenant.orgId)
      expect((await verified(tenant.orgId)).finding, 'within').to.deep.equal(attack.within)
      const fromOutside = await verified(tenant.orgId, outside, [key.keyId])
      if (attack.outside !== undefined || attack.within === undefined) {
        expect(fromOutside.finding, 'from outside').to.deep.equal(attack.outside)
      } else expect(fromOutside.intact).to.equal(attack.cured === true)
    })
  }

  it('names a signature by a key that is not the known one', async () => {
    const { tenant } = await tenantWithCheckpoints()
    const other = freshLogKey()
    const { finding } = await verified(tenant.orgId, [], [other.keyId])
    expect(finding).to.deep.equal({ seq: 6, kind: 'untrusted key', key: key.keyId })
  })

  it('trusts a new key that the known one vouched for, and names one that nobody vouched for', async () => {
    const { tenant } = await tenantWithCheckpoints()
    const { orgId } = tenant
    const next = freshLogKey()
    const append = (org: OrgId, draft: Parameters<Parameters<typeof adoptLogKey>[2]>[1]) =>
      test.store.work.submit(org, ({ journal }) => journal.append(org, draft)).durable
    const mayWrite = (org: OrgId): boolean => org === orgId
    await adoptLogKey({ ...checkpointParts(test, next), mayWrite }, key, append)
    await tenant.user('later')
    await signAll(test, next)
    for (const known of [key, next]) {
      const report = await verified(orgId, [], [known.keyId])
      expect(report).to.deep.include({ intact: true, records: 12 })
      expect(report.checkpoints).to.include({ provenUpTo: 12, checked: 6 })
    }
    const thief = freshLogKey()
    await adoptLogKey({ ...checkpointParts(test, thief), mayWrite }, undefined, append)
    expect((await verified(orgId, [], [key.keyId])).finding).to.deep.equal({
      seq: 13,
      kind: 'untrusted key',
      key: thief.keyId,
    })
  })

  it('takes a branch that was knowingly given up for no fault, and one beyond what was known for one', async () => {
    const { tenant, outside } = await tenantWithCheckpoints()
    const { orgId } = tenant
    const { writer } = test.connections
    await sql`delete from provisioning_event where org_id = ${orgId} and seq > 7`.execute(writer)
    await sql`delete from checkpoint where org_id = ${orgId} and seq > 7`.execute(writer)
    await relink(test, orgId)
    const lost = (index: number) => {
      const { epoch, seq, hash } = checkpointFacts(outside[index]!.body)!
      return { epoch, seq, hash }
    }
    const accept = (index: number) =>
      acceptFork(tenant.provisioning, operation(), orgId, {
        action: 'log.fork',
        lost: lost(index),
        reason: 'disk lost',
      }).durable
    await accept(1)
    expect((await verified(orgId, outside, [key.keyId])).finding).to.deep.equal({
      seq: 9,
      kind: 'shorter than checkpoint',
      checkpoint: 10,
    })
    await accept(2)
    await tenant.user('after')
    await signAll(test, key)
    const report = await verified(orgId, outside, [key.keyId])
    expect(report).to.deep.include({ intact: true, records: 10 })
    expect(report.checkpoints.forks.map(({ seq, epoch }) => [seq, epoch])).to.deep.equal([
      [8, 2],
      [9, 3],
    ])
  })

  it('takes a store put back to what it was before its first checkpoint, once that was accepted, and no gap in an epoch', async () => {
    const { tenant, outside } = await tenantWithCheckpoints()
    const { orgId } = tenant
    const { writer } = test.connections
    await sql`delete from provisioning_event where org_id = ${orgId} and seq > 4`.execute(writer)
    await sql`delete from checkpoint where org_id = ${orgId}`.execute(writer)
    await relink(test, orgId)
    const whole = () => verified(orgId, outside, [key.keyId])
    expect((await whole()).finding).to.deep.equal({ seq: 5, kind: 'shorter than checkpoint', checkpoint: 10 })
    const { epoch, seq, hash } = checkpointFacts(outside.at(-1)!.body)!
    const decision = { action: 'log.fork', lost: { epoch, seq, hash }, reason: 'disk lost' } as const
    await acceptFork(tenant.provisioning, operation(), orgId, decision).durable
    await tenant.user('after')
    outside.push(...(await signAll(test, key)).filter((signed) => signed.orgId === orgId))
    for (const report of [await whole(), await verified(orgId)]) {
      expect(report).to.deep.include({ intact: true, records: 6 })
    }
    // Who removes the checkpoints of the epoch that goes on is seen as ever.
    await sql`delete from checkpoint where org_id = ${orgId}`.execute(writer)
    await tenant.user('later')
    await signAll(test, key)
    expect((await whole()).finding).to.deep.equal({ seq: 7, kind: 'checkpoint missing' })
  })

  it('signs a checkpoint every thousand records and none twice, however often it is asked', async () => {
    const { orgId } = await foundTenant(test)
    const draft = {
      action: 'test.fill',
      actor: { type: 'system' },
      outcome: { result: 'success' },
      targets: [],
    } as const
    await test.store.work.submit(orgId, async ({ journal }) => {
      for (let n = 2; n < 2_500; n++) await journal.append(orgId, draft)
    }).durable
    const outside: Checkpoint[] = []
    for (let round = 0; round < 2; round++) await writeCheckpoints(checkpointParts(test, key, outside), false)
    const own = outside.filter((checkpoint) => checkpoint.orgId === orgId)
    expect(own.map(({ seq }) => seq)).to.deep.equal([1_000, 2_000, 2_500])
    expect((await verified(orgId)).checkpoints).to.include({ checked: 3, upTo: 2_500 })
  })

  it('reads back the line it writes of a checkpoint, refuses a damaged one and passes over others', async () => {
    const { outside } = await tenantWithCheckpoints()
    const line = checkpointLine(outside[0]!)
    const back = readCheckpointLine(line)!
    expect(back).to.deep.include({ orgId: outside[0]!.orgId, seq: 6, body: outside[0]!.body })
    expect(isSigned(back)).to.equal(true)
    expect(isSigned(readCheckpointLine(line.replace('\\"seq\\":6', '\\"seq\\":5'))!)).to.equal(false)
    expect(readCheckpointLine('{"level":"info","msg":"ready"}')).to.equal(undefined)
    for (const bad of [line.slice(0, -9), '{"checkpoint":"x"}', line.replace('"key"', '"kee"')]) {
      expect(() => readCheckpointLine(bad)).to.throw(Error)
    }
  })
})
