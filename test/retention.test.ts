import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { verifyPack } from '../src/audit/verify-pack.ts'
import { verifyChain } from '../src/audit/verify.ts'
import { createCheckpointing, type Checkpointing } from '../src/checkpointing.ts'
import type { Caller } from '../src/domain/caller.ts'
import { changeOrgSettings } from '../src/provisioning/change-org-settings.ts'
import { placeHold, releaseHold } from '../src/provisioning/legal-holds.ts'
import { beginPurge } from '../src/provisioning/purge-log.ts'
import { createRetention, type Retention } from '../src/retention.ts'
import { operatorOf } from './support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from './support/databases.ts'
import { openedLog } from './support/log-store.ts'
import { actionsOf, foundTenant, type Tenant } from './support/tenant.ts'

const DAY = 86_400_000

forEachDialect('records that are older than an org keeps (src/retention.ts)', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller
  let checkpoints: Checkpointing
  let log: ReturnType<typeof openedLog>
  let folder: string
  let warned: string[]
  let retention: Retention

  before(async () => {
    test = await openTestStore(dialect)
    log = openedLog(test)
    checkpoints = createCheckpointing({ opened: { store: test.store, ...log }, file: undefined, logger: undefined })
  })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-retention-'))
    warned = []
    tenant = await foundTenant(test)
    admin = operatorOf(tenant.orgId)
    await tenant.user('ann')
    await checkpoints.write(true)
    retention = retaining(folder)
  })
  afterEach(async () => {
    // What an org keeps is applied to all of them.
    await keep(null)
    rmSync(folder, { recursive: true, force: true })
  })
  after(() => test.close())

  function retaining(packs: string | undefined): Retention {
    const logger = {
      info: () => undefined,
      warn: (facts: { readonly orgId: string; readonly why: string }) => warned.push(facts.why),
    } as never
    return createRetention({
      ...{ store: test.store, tally: tenant.tally, checkpoints, values: log.values, folder: packs, logger },
    })
  }

  const keep = (days: number | string | null) =>
    changeOrgSettings(tenant.provisioning, admin, { settings: { 'log.keepDays': days } }).durable
  const inDays = (days: number): number => Date.now() + days * DAY
  const purged = () => test.store.reads.records.purged(tenant.orgId)
  const actions = () => actionsOf(test, tenant.orgId)

  async function verified() {
    const { records, checkpoints: signed } = test.store.reads
    return verifyChain(records, tenant.orgId, {
      checkpoints: await signed.all(tenant.orgId),
      trusted: [log.logKey.keyId],
    })
  }

  it('stay for ever, unless an admin says for how many days', async () => {
    const before = await actions()
    await retention.apply(inDays(40_000))
    expect(await actions()).to.deep.equal(before)
    for (const wrong of [29, 36_501, 30.5, '90', 0]) {
      const error = await keep(wrong).catch((thrown: unknown) => thrown as Error)
      expect((error as Error).message, String(wrong)).to.include('log.keepDays: it is a whole number from 30 to 36')
    }
    expect([...warned, ...readdirSync(folder)]).to.deep.equal([])
  })

  it('go into an evidence pack in the folder, once a day, and those of another org stay', async () => {
    const other = await foundTenant(test)
    await keep(30)
    await checkpoints.write(true)
    const { seq } = (await test.store.reads.records.head(tenant.orgId))!
    await retention.apply(inDays(29))
    expect(await purged()).to.equal(undefined)
    await retention.apply(inDays(31))
    expect(await purged()).to.include({ upTo: seq, done: true })
    expect(await test.store.reads.records.purged(other.orgId)).to.equal(undefined)
    const [file, ...more] = readdirSync(folder)
    expect(more).to.deep.equal([])
    expect(file).to.match(new RegExp(`^${tenant.orgId}-1-${seq}-`))
    expect(statSync(join(folder, file!)).mode & 0o777).to.equal(0o600)
    const pack = await verifyPack(join(folder, file!), [log.logKey.keyId])
    expect(pack).to.include({ intact: true, kind: 'full', records: seq, proven: true })
    const report = await verified()
    expect(report).to.include({ intact: true, finding: undefined })
    expect(report.checkpoints.provenUpTo, 'the purge is signed before anything goes').to.be.greaterThan(seq + 1)
    const records = await test.store.reads.records.tail(tenant.orgId, 10)
    expect(records.map(({ action, actorType }) => [action, actorType]).slice(1)).to.deep.equal([
      ['log.export', 'system'],
      ['log.purge', 'system'],
    ])
    await tenant.user('bob')
    await checkpoints.write(true)
    await retention.apply(inDays(31.5))
    expect(readdirSync(folder), 'once a day').to.have.length(1)
    await retention.apply(inDays(63))
    expect(readdirSync(folder)).to.have.length(2)
    expect((await verified()).intact).to.equal(true)
    expect(warned).to.deep.equal([])
  })

  it('stay while a hold stands on them, which the log says, and no copy of them is left', async () => {
    await keep(30)
    await checkpoints.write(true)
    const { id } = await placeHold(tenant.provisioning, admin, { reason: 'x', fromSeq: 2, toSeq: 2 }).durable
    await retention.apply(inDays(31))
    await retention.apply(inDays(31.1))
    expect(warned).to.have.length(1)
    expect(warned[0]).to.include(`The legal hold ${id} stands`)
    const said = (await test.store.reads.records.tail(tenant.orgId, 1))[0]
    expect(said).to.include({ action: 'log.purge', result: 'refused', actorType: 'system' })
    expect([await purged(), ...readdirSync(folder)]).to.deep.equal([undefined])
    await releaseHold(tenant.provisioning, admin, id).durable
    await retention.apply(inDays(32.1))
    expect(await purged()).to.include({ done: true })
  })

  it('stay where there is no folder for packs, or none can be written to', async () => {
    await keep(30)
    await checkpoints.write(true)
    await retaining(undefined).apply(inDays(31))
    await retaining(join(folder, 'gone')).apply(inDays(31))
    expect(warned[0]).to.include('set ROLLCALL_PACK_DIR')
    expect(warned[1]).to.include('its folder is not there')
    expect(await purged()).to.equal(undefined)
    expect((await verified()).intact).to.equal(true)
  })

  it('that are being purged go on going where that was cut off, also by hand', async () => {
    const { seq, hash } = (await test.store.reads.records.head(tenant.orgId))!
    const order = { upTo: seq, hash: Buffer.from(hash).toString('hex'), count: seq - 1, pack: 'ab' }
    await beginPurge(tenant.provisioning, admin, { ...order, access: { count: 0, sha256: '' } }).durable
    expect(await purged()).to.include({ done: false })
    await retention.apply(Date.now())
    expect(await purged()).to.include({ upTo: seq, done: true })
  })
})
