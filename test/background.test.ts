import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { sql } from 'kysely'
import { createAuthFailureTally } from '../src/audit/auth-failure-tally.ts'
import { replayLog } from '../src/audit/replay.ts'
import { createTally } from '../src/audit/tally.ts'
import { backgroundJobs, createTallyWriter } from '../src/background.ts'
import { createCheckpointing } from '../src/checkpointing.ts'
import type { Caller } from '../src/domain/caller.ts'
import { proofRecord } from '../src/domain/domain-claim.ts'
import { type InviteId, newId, type UserId } from '../src/domain/ids.ts'
import { Personal, unknownPerson } from '../src/domain/record.ts'
import { createLogger } from '../src/http/logging.ts'
import { claimDomain, proveDomain } from '../src/provisioning/claim-domain.ts'
import { createRule } from '../src/provisioning/create-rule.ts'
import { invitePerson } from '../src/provisioning/invite-person.ts'
import { placeHold, releaseHold } from '../src/provisioning/legal-holds.ts'
import { runReconcileJobs, startReconcileJob } from '../src/provisioning/reconcile-job.ts'
import { createRetention } from '../src/retention.ts'
import { createProofLookUp } from '../src/signin/domain-proof.ts'
import { operatorOf } from './support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from './support/databases.ts'
import { type DnsServer, openDnsServer } from './support/dns-server.ts'
import { openedLog } from './support/log-store.ts'
import { momentOf, saidSince, unnamedSince } from './support/named-changes.ts'
import { foundTenant, type Tenant } from './support/tenant.ts'

/** Jobs that change nothing the log is about: what is counted, request lines, signatures; and the log's own ({@link file://./retention.test.ts}). */
const CHANGE_NOTHING = ['tallies', 'losses', 'statistics', 'request log', 'checkpoints', 'retention']

const DAY = 86_400_000

forEachDialect('what is done by the clock (C01)', (dialect) => {
  let test: TestStore
  let dns: DnsServer
  let tenant: Tenant
  let admin: Caller
  let log: ReturnType<typeof openedLog>
  let jobs: ReturnType<typeof backgroundJobs>
  const tally = createTally({ now: Date.now })

  before(async () => {
    test = await openTestStore(dialect)
    dns = await openDnsServer()
    log = openedLog(test)
    const { store } = test
    const checkpoints = createCheckpointing({ opened: { store, ...log }, file: undefined, logger: undefined })
    const lookUpProof = createProofLookUp([dns.address])
    const logger = createLogger('silent')
    const journal = createTallyWriter({ store, tally, authFailures: createAuthFailureTally(), logger })
    const retention = createRetention({ store, tally, checkpoints, values: log.values, folder: undefined, logger })
    jobs = backgroundJobs({ store, checkpoints, lookUpProof, retention }, journal)
  })
  after(async () => {
    await dns.close()
    await test.close()
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = operatorOf(tenant.orgId)
  })

  const moment = () => momentOf(test.connections.writer)
  const wrongSince = (then: Awaited<ReturnType<typeof moment>>) =>
    unnamedSince(test.connections.writer, then, (id) => id)
  const said = (then: Awaited<ReturnType<typeof moment>>) =>
    saidSince({ records: test.store.reads.records, values: log.values }, then, tenant.orgId)
  const run = (name: string) => jobs.find((job) => job.name === name)!.run()

  it('is asked here, job by job', () => {
    const asked = ['invitations', 'domains', 'unknown people']
    expect(jobs.map(({ name }) => name)).to.have.members([...asked, ...CHANGE_NOTHING])
  })

  it('an invitation whose time is over names it, the person and the seat that is free again', async () => {
    const secret = { text: 'x', secretHash: createHash('sha256').update(randomBytes(8)).digest() }
    const draft = { id: newId<InviteId>(Date.now()), email: 'bo@example.com', seats: { models: 'full' } } as const
    const { user } = await invitePerson(tenant.provisioning, admin, {
      ...draft,
      secret: { ...secret, expires: Date.now() + DAY },
    })
    await sql`update invite set expires = 1 where id = ${draft.id}`.execute(test.connections.writer)
    const then = await moment()
    await run('invitations')
    expect(await wrongSince(then)).to.equal('')
    expect(await said(then)).to.include(`invite.expire seat models: "full" -> null for ["${user.id}"]`)
    await run('invitations')
    expect(await said(then)).to.have.length(2)
  })

  it('a domain whose proof is gone, is back, and is lost says each with the state before', async () => {
    const domain = `d${newId(Date.now())}.example`
    const claim = await claimDomain(tenant.provisioning, admin, { domain }).durable
    const { name, value } = proofRecord(claim)
    dns.zone.set(name, [value])
    await proveDomain(tenant.provisioning, admin, domain, { challenge: claim.challenge, seen: 'shown' }).durable
    const due = () =>
      sql`update domain_claim set next_ms = 1 where domain_key = ${domain}`.execute(test.connections.writer)
    const acts = [
      { zone: 'nxdomain', says: ['domain.fail state: "proved" -> "failing"'] },
      { zone: [value], says: ['domain.recover state: "failing" -> "proved"'] },
      { zone: 'nxdomain', says: ['domain.fail state: "proved" -> "failing"'] },
      { zone: 'nxdomain', says: ['domain.lapse state: "failing" -> "unproved"'], late: true },
    ] as const
    for (const { zone, says, ...more } of acts) {
      dns.zone.set(name, zone)
      await due()
      // As if the days of grace were over.
      if ('late' in more) await sql`update domain_claim set failing_since = 1`.execute(test.connections.writer)
      const then = await moment()
      await run('domains')
      expect(await wrongSince(then)).to.equal('')
      expect(await said(then)).to.deep.equal(says)
    }
  })

  it('people reconciled after the change that caused it are each named in exactly one record', async () => {
    const { provisioning, orgId } = tenant
    const ids: UserId[] = []
    for (let n = 0; n < 3; n++) ids.push((await tenant.user(`late-${n}`)).id)
    const match = { match: { kind: 'everyone' }, grants: [{ seat: 'weave', type: 'viewer' }] } as const
    const rule = await createRule(provisioning, admin, { ...match, enabled: false }).durable
    const then = await moment()
    // As a change that touches more than a thousand people leaves it: facts, and whom they are about.
    await sql`update mapping_rule set enabled = 1 where id = ${rule.id}`.execute(test.connections.writer)
    await provisioning.work.submit(orgId, async (stores) => {
      const draft = { action: 'test.cause', actor: { type: 'system' }, outcome: { result: 'success' } } as const
      const cause = await stores.journal.append(orgId, { ...draft, targets: [{ type: 'rule', id: rule.id }] })
      await startReconcileJob(stores, orgId, { reason: 'rule', cause, people: ids })
    }).durable
    await runReconcileJobs(provisioning.work, orgId, () => false)
    expect(await wrongSince(then)).to.equal('')
    expect((await said(then)).join('\n')).to.include('seat weave: "full" -> "viewer"')
  })

  it('what was sealed of people who are nobody here goes once it is 90 days old, unless a hold on everybody stands', async () => {
    const { orgId } = tenant
    const { work, reads } = test.store
    const [now, old] = [unknownPerson(Date.now()), unknownPerson(Date.now() - 180 * DAY)]
    const before = unknownPerson(Date.now() - 90 * DAY)
    await work.submit(orgId, async ({ journal }) => {
      for (const person of [old, before, now]) {
        await journal.append(orgId, {
          ...{ action: 'sso.refuse', actor: { type: 'system' }, outcome: { result: 'refused' } },
          targets: [{ type: 'identity', id: person, display: new Personal(person, 'mo@else.example') }],
        })
      }
    }).durable
    const hold = await placeHold(tenant.provisioning, admin, { reason: 'case 7' }).durable
    await run('unknown people')
    expect(await reads.privacy.unknownPeople(orgId)).to.have.members([old, before, now])
    await releaseHold(tenant.provisioning, admin, hold.id).durable
    const then = await moment()
    await run('unknown people')
    await run('unknown people')
    expect(await said(then)).to.deep.equal(['privacy.erase'])
    expect(await reads.privacy.unknownPeople(orgId)).to.have.members([before, now])
    expect(await reads.privacy.erasure(orgId, old)).to.include({ person: old })
    const { rows } = await sql`select 1 as n from event_pii where person_id = ${old}`.execute(test.connections.reader)
    expect(rows).to.deep.equal([])
    const { records, replay } = reads
    const upTo = (await records.head(orgId))!.seq
    const report = await replayLog({ records, replay, values: log.values }, orgId, { after: 0, upTo })
    expect(report.finding).to.equal(undefined)
  })
})
