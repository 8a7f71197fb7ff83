import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import { sql } from 'kysely'
import { accessReport } from '../../src/audit/access-report.ts'
import { exportLog } from '../../src/audit/export-log.ts'
import { heldDigest } from '../../src/audit/held-digest.ts'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import { createPack } from '../../src/audit/pack.ts'
import { replayLog } from '../../src/audit/replay.ts'
import { verifyPack } from '../../src/audit/verify-pack.ts'
import { verifyChain, type VerifyReport } from '../../src/audit/verify.ts'
import { writeCheckpoints } from '../../src/audit/write-checkpoints.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { Checkpoint } from '../../src/domain/checkpoint.ts'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import type { UnitOfWork } from '../../src/domain/ports.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { placeHold, releaseHold } from '../../src/provisioning/legal-holds.ts'
import { changedState } from '../../src/provisioning/person-draft.ts'
import { beginPurge, finishPurge } from '../../src/provisioning/purge-log.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { checkpointParts, freshLogKey } from '../support/log-store.ts'
import { actionsOf, foundTenant, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('a log that is purged (src/provisioning/purge-log.ts)', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller
  let outside: Checkpoint[]
  let people: UserId[]
  const key = freshLogKey()
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-purge-'))

  before(async () => {
    test = await openTestStore(dialect)
  })
  // Records 1 to 8: two of the org, five people, one of them deactivated; signed at 8 and, after one more, at 9.
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = operatorOf(tenant.orgId)
    outside = []
    people = []
    for (let n = 0; n < 5; n++) people.push((await tenant.user(`person-${n}`)).id)
    await deactivate(people[0]!)
    await sign()
    await tenant.user('later')
    await sign()
  })
  after(async () => {
    await test.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const sign = () => writeCheckpoints(checkpointParts(test, key, outside), true)
  const deactivate = (id: UserId, by: Caller = admin) =>
    changeUser(tenant.provisioning, by, id, {
      method: 'PATCH',
      change: (state) => changedState(state, { active: false }),
    }).durable

  async function begin(upTo: number): Promise<void> {
    const { records, history } = test.store.reads
    const [last] = await records.page(tenant.orgId, upTo - 1, upTo, 1)
    const hash = Buffer.from(last!.hash).toString('hex')
    const access = await heldDigest(history, tenant.orgId, upTo)
    await beginPurge(tenant.provisioning, admin, { upTo, hash, count: upTo - 1, pack: 'ab', access }).durable
  }

  async function verified(): Promise<VerifyReport> {
    const { records, checkpoints } = test.store.reads
    const own = outside.filter(({ orgId }) => orgId === tenant.orgId)
    const known = [...(await checkpoints.all(tenant.orgId)), ...own]
    return verifyChain(records, tenant.orgId, { checkpoints: known, trusted: [key.keyId], stretch: 3 })
  }

  async function replayed({ head, purged }: VerifyReport) {
    const { records, replay, history } = test.store.reads
    const begun = purged && { held: purged.access, history }
    const values = createValueOpener(test.kek, records)
    const range = { after: purged?.upTo ?? 0, upTo: head?.seq ?? 0 }
    return replayLog({ records, replay, values, begun }, tenant.orgId, range)
  }

  const count = async (table: string, seq: string): Promise<number> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}
      where org_id = ${tenant.orgId} and ${sql.ref(seq)} < 8`.execute(test.connections.reader)
    return Number(rows[0]!.n)
  }

  it('verifies and replays from the record it begins at, with checkpoints of before', async () => {
    expect((await verified()).records).to.equal(9)
    await begin(8)
    expect(await verified(), 'begun').to.deep.include({ intact: true, records: 2 })
    expect(await finishPurge(tenant.provisioning, tenant.orgId)).to.include({ upTo: 8, seq: 10, done: true })
    for (const [table, seq] of [
      ['provisioning_event', 'seq'],
      ['event_pii', 'seq'],
      ['event_target', 'seq'],
    ] as const) {
      expect(await count(table, seq), table).to.equal(0)
    }
    expect(await count('access_period', 'to_seq'), 'ended before').to.equal(0)
    await tenant.user('after')
    await deactivate(people[1]!)
    const report = await verified()
    expect(report).to.deep.include({ intact: true, records: 4, finding: undefined })
    expect(report.purged).to.include({ upTo: 8 })
    expect(report.checkpoints.checked).to.equal(2)
    expect(await replayed(report)).to.deep.include({ records: 4, finding: undefined })
    expect(await finishPurge(tenant.provisioning, tenant.orgId)).to.equal(undefined)
  })

  it('refuses what was before, exports what is there, and makes packs that verify', async () => {
    const early = (await test.store.reads.records.page(tenant.orgId, 2, 3, 1))[0]!.time - 60_000
    await begin(8)
    await finishPurge(tenant.provisioning, tenant.orgId)
    const { history, records } = test.store.reads
    const asked = accessReport(history, tenant.orgId, { at: early, of: { everybody: true } })
    expect(await refusal(asked)).to.equal('invalid-value log.purged')
    let lines = ''
    const request = { orgId: tenant.orgId, form: 'ndjson', query: {}, values: undefined, bom: false } as const
    for await (const piece of exportLog(records, request)) lines += piece
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { seq: number }).seq),
    ).to.deep.equal([9, 10])
    const file = join(folder, `${dialect}.zip`)
    const pack = { orgId: tenant.orgId, orgName: 'x', query: {}, values: undefined, by: 'cli' }
    await pipeline(await createPack(checkpointParts(test, key), pack), createWriteStream(file))
    expect(await verifyPack(file, [key.keyId])).to.include({ intact: true, kind: 'full', records: 2, stubs: 1 })
  })

  it('C07: is not purged while a hold stands on it, which the log says', async () => {
    const hold = async (draft: object) =>
      (await placeHold(tenant.provisioning, admin, { reason: 'x', ...draft }).durable).id
    for (const draft of [{}, { person: people[2] }, { fromSeq: 3, toSeq: 4 }]) {
      const id = await hold(draft)
      expect(await refusal(begin(8))).to.equal('uniqueness hold.stands')
      await releaseHold(tenant.provisioning, admin, id).durable
    }
    const last = (await actionsOf(test, tenant.orgId)).filter((action) => action === 'log.purge')
    expect(last).to.have.length(1)
    await hold({ fromSeq: 9 })
    await begin(8)
    expect(await refusal(begin(9))).to.equal('uniqueness purge.unfinished')
  })

  it('C07: is not purged a second time while a hold stands on the record it begins at', async () => {
    await begin(8)
    await finishPurge(tenant.provisioning, tenant.orgId)
    for (const draft of [{ fromSeq: 8, toSeq: 8 }, { person: people[0]! }]) {
      const hold = await placeHold(tenant.provisioning, admin, { reason: 'x', ...draft }).durable
      // What was signed at 9 ends before the records of this hold and of the ones before.
      expect(await refusal(begin(9))).to.equal('uniqueness hold.stands')
      await releaseHold(tenant.provisioning, admin, hold.id).durable
    }
    await begin(9)
  })

  it('C07: is not purged either where the person on hold only did something', async () => {
    await begin(8)
    await finishPurge(tenant.provisioning, tenant.orgId)
    await sign()
    const actor = (await test.store.reads.users.find(tenant.orgId, people[2]!))!
    await deactivate(people[1]!, personOf(tenant.orgId, actor, { isOrgAdmin: true }))
    const { id } = await placeHold(tenant.provisioning, admin, { reason: 'x', person: people[2]! }).durable
    expect(await refusal(begin(11))).to.equal('uniqueness hold.stands')
    await releaseHold(tenant.provisioning, admin, id).durable
    await begin(11)
  })

  it('goes on where it was cut off', async () => {
    await begin(8)
    let left = 2
    const cut: UnitOfWork = {
      ...tenant.provisioning.work,
      submit(orgId, unit, onRefusal) {
        if (left-- === 0) throw new Error('cut off')
        return tenant.provisioning.work.submit(orgId, unit, onRefusal)
      },
    }
    for (let rounds = 0; rounds < 3; rounds++) {
      left = 2 + rounds
      await finishPurge({ work: cut }, tenant.orgId).catch(() => undefined)
      expect((await verified()).finding, `after ${rounds}`).to.equal(undefined)
    }
    expect(await finishPurge(tenant.provisioning, tenant.orgId)).to.include({ done: true })
    expect((await replayed(await verified())).finding).to.equal(undefined)
    await sign()
    await begin(10)
    await finishPurge(tenant.provisioning, tenant.orgId)
    expect(await verified(), 'once more').to.deep.include({ intact: true, records: 1 })
  })

  it('still knows what was said of people since', async () => {
    await begin(8)
    await finishPurge(tenant.provisioning, tenant.orgId)
    const [, person] = people
    await changeUser(tenant.provisioning, admin, person!, {
      method: 'PATCH',
      change: (state) => ({ ...state, attributes: { ...state.attributes, nickName: 'nick' } }),
    }).durable
    const report = await verified()
    expect(await replayed(report)).to.deep.include({ people: 6, finding: undefined })
    await sql`update "user" set body = replace(body, '"nick"', '"nock"') where org_id = ${tenant.orgId}`.execute(
      test.connections.writer,
    )
    const { finding } = await replayed(report)
    expect(finding).to.deep.equal({ seq: 11, table: 'user', person, column: 'nickName' })
  })

  it('cannot be cut short by whoever owns the database', async () => {
    const { writer } = test.connections
    const org: OrgId = tenant.orgId
    await sql`delete from provisioning_event where org_id = ${org} and seq < 5`.execute(writer)
    expect((await verified()).finding).to.deep.equal({ seq: 1, kind: 'gap' })
    await sql`insert into log_purge values (${org}, 5, 9, 1, 1)`.execute(writer)
    expect((await verified()).finding).to.deep.equal({ seq: 1, kind: 'gap' })
  })

  it('shows records put before it, and access that was not held where it begins', async () => {
    const { writer } = test.connections
    await begin(8)
    await finishPurge(tenant.provisioning, tenant.orgId)
    const report = await verified()
    await sql`update access_period set value = 'admin' where org_id = ${tenant.orgId} and user_id = ${people[3]}
      and kind = 'org_role'`.execute(writer)
    expect((await replayed(report)).finding).to.deep.equal({ seq: 8, table: 'access_period' })
    await sql`insert into provisioning_event select org_id, 3, epoch, time_ms, 'copied', action, result, actor_type,
      actor_id, connection_id, request_id, cause_id, body, content_hash, hash from provisioning_event
      where org_id = ${tenant.orgId} and seq = 9`.execute(writer)
    expect((await verified()).finding).to.deep.equal({ seq: 3, kind: 'duplicate' })
  })
})
