import { expect } from 'chai'
import type { JsonObject } from '../../src/domain/json.ts'
import { createSink, newSinkId } from '../../src/provisioning/sinks.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf, foundTenant } from '../support/tenant.ts'
import { hiddenFields } from './browser.ts'
import { openOrgVisit, type OrgVisit, press, saidOn } from './org-visit.ts'

const HERE = '/org/receivers'

forEachDialect('the pages of receivers of the log', (dialect) => {
  let visit: OrgVisit
  let id: string

  before(async () => {
    visit = await openOrgVisit(dialect)
    id = await receiver({ name: 'SIEM & "co"', kind: 'webhook', config: { url: 'https://siem.example/in' } })
    for (const seq of [2, 3]) await refuse(id, seq)
  })
  after(() => visit.gateway.close())

  const receiver = async (body: JsonObject): Promise<string> => {
    const { gateway } = visit
    const made = await gateway.client(await gateway.key('admin')).post('/sinks', body)
    expect(made.status, made.text).to.equal(201)
    return String(made.json['id'])
  }
  const writer = () => visit.gateway.test.connections.writer
  /** A record that the receiver would not take. */
  const refuse = (sink: string, seq: number) => {
    const letter = {
      epoch: 1,
      seq,
      status: 422,
      error: 'The receiver refused the record',
      at_ms: 1_000,
      again: 0,
    } as const
    return writer()
      .insertInto('sink_dead')
      .values({ ...letter, org_id: visit.gateway.tenant.orgId, sink_id: sink })
      .execute()
  }
  const stored = async () => {
    const { test, tenant } = visit.gateway
    return (await test.store.reads.sinks.list(tenant.orgId)).find((sink) => sink.id === id)!
  }
  const waiting = async () => {
    const { test, tenant } = visit.gateway
    const letters = await test.store.reads.sinks.dead(tenant.orgId, (await stored()).id, {
      before: undefined,
      limit: 9,
    })
    return letters.map(({ position, again }) => `${position.seq} ${again}`)
  }
  const lastAction = async () => (await actionsOf(visit.gateway.test, visit.gateway.tenant.orgId)).at(-1)
  const words = (html: string): string => html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

  it('list them with state, how far behind each is, and what it would not take', async () => {
    const { test, tenant } = visit.gateway
    const head = await test.store.reads.records.head(tenant.orgId)
    const page = words((await visit.admin.get(HERE)).html)
    const count = head!.seq - (await stored()).progress.acked.seq
    expect(page)
      .to.match(/SIEM &amp; (&quot;|")co(&quot;|") webhook active/)
      .and.include('2 records')
    expect(page).to.include(count === 0 ? 'not at all' : `${count} record`)
  })

  it('show one with its failures and no secret of it', async () => {
    const failure = { attempts: 7, failing_since: 60_000, last_error: 'No answer within 10 s', next_ms: 3_600_000 }
    await writer().updateTable('sink').set(failure).execute()
    const { html } = await visit.admin.get(`${HERE}/${id}`)
    const page = words(html)
    expect(page).to.include('since 1970-01-01 00:01 UTC, 7 in a row').and.include('No answer within 10 s')
    expect(page).to.include('1970-01-01 01:00 UTC').and.include('https://siem.example/in').and.include('kept from it')
    expect(page).to.include('422: The receiver refused the record').and.not.include('whsec_')
  })

  it('pause one, and have it go on, each with its record', async () => {
    const path = `${HERE}/${id}`
    const paused = await press(visit.admin, path, 'Pause: SIEM &amp; &quot;co&quot;')
    expect(saidOn(paused)).to.include('keeps its place')
    expect([(await stored()).state, await lastAction()]).to.deep.equal(['paused', 'sink.pause'])
    expect(saidOn(await press(visit.admin, path, 'Go on: SIEM &amp; &quot;co&quot;'))).to.include('where they stopped')
    expect([(await stored()).state, await lastAction()]).to.deep.equal(['active', 'sink.resume'])
  })

  it('send again one record that it would not take, or all of them', async () => {
    const path = `${HERE}/${id}`
    expect(saidOn(await press(visit.admin, path, 'Send again: record 2'))).to.include('sent to it again')
    expect(await waiting()).to.deep.equal(['3 false', '2 true'])
    expect((await visit.admin.get(path)).html).to.include('waits to be sent')
    await press(visit.admin, path, 'Send all of them again')
    expect(await waiting()).to.deep.equal(['3 true', '2 true'])
    expect(await lastAction()).to.equal('sink.replay')
    const token = hiddenFields((await visit.admin.get(path)).html, `${HERE}/pause`)
    const gone = await visit.admin.post(`${HERE}/replay`, { ...token, position: '1.99' })
    expect([gone.status, saidOn(gone).includes('no dead letter 1.99')]).to.deep.equal([404, true])
    expect((await visit.admin.post(`${HERE}/replay`, { ...token, position: 'x' })).status).to.equal(400)
  })

  it('offer nothing to be sent to one that polls', async () => {
    const poller = await receiver({ name: 'Poller', kind: 'poll', config: {} })
    await refuse(poller, 2)
    const { html } = await visit.admin.get(`${HERE}/${poller}`)
    expect(html)
      .to.include('Pause: Poller')
      .and.not.match(/Send (all|again)/)
  })

  it('are read by an auditor, who changes nothing, and not at all by others or of another organisation', async () => {
    const { auditor, plain, admin, gateway } = visit
    const { html, status } = await auditor.get(`${HERE}/${id}`)
    expect([status, /<form[^>]*action="\/org/.test(html)]).to.deep.equal([200, false])
    expect((await plain.get(`${HERE}/${id}`)).status).to.equal(403)
    const before = await stored()
    for (const who of [auditor, plain]) {
      const token = hiddenFields((await who.get('/account')).html, '/signout')
      for (const act of ['pause', 'resume', 'replay']) {
        expect((await who.post(`${HERE}/${act}`, { ...token, receiver: id })).status, act).to.equal(403)
      }
    }
    expect(await stored()).to.deep.equal(before)
    const other = await foundTenant(gateway.test)
    const theirs = newSinkId(Date.now())
    await createSink(other.provisioning, operatorOf(other.orgId), {
      ...{ id: theirs, name: 'theirs', kind: 'poll', config: {}, personal: false, from: 'now' },
      ...{ secret: undefined, secretHash: Buffer.alloc(32, 5) },
    }).durable
    const token = hiddenFields((await admin.get('/account')).html, '/signout')
    for (const path of ['x', theirs]) {
      expect((await admin.get(`${HERE}/${path}`)).status).to.equal(404)
      expect((await admin.post(`${HERE}/pause`, { ...token, receiver: path })).status).to.equal(404)
    }
    expect((await admin.get(HERE)).html).not.to.include('theirs')
  })
})
