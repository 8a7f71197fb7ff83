import { expect } from 'chai'
import type { MailContent } from '../../src/domain/mail.ts'
import { createMailServer } from '../../src/mail/smtp.ts'
import { createPostman, type MailProblem, type Postman } from '../../src/mail/postman.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { openMailSink, type MailSink } from '../support/mail-sink.ts'
import { actionsOf, foundTenant, type Tenant } from '../support/tenant.ts'

const PUBLIC_URL = 'https://rollcall.example'
const INVITE: MailContent = {
  ...{ kind: 'invite', org: 'Acme', by: 'Ann', link: '/invite/the-secret-of-it', expires: 1_800_000_000_000 },
}

forEachDialect('the outbox', (dialect) => {
  let test: TestStore
  let sink: MailSink
  let tenant: Tenant
  let problems: MailProblem[]
  /** Added to the time that the postman goes by. */
  let later = 0

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
    sink = await openMailSink()
  })
  after(async () => {
    await sink.close()
    await test.close()
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    problems = []
    later = 0
  })

  const postman = (url = sink.url): Postman =>
    createPostman({
      queue: test.store.mailQueue!,
      work: test.store.work,
      server: createMailServer({ url, password: undefined, allowPlain: false, from: 'rollcall@rollcall.example' }),
      publicUrl: PUBLIC_URL,
      now: () => Date.now() + later,
      onProblem: (problem) => problems.push(problem),
    })
  const put = (to: string, content: MailContent = INVITE) =>
    test.store.work.submit(tenant.orgId, (stores) => stores.outbox.add(tenant.orgId, { to, content })).durable
  const entries = () => test.store.reads.outbox.list(tenant.orgId, 10)
  const stored = async () => {
    const rows = await test.connections.reader
      .selectFrom('outbox')
      .select(['state', 'payload', 'attempts'])
      .where('org_id', '=', tenant.orgId)
      .execute()
    return rows
  }

  it('sends a mail once the change it tells of is committed, and none of a change that was not', async () => {
    await put('ann@people.example')
    const refused = test.store.work.submit(tenant.orgId, async (stores) => {
      await stores.outbox.add(tenant.orgId, { to: 'never@people.example', content: INVITE })
      throw new Error('changed its mind')
    })
    await refused.durable.catch(() => undefined)
    await postman().round()
    const mail = await sink.mailTo('ann@people.example')
    expect(mail.from).to.equal('rollcall@rollcall.example')
    expect(mail.header('subject')).to.equal('Invitation to Acme')
    expect(mail.header('auto-submitted')).to.equal('auto-generated')
    expect(mail.text).to.include('Ann has invited you to Acme.')
    expect(mail.text).to.include('https://rollcall.example/invite/the-secret-of-it\n')
    expect(mail.text).to.include('until 2027-01-15 08:00 UTC')
    expect(sink.mails.some(({ to }) => to.includes('never@people.example'))).to.equal(false)
    expect((await entries()).map(({ kind, state, attempts }) => ({ kind, state, attempts }))).to.deep.equal([
      { kind: 'invite', state: 'sent', attempts: 1 },
    ])
  })

  it('keeps address and link sealed while a mail waits, and not at all once it is sent', async () => {
    await put('sealed@people.example')
    const [waiting] = await stored()
    expect(waiting?.state).to.equal('waiting')
    const clear = Buffer.from(waiting!.payload, 'base64url').toString('latin1') + waiting!.payload
    expect(clear).not.to.include('sealed@')
    expect(clear).not.to.include('the-secret')
    await postman().round()
    expect(await stored()).to.deep.equal([{ state: 'sent', payload: '', attempts: 1 }])
  })

  it('S23: hands the server the stored address itself, and keeps no mail for one that is no plain address', async () => {
    await put("O'Brien+x@people.example")
    expect(await put('"ann@evil.example"@people.example')).to.equal(undefined)
    expect(await put('ann@people.example\r\nBcc: eve@evil.example')).to.equal(undefined)
    await postman().round()
    expect((await sink.mailTo("O'Brien+x@people.example")).to).to.deep.equal(["O'Brien+x@people.example"])
    expect(await entries()).to.have.length(1)
  })

  it('lets no name put a header, a line or a site of its own into a mail', async () => {
    const org = 'Acme\r\nBcc: eve@evil.example\n\nSee https://evil.example/ now ' + 'x'.repeat(200)
    await put('named@people.example', { ...INVITE, org })
    await postman().round()
    const mail = await sink.mailTo('named@people.example')
    expect(mail.to).to.deep.equal(['named@people.example'])
    expect(mail.raw).not.to.match(/^Bcc:/im)
    expect(mail.text).not.to.include('https://evil')
    expect(mail.text.split('\n')[0]!.length).to.be.lessThan(130)
  })

  it('tries again what the server refuses for now, waiting longer each time, until it takes it', async () => {
    await put('ann@greylisted.example')
    await postman().round()
    const [first] = await entries()
    expect(first).to.include({ state: 'waiting', attempts: 1, problem: 'smtp.refused 451' })
    const wait = first!.next! - Date.now()
    expect(wait).to.be.within(20_000, 30_500)
    await postman().round()
    expect((await entries())[0]?.attempts).to.equal(1)
    later = 31_000
    await postman().round()
    const [second] = await entries()
    expect(second?.attempts).to.equal(2)
    expect(second!.next! - (Date.now() + later)).to.be.within(50_000, 60_500)
    sink.mended.add('greylisted.example')
    later = 120_000
    await postman().round()
    expect((await entries())[0]).to.include({ state: 'sent', attempts: 3, problem: undefined })
    sink.mended.clear()
  })

  it('gives up at once, and says so in the log, what the server will never take; a full mailbox is no such thing', async () => {
    await put('ann@unknown.example')
    await put('ann@full.example')
    await postman().round()
    const states = (await entries()).map(({ state, problem }) => `${state} ${problem}`).sort()
    expect(states).to.deep.equal(['failed smtp.refused 550', 'waiting smtp.refused 552'])
    expect((await stored()).find(({ state }) => state === 'failed')?.payload).to.equal('')
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'mail.fail')).to.have.length(1)
    later = 3 * 86_400_000
    await postman().round()
    expect((await entries()).map(({ state }) => state)).to.deep.equal(['failed', 'failed'])
  })

  it('waits for a server that is out or will not let it in, and loses nothing', async () => {
    const guarded = await openMailSink({ login: { user: 'rollcall', password: 'p@ss/word' } })
    await put('patient@people.example')
    for (const [url, problem] of [
      ['smtp://127.0.0.1:1', 'smtp.ESOCKET'],
      [guarded.url.replace(/:[^:@]*@/, ':wrong@'), 'smtp.refused 535'],
    ] as const) {
      await postman(url).round()
      expect((await entries())[0]).to.include({ state: 'waiting', problem })
      later += 3_700_000
    }
    await postman(guarded.url).round()
    expect((await entries())[0]).to.include({ state: 'sent', attempts: 3 })
    expect(guarded.mails).to.have.length(1)
    await guarded.close()
  })

  it('survives a server that cuts the connection off in the middle', async () => {
    await put('ann@resetting.example')
    await postman().round()
    expect((await entries())[0]?.state).to.equal('waiting')
    expect((await entries())[0]?.problem).to.match(/^smtp\.E/)
  })

  it('leaves a mail that hangs to its lease: no other instance sends it, and stopping does not wait for it', async () => {
    await put('ann@hanging.example')
    const hanging = postman()
    const round = hanging.round()
    await claimed()
    await hanging.stop(50)
    await postman().round()
    expect((await entries())[0]).to.include({ state: 'waiting', attempts: 1 })
    sink.mended.add('hanging.example')
    later = 190_000
    await postman().round()
    expect((await entries())[0]).to.include({ state: 'sent', attempts: 2 })
    sink.mended.clear()
    void round
  })

  async function claimed(): Promise<void> {
    while ((await stored())[0]?.attempts === 0) await new Promise(setImmediate)
  }

  it('sends each of many mails once, though several instances send at the same time', async () => {
    const addresses = Array.from({ length: 40 }, (_, n) => `many-${n}@people.example`)
    await test.store.work.submit(tenant.orgId, async (stores) => {
      for (const to of addresses) await stores.outbox.add(tenant.orgId, { to, content: INVITE })
    }).durable
    await Promise.all([postman(), postman(), postman()].map((one) => one.round()))
    const got = sink.mails.flatMap(({ to }) => to).filter((to) => to.startsWith('many-'))
    expect(got.sort()).to.deep.equal(addresses.sort())
    expect(problems).to.deep.equal([])
  })

  it('drops what waits for a person who is not to get it any more', async () => {
    const person = await tenant.user('ann')
    const mail = { to: 'gone@people.example', person: person.id, content: INVITE }
    await test.store.work.submit(tenant.orgId, (stores) => stores.outbox.add(tenant.orgId, mail)).durable
    await test.store.work.submit(tenant.orgId, (stores) => stores.outbox.drop(tenant.orgId, person.id, 'invite'))
      .durable
    await postman().round()
    expect(sink.mails.some(({ to }) => to.includes('gone@people.example'))).to.equal(false)
    expect((await entries())[0]?.state).to.equal('dropped')
    const newest = await test.store.reads.outbox.newest(tenant.orgId, [person.id], 'invite')
    expect(newest.get(person.id)?.state).to.equal('dropped')
  })

  it('gives up a mail that this master key does not open, and sends the others', async () => {
    await put('unreadable@people.example')
    await test.connections.writer
      .updateTable('outbox')
      .set({ payload: 'AAAA' })
      .where('org_id', '=', tenant.orgId)
      .execute()
    await put('readable@people.example')
    await postman().round()
    const states = (await entries()).map(({ state, problem }) => `${state} ${problem}`).sort()
    expect(states).to.deep.equal(['failed outbox.unreadable', 'sent undefined'])
  })
})

forEachDialect('a store without a mail server', (dialect) => {
  it('keeps no mail, and says so to who would send it', async () => {
    const test = await openTestStore(dialect)
    const { orgId } = await foundTenant(test)
    const mail = { to: 'ann@people.example', content: INVITE }
    expect(await test.store.work.submit(orgId, (stores) => stores.outbox.add(orgId, mail)).durable).to.equal(undefined)
    expect(await test.store.reads.outbox.list(orgId, 10)).to.deep.equal([])
    await test.close()
  })
})
