import { expect } from 'chai'
import { mintResetLink } from '../../src/auth/one-time-link.ts'
import { mintToken } from '../../src/auth/token.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { type InviteId, type MailId, newId, type UserId } from '../../src/domain/ids.ts'
import type { MailEntry } from '../../src/domain/mail.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { revokeInvite } from '../../src/provisioning/change-invite.ts'
import { type Invited, invitePerson } from '../../src/provisioning/invite-person.ts'
import { newState } from '../../src/provisioning/person-draft.ts'
import { resendMail } from '../../src/provisioning/resend-mail.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('R20: a mail is sent again', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
  })

  const mails = () => test.store.reads.outbox.list(tenant.orgId, 10)
  const newest = async (): Promise<MailEntry> => (await mails())[0]!
  const lastAction = async () => (await actionsOf(test, tenant.orgId)).at(-1)
  const inviteSecret = (id: InviteId) => ({ ...mintToken(id), expires: Date.now() + 60_000 })
  const again = (mail: MailId, caller = operator) =>
    resendMail(tenant.provisioning, caller, mail, {
      invite: inviteSecret,
      reset: (user) => mintResetLink(user, Date.now()),
    }).durable
  const invite = (email = 'ann@people.example'): Promise<Invited> => {
    const id = newId<InviteId>(Date.now())
    return invitePerson(tenant.provisioning, operator, { id, email, secret: inviteSecret(id) })
  }
  const outbox = () => test.connections.writer.updateTable('outbox').where('org_id', '=', tenant.orgId)
  const end = (state: 'sent' | 'failed') => outbox().set({ state, payload: '', ended: 1 }).execute()
  /** As if everything had been made two minutes ago. */
  const later = async () => {
    const { writer } = test.connections
    await writer.updateTable('invite').set({ sent: 1 }).where('org_id', '=', tenant.orgId).execute()
    await writer.updateTable('one_time_link').set({ created: 1 }).where('org_id', '=', tenant.orgId).execute()
  }

  it('at once where it waits for its next attempt, and the log says who had it so', async () => {
    await invite()
    await outbox()
      .set({ next_ms: Date.now() + 3_600_000 })
      .execute()
    const { id } = await newest()
    await again(id)
    const hurried = await newest()
    expect(hurried).to.include({ id, state: 'waiting' })
    expect(hurried.next).to.be.at.most(Date.now())
    expect(await mails()).to.have.length(1)
    const [record] = await test.store.reads.records.tail(tenant.orgId, 1)
    const { action, outcome } = JSON.parse(record!.body) as { action: string; outcome: object }
    expect([action, outcome]).to.deep.equal([
      'mail.resend',
      { result: 'success', params: { kind: 'invite', mail: id } },
    ])
  })

  it('as another one in place of an invitation that failed, once a minute has gone by, while it is open', async () => {
    const { invite: of } = await invite()
    await end('failed')
    const { id } = await newest()
    expect(await refusal(again(id))).to.equal('too-soon invite.too-soon')
    await later()
    await again(id)
    expect((await mails()).map(({ state, kind }) => `${kind} ${state}`)).to.deep.equal([
      'invite waiting',
      'invite failed',
    ])
    expect(await lastAction()).to.equal('invite.resend')
    await revokeInvite(tenant.provisioning, operator, of.id).durable
    expect(await refusal(again(id))).to.equal('conflict mail.over')
  })

  it('as another one in place of a link for a password, to who is active and has an address', async () => {
    const made = newState({ userName: 'bea', email: 'bea@people.example' })
    const { id: bea } = await createUser(tenant.provisioning, operator, made).durable
    const { id: cy } = await createUser(tenant.provisioning, operator, newState({ userName: 'cy' })).durable
    const put = (person: UserId) =>
      test.store.work.submit(tenant.orgId, (stores) =>
        stores.outbox.add(tenant.orgId, {
          ...{ to: 'bea@people.example', person },
          content: { kind: 'password-reset', org: 'Acme', link: '/reset/x', expires: 1 },
        }),
      ).durable
    const [first, other] = [await put(bea), await put(cy)]
    await end('sent')
    await again(first!)
    expect((await newest()).state).to.equal('waiting')
    expect(await lastAction()).to.equal('password.reset')
    expect(await refusal(again(first!))).to.equal('too-soon mail.too-soon')
    await later()
    await again(first!)
    // The one before is no longer wanted: its link works no more.
    expect((await mails()).map(({ state }) => state)).to.deep.equal(['waiting', 'dropped', 'sent', 'sent'])
    expect(await refusal(again(other!))).to.equal('conflict')
  })

  it('not at all where its words are gone, by who is no admin, or of another organisation', async () => {
    const content = { kind: 'domain-lapsed', org: 'Acme', domain: 'x.example' } as const
    const id = await test.store.work.submit(tenant.orgId, (stores) =>
      stores.outbox.add(tenant.orgId, { to: 'ann@people.example', content }),
    ).durable
    await end('sent')
    expect(await refusal(again(id!))).to.equal('conflict mail.over')
    expect(await refusal(again(newId(Date.now())))).to.equal('not-found')
    const elsewhere = await foundTenant(test)
    expect(await refusal(again(id!, operatorOf(elsewhere.orgId)))).to.equal('not-found')
    expect(await refusal(again(id!, tenant.idp))).to.equal('forbidden right.org-admin')
    expect(await mails()).to.have.length(1)
  })
})
