import { expect } from 'chai'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import type { UserState } from '../../src/domain/user.ts'
import { problemCode, PUBLIC_URL } from '../admin/api.ts'
import { forEachDialect } from '../support/databases.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { eventually } from '../system/waiting.ts'
import { openSinkGateway, type SinkGateway, sinkIn } from './sinks.ts'

const EVENT = 'urn:ietf:params:scim:event:prov'

interface Claims {
  readonly jti: string
  readonly sub_id: { readonly format: string; readonly uri: string }
  readonly events: Readonly<Record<string, { readonly attributes?: readonly string[] }>>
}

forEachDialect('security event tokens of the log (RFC 9967)', (dialect) => {
  let gateway: SinkGateway
  let receiver: Receiver
  let jwks: ReturnType<typeof createLocalJWKSet>
  let made = 0

  before(async () => {
    gateway = await openSinkGateway(dialect)
    receiver = await openReceiver()
    receiver.behave = () => 202
    const answer = await fetch(`${gateway.origin}/events/jwks.json`)
    expect(answer.headers.get('content-type')).to.match(/^application\/jwk-set\+json/)
    const keys = (await answer.json()) as JSONWebKeySet
    for (const key of keys.keys) expect(key).not.to.have.property('d')
    // The one before a change of the key stays published; what is signed now is signed by the first.
    expect(new Set(keys.keys.map(({ kid }) => kid)).size).to.equal(2)
    jwks = createLocalJWKSet({ keys: keys.keys.slice(0, 1) })
  })
  after(async () => {
    await gateway.close()
    await receiver.close()
  })

  /** What a receiver does with a token (RFC 8417 §4, RFC 8935 §2). */
  async function verified(token: string, audience?: string): Promise<Claims> {
    const { payload, protectedHeader } = await jwtVerify(token, jwks, {
      ...{ issuer: PUBLIC_URL, typ: 'secevent+jwt' },
      ...(audience === undefined ? {} : { audience }),
    })
    expect(protectedHeader.alg).to.equal('EdDSA')
    expect(payload).not.to.have.any.keys('sub', 'exp')
    return payload as unknown as Claims
  }

  /** Makes, changes, switches and ends a person, and makes a group. @returns their addresses in SCIM */
  async function live(): Promise<readonly [person: string, group: string]> {
    const { tenant } = gateway
    const { id } = await tenant.user(`set${++made}@example.com`, { externalId: `ext-${made}` })
    const change = (wish: Partial<UserState>, method: 'PUT' | 'PATCH'): Promise<unknown> => {
      const caller = { ...tenant.idp, request: { ...tenant.idp.request, method } }
      return changeUser(tenant.provisioning, caller, id, { method, change: (now) => ({ ...now, ...wish }) }).durable
    }
    await change({ active: false }, 'PATCH')
    await change({ active: true }, 'PUT')
    const draft = { displayName: `set ${made}`, externalId: undefined, members: [{ value: id }] }
    const group = await createGroup(tenant.provisioning, tenant.idp, draft).durable
    await deleteUser(tenant.provisioning, tenant.idp, id, { method: 'DELETE' }).durable
    return [`/Users/${id}`, `/Groups/${group.id}`]
  }

  const eventsFor = (all: readonly Claims[], uri: string) =>
    all.filter(({ sub_id: subject }) => subject.uri === uri).map(({ events }) => Object.keys(events))

  const LIFE = [
    [`${EVENT}:create:notice`],
    [`${EVENT}:deactivate`, `${EVENT}:patch:notice`],
    [`${EVENT}:activate`, `${EVENT}:put:notice`],
    [`${EVENT}:delete`],
  ]

  it('are announced with their URIs in ServiceProviderConfig (RFC 9967 §4)', async () => {
    const answer = await fetch(`${gateway.origin}/scim/v2/ServiceProviderConfig`, {
      headers: { authorization: `Bearer ${await gateway.scimToken()}` },
    })
    const { securityEvents } = (await answer.json()) as {
      securityEvents: { asyncRequest: string; eventUris: string[] }
    }
    expect(securityEvents.asyncRequest).to.equal('none')
    expect(securityEvents.eventUris).to.include.members(LIFE.flat())
  })

  it('are pushed (RFC 8935) for what happens to people and groups, signed with the published key', async () => {
    const config = { url: receiver.url, audience: 'https://rp.example' }
    await gateway.admin.post('/sinks', { name: 'push', kind: 'push', config, token: 'opens-the-door' })
    const [person, group] = await live()
    const tokens = async (): Promise<readonly Claims[]> =>
      Promise.all(receiver.taken.map(({ body }) => verified(body, 'https://rp.example')))
    await eventually(async () => eventsFor(await tokens(), person).length === LIFE.length)
    const all = await tokens()
    expect(eventsFor(all, person)).to.deep.equal(LIFE)
    expect(eventsFor(all, group)).to.deep.equal([[`${EVENT}:create:notice`]])
    const [first] = all.filter(({ sub_id: subject }) => subject.uri === person)
    expect(first!.sub_id).to.deep.equal({ format: 'scim', uri: person })
    expect(first!.events[`${EVENT}:create:notice`]!.attributes).to.include.members(['userName', 'active'])
    for (const { headers, body } of receiver.taken) {
      expect(headers['content-type']).to.equal('application/secevent+jwt')
      expect(headers.authorization).to.equal('Bearer opens-the-door')
      expect(Buffer.from(body.split('.')[1]!, 'base64url').toString()).not.to.contain('example.com')
    }
    expect((await gateway.admin.get('/sinks')).text).not.to.contain('opens-the-door')
  })

  async function poller(): Promise<(body: object) => Promise<{ status: number; body: PollBody }>> {
    const { secret } = sinkIn(await gateway.admin.post('/sinks', { name: `poll ${++made}`, kind: 'poll' }))
    return async (body) => {
      const answer = await fetch(`${gateway.origin}/events/poll`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret!}`, 'content-type': 'application/json' },
        body: JSON.stringify({ returnImmediately: true, ...body }),
      })
      return { status: answer.status, body: (await answer.json()) as PollBody }
    }
  }

  it('are polled (RFC 8936), each until it is acknowledged, in whatever order that comes', async () => {
    const poll = await poller()
    const [person, group] = await live()
    const { body } = await poll({})
    const tokens = await Promise.all(Object.values(body.sets).map((token) => verified(token)))
    expect(eventsFor(tokens, person)).to.deep.equal(LIFE)
    expect(eventsFor(tokens, group)).to.deep.equal([[`${EVENT}:create:notice`]])
    expect(tokens.map(({ jti }) => jti)).to.deep.equal(Object.keys(body.sets))
    const [first, second, third, ...rest] = tokens.map(({ jti }) => jti)
    expect(Object.keys((await poll({ ack: [second] })).body.sets)).to.deep.equal([first, third, ...rest])
    expect(Object.keys((await poll({ ack: [first, 'made-up', `${first!}0`] })).body.sets)).to.deep.equal([
      third,
      ...rest,
    ])
    expect(Object.keys((await poll({ maxEvents: 1 })).body.sets)).to.deep.equal([third])
    expect((await poll({ maxEvents: 1 })).body.moreAvailable).to.equal(true)
    expect((await poll({ maxEvents: 0, ack: [third, ...rest] })).body).to.deep.equal({ sets: {}, moreAvailable: false })
    expect((await poll({})).body).to.deep.equal({ sets: {}, moreAvailable: false })
  })

  it('that a polling receiver says it cannot take are dead letters', async () => {
    const poll = await poller()
    await live()
    const [first, ...rest] = Object.keys((await poll({})).body.sets)
    const said = { [first!]: { err: 'invalid_key', description: 'free text of somebody else' } }
    expect(Object.keys((await poll({ setErrs: said })).body.sets)).to.deep.equal(rest)
    const sinks = (await gateway.admin.get('/sinks')).json['items'] as readonly { readonly id: string }[]
    const dead = await gateway.admin.get(`/sinks/${sinks.at(-1)!.id}/dead`)
    const errors = (dead.json['items'] as readonly { readonly error: string }[]).map(({ error }) => error)
    expect(errors).to.deep.equal(['The receiver could not take it: invalid_key'])
    problemCode(await gateway.admin.post(`/sinks/${sinks.at(-1)!.id}/dead/replay`, {}), 400)
  })

  it('are held while the receiver is paused, and waited for by a poll that does not ask for an answer at once', async () => {
    const poll = await poller()
    const sinks = (await gateway.admin.get('/sinks')).json['items'] as readonly { readonly id: string }[]
    await gateway.admin.post(`/sinks/${sinks.at(-1)!.id}/pause`, undefined)
    await gateway.tenant.user(`set${++made}@example.com`)
    expect((await poll({})).body).to.deep.equal({ sets: {}, moreAvailable: false })
    await gateway.admin.post(`/sinks/${sinks.at(-1)!.id}/resume`, undefined)
    const ack = Object.keys((await poll({})).body.sets)
    expect(ack).to.have.length(1)
    const waiting = poll({ ack, returnImmediately: false })
    await gateway.tenant.user(`set${++made}@example.com`)
    expect(Object.keys((await waiting).body.sets)).to.have.length(1)
  })

  it('are for nobody without the credential of a polling receiver, and a request that is none is refused', async () => {
    const url = `${gateway.origin}/events/poll`
    const key = await gateway.key('admin')
    for (const authorization of [
      undefined,
      'Bearer nonsense',
      `Bearer ${key}`,
      `Bearer ${await gateway.scimToken()}`,
    ]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(url, { method: 'POST', headers, body: '{}' })
      expect([answer.status, ((await answer.json()) as { err: string }).err]).to.deep.equal([
        401,
        'authentication_failed',
      ])
    }
    const poll = await poller()
    for (const bad of [{ maxEvents: -1 }, { maxEvents: 'x' }, { ack: 'x' }, { ack: [1] }, { setErrs: [] }]) {
      const { status, body } = await poll(bad)
      expect([status, body.err]).to.deep.equal([400, 'invalid_request'])
    }
    expect((await fetch(url)).status).to.equal(405)
    expect(gateway.failures).to.deep.equal([])
  })
})

interface PollBody {
  readonly sets: Readonly<Record<string, string>>
  readonly moreAvailable: boolean
  readonly err?: string
}
