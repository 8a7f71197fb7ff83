import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import { type GroupId, type InviteId, newId } from '../../src/domain/ids.ts'
import { acceptInvite } from '../../src/provisioning/accept-invite.ts'
import { expireInvite, resendInvite, revokeInvite } from '../../src/provisioning/change-invite.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { changeLicence } from '../../src/provisioning/change-licence.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeTeam } from '../../src/provisioning/change-team.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import type { InviteSecret } from '../../src/provisioning/invite-mail.ts'
import { type InviteDraft, invitePerson } from '../../src/provisioning/invite-person.ts'
import { changedState } from '../../src/provisioning/person-draft.ts'
import { restoreUser } from '../../src/provisioning/restore-user.ts'
import { shownInvite } from '../../src/provisioning/shown-invite.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { addTeamMember } from '../../src/provisioning/team-members.ts'
import { endInvites } from '../../src/rounds.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { providerOf } from '../support/sign-ins.ts'
import {
  actionsOf,
  foundTenant,
  operation,
  problemsOf,
  refusal,
  seatsOf,
  teamsOf,
  type Tenant,
} from '../support/tenant.ts'

const DAY = 86_400_000

forEachDialect('an invitation', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller
  let stranger: Caller

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = operatorOf(tenant.orgId)
    stranger = { ...operation(), orgId: tenant.orgId, connection: undefined }
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })
  after(() => test.close())

  const secretOf = (expires = Date.now() + DAY): InviteSecret => {
    const text = randomBytes(32).toString('base64url')
    return { text, secretHash: createHash('sha256').update(text).digest(), expires }
  }
  const invite = (email: string, more: Partial<InviteDraft> = {}) =>
    invitePerson(tenant.provisioning, admin, {
      ...{ id: newId<InviteId>(Date.now()), email, secret: secretOf() },
      ...more,
    })
  const accept = ({ secretHash }: InviteSecret) =>
    acceptInvite(tenant.provisioning, stranger, { secretHash, equip: () => Promise.resolve() }).durable
  const listed = async () =>
    (await test.store.reads.invites.list(tenant.orgId, 10)).map((one) => {
      const { email, state } = shownInvite(one, Date.now())
      return `${email ?? ''} ${state}`
    })
  const mails = async () =>
    (await test.store.reads.outbox.list(tenant.orgId, 10)).map(({ kind, state }) => `${kind} ${state}`)

  it('reserves the seat and remembers role and teams, and gives them on arrival alone', async () => {
    const team = await createTeam(tenant.provisioning, admin, { name: 'research' }).durable
    const secret = secretOf()
    const { user, mailed } = await invite('Ann@people.example', {
      secret,
      orgRole: 'viewer',
      seats: { models: 'viewer' },
      teams: [{ team: 'research', role: 'viewer' }],
    })
    expect(mailed).to.equal(true)
    expect(user).to.include({ status: 'pending', orgRole: 'none' })
    expect(await seatsOf(test, tenant.orgId, user.id)).to.include({ models: 'viewer' })
    expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([])
    expect(await listed()).to.deep.equal(['Ann@people.example pending'])
    const arrived = await accept(secret)
    expect(arrived).to.include({ id: user.id, status: 'active', orgRole: 'viewer' })
    expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([`${team.id} viewer`])
    expect(await listed()).to.deep.equal(['Ann@people.example active'])
    expect(await actionsOf(test, tenant.orgId)).to.include.members(['user.create', 'invite.create', 'invite.accept'])
    const { people } = await test.store.work.submit(tenant.orgId, (stores) =>
      stores.access.facts(tenant.orgId, [user.id]),
    ).durable
    expect(people[0]?.members.map(({ origin }) => origin)).to.deep.equal(['invite'])
  })

  it('S38: works once, though it is used twice at the same time', async () => {
    const secret = secretOf()
    await invite('once@people.example', { secret })
    const outcomes = await Promise.all([1, 2, 3].map(() => refusal(accept(secret))))
    expect(outcomes.sort()).to.deep.equal(['', 'forbidden invite.over', 'forbidden invite.over'])
  })

  it('S38: counts once, though several sign in by it at the same time, with what it says', async () => {
    const secret = secretOf()
    const { user } = await invite('sso@people.example', { secret, orgRole: 'viewer' })
    const idp = providerOf(tenant)
    const attempt = { invitation: secret.secretHash, provisioningDisabled: true }
    const outcomes = await Promise.all(
      ['s-1', 's-2', 's-3'].map((subject) => refusal(idp.signIn(subject, {}, attempt))),
    )
    expect(outcomes.sort()).to.deep.equal(['', 'forbidden invite.over', 'forbidden invite.over'])
    expect(await test.store.reads.users.find(tenant.orgId, user.id)).to.include({ status: 'active', orgRole: 'viewer' })
    expect(await listed()).to.deep.equal(['sso@people.example active'])
    expect(await mails()).to.deep.equal(['invite dropped'])
  })

  it('S38: is kept as a hash of 256 random bits alone', async () => {
    const secret = secretOf()
    const { invite: made } = await invite('hashed@people.example', { secret })
    const row = await test.connections.reader
      .selectFrom('invite')
      .selectAll()
      .where('id', '=', made.id)
      .executeTakeFirstOrThrow()
    expect(Buffer.from(row.token_hash).equals(createHash('sha256').update(secret.text).digest())).to.equal(true)
    expect(JSON.stringify(row)).not.to.include(secret.text)
    const records = await test.store.reads.records.tail(tenant.orgId, 100)
    expect(records.map(({ body }) => body).join()).not.to.include(secret.text)
    expect(records.map(({ body }) => body).join()).not.to.include('hashed@')
  })

  it('S38: is dead once an identity provider has pushed the person', async () => {
    const secret = secretOf()
    const { user } = await invite('pushed@people.example', { secret })
    await changeUser(tenant.provisioning, tenant.idp, user.id, {
      method: 'PATCH',
      change: (current) => ({ ...current, externalId: 'x-1' }),
    }).durable
    expect(await refusal(accept(secret))).to.equal('forbidden invite.over')
    expect(await listed()).to.deep.equal(['pushed@people.example active'])
    expect(await mails()).to.deep.equal(['invite dropped'])
  })

  it('S38: is good for the address it was sent to: with another one it is dead, and the one before is told', async () => {
    const secret = secretOf()
    const { user, invite: made } = await invite('before@people.example', { secret })
    await changeUser(tenant.provisioning, admin, user.id, {
      method: 'PATCH',
      change: (current) => changedState(current, { email: 'after@people.example' }),
    }).durable
    expect(await refusal(accept(secret))).to.equal('forbidden invite.over')
    expect((await mails()).sort()).to.deep.equal(['address-changed waiting', 'invite dropped'])
    const again = secretOf()
    await ago(made.id)
    await resendInvite(tenant.provisioning, admin, made.id, again).durable
    expect(await accept(again)).to.include({ id: user.id, status: 'active' })
  })

  it('S38: ends with its time, and the seat is free again', async () => {
    await changeLicence(tenant.provisioning, admin, { seats: { models: { full: 1 } } }).durable
    const secret = secretOf(Date.now() - 1)
    const { invite: made, user } = await invite('late@people.example', { secret })
    expect(await refusal(accept(secret))).to.equal('forbidden invite.over')
    expect(await listed()).to.deep.equal(['late@people.example expired'])
    const overdue = await test.store.reads.invites.overdue(Date.now(), 1_000)
    expect(overdue.filter(({ orgId }) => orgId === tenant.orgId)).to.deep.equal([{ orgId: tenant.orgId, id: made.id }])
    await expireInvite(test.store.work, tenant.orgId, made.id)
    await expireInvite(test.store.work, tenant.orgId, made.id)
    expect(await test.store.reads.users.find(tenant.orgId, user.id)).to.equal(undefined)
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'invite.expire')).to.have.length(1)
    await invite('next@people.example', { seats: { models: 'full' } })
    const anew = await invite('late@people.example', { seats: { models: 'viewer' } })
    expect(anew.user.id).not.to.equal(user.id)
  })

  it('S38: is ended by the job once, though two instances run it at once, and only when it is over', async () => {
    const { user } = await invite('over@people.example', { secret: secretOf(Date.now() - 1) })
    await invite('open@people.example')
    await Promise.all([endInvites(test.store, Date.now()), endInvites(test.store, Date.now())])
    expect((await listed()).sort()).to.deep.equal(['open@people.example pending', 'over@people.example expired'])
    expect(await test.store.reads.users.find(tenant.orgId, user.id)).to.equal(undefined)
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'invite.expire')).to.have.length(1)
    expect((await mails()).sort()).to.deep.equal(['invite dropped', 'invite waiting'])
  })

  it('can be taken back: the link is dead, the person is gone, the mail is not sent', async () => {
    const secret = secretOf()
    const { invite: made, user } = await invite('back@people.example', { secret })
    await revokeInvite(tenant.provisioning, admin, made.id).durable
    expect(await refusal(accept(secret))).to.equal('forbidden invite.over')
    expect(await test.store.reads.users.find(tenant.orgId, user.id)).to.equal(undefined)
    expect(await listed()).to.deep.equal(['back@people.example revoked'])
    expect(await mails()).to.deep.equal(['invite dropped'])
    expect(await refusal(revokeInvite(tenant.provisioning, admin, made.id).durable)).to.equal('forbidden invite.over')
    expect(await refusal(resendInvite(tenant.provisioning, admin, made.id, secretOf()).durable)).to.equal(
      'forbidden invite.over',
    )
  })

  it('sent again has another link, and the one before is dead; not more often than once a minute', async () => {
    const [first, second] = [secretOf(), secretOf()]
    const { invite: made } = await invite('again@people.example', { secret: first })
    const again = () => resendInvite(tenant.provisioning, admin, made.id, second).durable
    expect(await refusal(again())).to.equal('too-soon invite.too-soon')
    await ago(made.id)
    expect((await again()).mailed).to.equal(true)
    expect((await mails()).sort()).to.deep.equal(['invite dropped', 'invite waiting'])
    expect(await refusal(accept(first))).to.equal('forbidden invite.over')
    expect(await accept(second)).to.include({ status: 'active' })
  })

  it('of a pending person who was deleted does not come back with them', async () => {
    const secret = secretOf()
    const { user } = await invite('deleted@people.example', { secret })
    await deleteUser(tenant.provisioning, admin, user.id, { method: 'DELETE' }).durable
    await restoreUser(tenant.provisioning, admin, user.id).durable
    expect(await refusal(accept(secret))).to.equal('forbidden invite.over')
  })

  it('is made by org admins, for plain addresses that nobody has, and leaves nothing where it is refused', async () => {
    const draft = { id: newId<InviteId>(Date.now()), email: 'x@people.example', secret: secretOf() }
    expect(await refusal(invitePerson(tenant.provisioning, tenant.idp, draft))).to.equal('forbidden right.org-admin')
    expect(await refusal(invite('"x@evil.example"@people.example'))).to.equal('invalid-value email.syntax')
    expect(await refusal(invite('x@people.example', { teams: [{ team: 'nowhere' }] }))).to.equal('invalid-value')
    await tenant.user('known', { attributes: { emails: [{ value: 'Known@people.example', primary: true }] } })
    expect(await refusal(invite('known@People.example'))).to.equal('uniqueness invite.known')
    await invite('twice@people.example')
    expect(await refusal(invite('twice@people.example'))).to.equal('uniqueness invite.known')
    expect(await listed()).to.deep.equal(['twice@people.example pending'])
  })

  describe('into a team', () => {
    const into = (team: GroupId, by: Caller, email: string, role?: string) => {
      const secret = secretOf()
      const draft = { id: newId<InviteId>(Date.now()), email, secret, into: { team, role } }
      return invitePerson(tenant.provisioning, by, draft)
    }
    const person = async (name: string, team: GroupId, role: string): Promise<Caller> => {
      const user = await tenant.user(name)
      await addTeamMember(tenant.provisioning, admin, team, { person: user.id, role }).durable
      return personOf(tenant.orgId, user)
    }
    const settle = (settings: JsonObject) => changeOrgSettings(tenant.provisioning, admin, { settings }).durable

    it('is made by its admins, and by its members where the team says so, with no role above their own', async () => {
      const { id } = await createTeam(tenant.provisioning, admin, { name: 'lab', defaultRole: 'viewer' }).durable
      const lead = await person('lead', id, 'admin')
      const mate = await person('mate', id, 'member')
      const guest = await person('guest', id, 'viewer')
      const eve = personOf(tenant.orgId, await tenant.user('eve'))
      const { user, invite: made } = await into(id, lead, 'new@people.example', 'admin')
      expect(made.by).to.equal(lead.account!.user)
      expect(user.status).to.equal('pending')
      expect(await refusal(into(id, mate, 'x@people.example'))).to.equal('forbidden right.team-admin')
      expect(await refusal(into(id, eve, 'x@people.example'))).to.equal('not-found')
      await changeTeam(tenant.provisioning, admin, id, { plan: { inviters: 'members' } }).durable
      expect(await refusal(into(id, mate, 'x@people.example', 'admin'))).to.equal('forbidden role.above-own')
      expect(await refusal(into(id, guest, 'x@people.example'))).to.equal('forbidden right.team-admin')
      expect((await into(id, mate, 'x@people.example', 'member')).user.status).to.equal('pending')
      expect(await refusal(into(id, mate, 'x@people.example'))).to.equal('uniqueness invite.known')
      await settle({ teamsMayInvite: false })
      expect(await refusal(into(id, lead, 'y@people.example'))).to.equal('forbidden invite.not-allowed')
      expect((await into(id, admin, 'y@people.example')).user.status).to.equal('pending')
    })

    it('gives on arrival the team and in the org what everybody gets', async () => {
      const { id } = await createTeam(tenant.provisioning, admin, { name: 'lab' }).durable
      const lead = await person('lead', id, 'admin')
      const secret = secretOf()
      const draft = { id: newId<InviteId>(Date.now()), email: 'new@people.example', secret, into: { team: id } }
      await invitePerson(tenant.provisioning, lead, draft)
      const arrived = await accept(secret)
      expect(arrived).to.include({ status: 'active', orgRole: 'member' })
      expect(await teamsOf(test, tenant.orgId, arrived.id)).to.deep.equal([`${id} member`])
    })

    it('is sent again and taken back by whoever made it, and is nobody else’s', async () => {
      const { id } = await createTeam(tenant.provisioning, admin, { name: 'lab' }).durable
      const [lead, other] = [await person('lead', id, 'admin'), await person('other', id, 'admin')]
      const { invite: made } = await into(id, lead, 'new@people.example')
      await ago(made.id)
      const again = (by: Caller) => refusal(resendInvite(tenant.provisioning, by, made.id, secretOf()).durable)
      expect(await again(other)).to.equal('not-found')
      expect(await again(lead)).to.equal('')
      expect(await refusal(revokeInvite(tenant.provisioning, other, made.id).durable)).to.equal('not-found')
      const own = await test.store.reads.invites.list(tenant.orgId, 10, lead.account!.user)
      expect(own.map(({ id: each }) => each)).to.deep.equal([made.id])
      expect(await test.store.reads.invites.list(tenant.orgId, 10, other.account!.user)).to.deep.equal([])
      expect(await refusal(revokeInvite(tenant.provisioning, lead, made.id).durable)).to.equal('')
    })
  })

  it('of one org is nothing to another', async () => {
    const secret = secretOf()
    const { invite: made } = await invite('mine@people.example', { secret })
    const other = await foundTenant(test)
    const theirs = { ...operation(), orgId: other.orgId, connection: undefined }
    const used = acceptInvite(other.provisioning, theirs, {
      secretHash: secret.secretHash,
      equip: () => Promise.resolve(),
    }).durable
    expect(await refusal(used)).to.equal('forbidden invite.over')
    expect(await refusal(revokeInvite(other.provisioning, operatorOf(other.orgId), made.id).durable)).to.equal(
      'not-found',
    )
  })

  /** As if it had been sent before. */
  async function ago(id: InviteId): Promise<void> {
    await test.connections.writer.updateTable('invite').set({ sent: 1 }).where('id', '=', id).execute()
  }
})
