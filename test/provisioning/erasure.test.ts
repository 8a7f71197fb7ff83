import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { exportLog } from '../../src/audit/export-log.ts'
import { createValueOpener } from '../../src/audit/opened-values.ts'
import { createPayloadSealer } from '../../src/audit/payload-sealer.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { type InviteId, type KeyId, newId, type SessionId, type UserId } from '../../src/domain/ids.ts'
import type { HoldId } from '../../src/domain/privacy.ts'
import { createKey } from '../../src/provisioning/api-keys.ts'
import type { UserState } from '../../src/domain/user.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { erasePerson } from '../../src/provisioning/erase-person.ts'
import { invitePerson } from '../../src/provisioning/invite-person.ts'
import { placeHold, releaseHold } from '../../src/provisioning/legal-holds.ts'
import { changedState } from '../../src/provisioning/person-draft.ts'
import { restoreUser } from '../../src/provisioning/restore-user.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import { ERASURE } from '../../src/storage/erasure.ts'
import { sealedAs } from '../../src/storage/outbox.ts'
import { PERSON_TABLES } from '../../src/storage/person-rows.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'
import { rowsOf } from '../security/orgs.ts'
import { placesHolding } from '../security/secrets.ts'

/** Stands in every value of the person that goes. */
const CANARY = 'quetzalcoatlus'
const NOW = 1_750_000_000_000

forEachDialect('a person who is erased', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = operatorOf(tenant.orgId)
  })
  after(() => test.close())

  const erase = (id: UserId) => erasePerson(tenant.provisioning, admin, id).durable
  const places = async () => {
    const rows = { name: 'tables', bytes: Buffer.from((await rowsOf({ opened: test })).join('\n')) }
    const files = readdirSync(test.dataDir).map((name) => ({ name, bytes: readFileSync(join(test.dataDir, name)) }))
    return [rows, ...files]
  }
  const exported = async (): Promise<string> => {
    const values = createValueOpener(test.kek, test.store.reads.records)
    let text = ''
    for (const form of ['ndjson', 'csv', 'ocsf', 'cef'] as const) {
      const request = { orgId: tenant.orgId, form, query: {}, values, bom: false }
      for await (const piece of exportLog(test.store.reads.records, request)) text += piece
    }
    return text
  }

  /** Somebody with a canary in every column that can hold one of theirs. */
  async function somebody(name = CANARY): Promise<UserId> {
    const { orgId, provisioning } = tenant
    const user = await tenant.user(`${name}@${name}.example`, {
      externalId: `${name}-external`,
      attributes: {
        displayName: `${name} display`,
        emails: [{ value: `${name}@mail.example`, primary: true }],
        name: { formatted: `Ms ${name}` },
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: `${name} works` },
      },
    })
    await changeUser(provisioning, admin, user.id, {
      method: 'PATCH',
      change: (state) => changedState(state, { displayName: `${name} changed` }),
    }).durable
    const caller = personOf(orgId, user)
    const secretHash = randomBytes(32)
    const key = { id: newId<KeyId>(NOW), secretHash, scope: 'user', user: user.id, name: `${name} laptop` } as const
    await createKey(provisioning, { ...operation(), actor: caller.actor }, orgId, {
      ...key,
      ...{ origin: 'minted', expires: undefined },
    }).durable
    await startSession(provisioning, operation(), orgId, {
      ...{ id: newId<SessionId>(NOW), user: user.id, method: 'oidc', secretHash: randomBytes(32) },
      expires: Date.now() + 1e6,
    }).durable
    await plant(user.id, name)
    return user.id
  }

  /** What other parts of the product keep of a person, put where they keep it. */
  async function plant(id: UserId, name: string): Promise<void> {
    const { writer } = test.connections
    const org = { org_id: tenant.orgId }
    const of = { ...org, user_id: id }
    const insert = (table: keyof Database, values: object) => writer.insertInto(table).values(values).execute()
    await writer
      .updateTable('session')
      .set({ issuer: name, subject: name, sid: name, id_token: `${name}.jwt` })
      .where('user_id', '=', id)
      .execute()
    await insert('local_password', { ...of, hash: name, changed: 1, failures: 0, failed_at: null })
    await insert('one_time_link', {
      ...{ ...of, id: newId(NOW), secret_hash: randomBytes(32), kind: 'reset', created: 1, expires: 2 },
    })
    await insert('identity', {
      ...{ ...of, issuer: `https://${name}.example`, subject_key: newId(NOW), provider_id: 'p', way: 'made' },
      ...{ created: 1, last_sign_in: 1 },
    })
    await insert('user_attr', { ...of, attr: 'nick', ordinal: 0, key_text: name, key_num: null })
    await insert('removed_access', { ...of, facts: JSON.stringify({ by: name }), at: 1 })
    await insert('activity_day', { ...of, day: 20_000, sign_ins: 1, views: 0, runs: 0, reports: 0, calls: 0 })
    await insert('kept_answer', {
      ...{ ...org, key_id: 'k', idempotency_key: newId(NOW), request_hash: randomBytes(32), created: Date.now() },
      ...{ status: 409, body: JSON.stringify({ detail: `${name} is taken` }), headers: '{}' },
    })
    await insert('signin_flow', {
      ...{ ...org, state_hash: randomBytes(32), browser_hash: randomBytes(32), provider_id: 'p', expires: 9e12 },
      purpose: JSON.stringify({ link: id, hint: name }),
    })
    const review = newId(NOW)
    await insert('access_review', {
      ...{ ...org, id: review, name: 'r', seq: 1, created: 1, state: 'open', signed: null, digest: null },
    })
    await insert('access_review_item', {
      ...{ ...of, review_id: review, n: 1, kind: 'active', target: '', value: 'active', from_seq: 1 },
      ...{ decision: 'keep', reason: `asked ${name} herself`, decided_type: 'user', decided: 1 },
    })
    const mails = createPayloadSealer(test.kek)
    const waiting = newId(NOW)
    const text = JSON.stringify({
      to: 'admin@x.example',
      content: { kind: 'admin-withheld', userName: `${name}@${name}.example` },
    })
    await insert('outbox', {
      ...{ ...org, id: waiting, kind: 'admin-withheld', person_id: null, state: 'waiting', attempts: 0, next_ms: 9e12 },
      ...{ payload: mails.seal(sealedAs(tenant.orgId, waiting), text), created: 1 },
    })
    await insert('outbox', {
      ...{ ...org, id: newId(NOW), kind: 'password-reset', person_id: id, state: 'failed', attempts: 1, next_ms: 1 },
      ...{ payload: '', created: 1, ended: 2, problem: `550 ${name}` },
    })
  }

  it('C06: is in no row, file, write-ahead log or export any more, and every chain verifies', async () => {
    const other = await somebody('brontosaurus')
    const id = await somebody()
    expect(placesHolding(CANARY, await places()), 'the search finds it').to.include('tables')
    const done = await erase(id)
    expect(done).to.include({ deleted: true, before: false, person: id })
    const emptied = new Set(done.emptied.map(({ table }) => table))
    for (const table of ['user', 'user_email', 'event_pii', 'api_key', 'outbox', 'kept_answer', 'signin_flow']) {
      expect(emptied, table).to.include(table)
    }
    const { reached } = await test.connections.scrub(true)
    expect(reached).to.equal('files')
    expect(placesHolding(CANARY, await places())).to.deep.equal([])
    const text = await exported()
    expect(text).to.not.include(CANARY)
    expect(text, 'others are as they were').to.include('brontosaurus')
    expect(text).to.include(id)
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
    expect((await test.store.reads.users.find(tenant.orgId, other))?.attributes.userName).to.include('brontosaurus')
    const names = await test.store.reads.history.names(tenant.orgId, [id])
    expect(names.get(id)).to.equal('(erased)')
    const waiting = await test.connections.reader
      .selectFrom('outbox')
      .select('kind')
      .where('org_id', '=', tenant.orgId)
      .where('state', '=', 'waiting')
      .execute()
    expect(waiting, 'the mail about the other one waits still').to.have.length(1)
  })

  // On PostgreSQL pages are rewritten whole.
  if (dialect === 'sqlite')
    it('is in no corner of a page that others filled and emptied around them (C06)', async () => {
      const made = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          tenant.user(`${n}-${CANARY}@x.example`, {
            attributes: { displayName: `${CANARY} `.repeat(1 + ((n * 7) % 40)), nickName: `${CANARY} ${n}` },
          }),
        ),
      )
      const renamed = made.map(({ id }, n) =>
        changeUser(tenant.provisioning, admin, id, {
          method: 'PATCH',
          change: (state) => changedState(state, { displayName: `${CANARY} `.repeat(1 + ((n * 11) % 60)) }),
        }),
      )
      await Promise.all(renamed.map(({ durable }) => durable))
      await Promise.all(made.filter((_, n) => n % 3 > 0).map(({ id }) => erase(id)))
      await tenant.user('between@x.example')
      await Promise.all(made.filter((_, n) => n % 3 === 0).map(({ id }) => erase(id)))
      await test.connections.scrub(true)
      expect(placesHolding(CANARY, await places())).to.deep.equal([])
    })

  it('stays nobody: no restore, the same name makes somebody new, a second erasure says when the first was', async () => {
    const id = await somebody()
    await deleteUser(tenant.provisioning, admin, id, { method: 'DELETE' }).durable
    const first = await erase(id)
    expect(first).to.include({ deleted: false, before: false })
    expect(await refusal(restoreUser(tenant.provisioning, admin, id).durable)).to.equal('not-found')
    const again = await erase(id)
    expect(again).to.include({ before: true, seq: first.seq, at: first.at })
    const anew = await tenant.user(`${CANARY}@${CANARY}.example`, { externalId: `${CANARY}-external` })
    expect(anew.id).to.not.equal(id)
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'privacy.erase')).to.have.length(1)
  })

  it('leaves the address of their browser in no record either', async () => {
    const user = await tenant.user('ann@x.example')
    const request = { ...operation().request, client: { ip: '203.0.113.77', userAgent: CANARY } }
    const caller = { ...personOf(tenant.orgId, user, { isOrgAdmin: true }), request }
    await placeHold(tenant.provisioning, caller, { reason: 'by Ann' }).durable
    const [record] = await test.store.reads.records.tail(tenant.orgId, 1)
    expect(record!.body).to.not.include('203.0.113.77').and.not.include(CANARY)
    expect(await exported()).to.include('203.0.113.77')
    const machine = { ...tenant.idp, request }
    await deleteUser(tenant.provisioning, machine, user.id, { method: 'DELETE' }).durable
    const [byMachine] = await test.store.reads.records.tail(tenant.orgId, 1)
    expect(byMachine!.body, 'a connection has one in clear').to.include('203.0.113.77')
  })

  it('C07: is not erased while a legal hold stands on them or on everybody; the refusal is in the log', async () => {
    const [held, free] = [await somebody(), await somebody('brontosaurus')]
    const { id } = await placeHold(tenant.provisioning, admin, { person: held, reason: `about ${CANARY}` }).durable
    expect(await refusal(erase(held))).to.equal('uniqueness hold.stands')
    expect((await test.store.reads.users.find(tenant.orgId, held))?.status, 'nothing half done').to.equal('active')
    const [refused] = await test.store.reads.records.tail(tenant.orgId, 1)
    expect(refused).to.include({ action: 'privacy.erase', result: 'refused' })
    expect(refused!.body).to.include(id)
    expect((await erase(free)).before).to.equal(false)
    await releaseHold(tenant.provisioning, admin, id).durable
    const { id: all } = await placeHold(tenant.provisioning, admin, { reason: 'all of it' }).durable
    expect(await refusal(erase(held))).to.equal('uniqueness hold.stands')
    expect((await test.store.reads.privacy.holds(tenant.orgId, false)).map((hold) => hold.id)).to.deep.equal([all])
    expect(await refusal(releaseHold(tenant.provisioning, admin, id).durable)).to.equal('uniqueness hold.released')
    await releaseHold(tenant.provisioning, admin, all).durable
    await erase(held)
    expect(await exported()).to.not.include(CANARY)
    expect((await test.store.reads.privacy.holds(tenant.orgId, true)).map((hold) => hold.id)).to.deep.equal([all, id])
  })

  it('C07: is not erased while a hold stands on records that speak of them; whom they do not speak of is', async () => {
    const { records } = test.store.reads
    const hold = async (draft: object) =>
      (await placeHold(tenant.provisioning, admin, { reason: 'x', ...draft }).durable).id
    const early = await tenant.user('early')
    const { seq } = (await records.head(tenant.orgId))!
    const [late, actor] = [await tenant.user('late'), await tenant.user('actor')]
    const before = await hold({ toSeq: seq })
    const sentence = await erase(early.id).catch((error: unknown) => (error as Error).message)
    expect(sentence).to.include(`The legal hold ${before} stands on records 1 to ${seq}, which speak of them`)
    expect((await records.tail(tenant.orgId, 1))[0]).to.include({ action: 'privacy.erase', result: 'refused' })
    expect((await erase(late.id)).before).to.equal(false)
    // Also of what they did and was done to others, and of what is yet to come.
    const from = (await records.head(tenant.orgId))!.seq + 1
    const after = await hold({ fromSeq: from })
    const named = await hold({ person: actor.id, fromSeq: seq + 1_000 })
    const nickname = (state: UserState) => ({ ...state, attributes: { ...state.attributes, nickName: 'e' } })
    const by = personOf(tenant.orgId, actor, { isOrgAdmin: true })
    await changeUser(tenant.provisioning, by, early.id, { method: 'PATCH', change: nickname }).durable
    expect(await refusal(erase(actor.id))).to.equal('uniqueness hold.stands')
    await releaseHold(tenant.provisioning, admin, after).durable
    expect((await erase(actor.id)).before, 'only a hold on what is not there yet').to.equal(false)
    for (const id of [before, named]) await releaseHold(tenant.provisioning, admin, id).durable
    expect((await erase(early.id)).before).to.equal(false)
  })

  it('was invited, or is the last admin, or no person, or not there', async () => {
    const secret = { text: 't', secretHash: randomBytes(32), expires: Date.now() + 60_000 }
    const { user } = await invitePerson(tenant.provisioning, admin, {
      ...{ id: newId<InviteId>(NOW), email: `${CANARY}@mail.example`, secret },
    })
    await erase(user.id)
    expect(await exported()).to.not.include(CANARY)
    const boss = await tenant.user('boss@x.example')
    await changeUser(tenant.provisioning, admin, boss.id, {
      method: 'PATCH',
      change: (state) => changedState(state, { orgRole: 'admin' }),
    }).durable
    expect(await refusal(erase(boss.id))).to.equal('last-admin admin.last')
    expect(await refusal(erase(newId<UserId>(NOW)))).to.equal('not-found')
    expect(await refusal(releaseHold(tenant.provisioning, admin, newId<HoldId>(NOW)).durable)).to.equal('not-found')
    const wrong = placeHold(tenant.provisioning, admin, { fromSeq: 4, toSeq: 3, reason: 'x' }).durable
    expect(await refusal(wrong)).to.equal('invalid-value')
    const mine = personOf(tenant.orgId, boss)
    expect(await refusal(erasePerson(tenant.provisioning, mine, boss.id).durable)).to.equal('forbidden right.org-admin')
  })

  it('is given every table that an erasure empties, but for values of the log, their key, answers and what is under way', () => {
    const emptied = Object.entries(ERASURE).flatMap(([table, step]) => (typeof step === 'string' ? [] : [table]))
    const given = new Set<string>(PERSON_TABLES.map(([table]) => table))
    expect(emptied.filter((table) => !given.has(table))).to.have.members([
      ...['event_pii', 'person_key', 'kept_answer', 'signin_flow', 'activity_mark'],
    ])
  })

  it('is looked for in every table there is: what is said of each is said of one that exists', async () => {
    const tables = await test.connections.reader.introspection.getTables()
    const names = tables.map(({ name }) => name).filter((name) => !/^kysely_|^v_(access|event)$/.test(name))
    expect(names.sort()).to.deep.equal(Object.keys(ERASURE).sort())
    const { rows } = await sql<{ n: number }>`select count(*) as n from erasure`.execute(test.connections.reader)
    expect(rows[0]!.n).to.be.greaterThan(0)
  })
})
