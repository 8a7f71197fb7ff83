import { expect } from 'chai'
import { operationIdOf } from '../../src/admin/openapi.ts'
import { ROUTES } from '../../src/admin/routes.ts'
import type { Route } from '../../src/admin/route.ts'
import { type InviteId, newId, type SessionId, type TokenId } from '../../src/domain/ids.ts'
import { addToken } from '../../src/provisioning/connection-tokens.ts'
import { addTrust } from '../../src/provisioning/connection-trusts.ts'
import { invitePerson } from '../../src/provisioning/invite-person.ts'
import { placeHold } from '../../src/provisioning/legal-holds.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createServiceAccount } from '../../src/provisioning/service-account-admin.ts'
import { createProvider } from '../../src/provisioning/sign-in-providers.ts'
import { createSink, newSinkId } from '../../src/provisioning/sinks.ts'
import { startSession } from '../../src/provisioning/sessions.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { operatorOf } from '../support/callers.ts'
import { DIALECTS } from '../support/databases.ts'
import { foundTenant, operation } from '../support/tenant.ts'
import { type AdminGateway, type ApiAnswer, ApiClient, openAdminGateway, problemCode } from './api.ts'

const RANDOM = '0190aaaa-0000-7000-8000-00000000dead'

/** What parts of paths may be that are no ids. */
const TEXTS: Readonly<Record<string, string>> = { right: 'auditor', identity: 'an-identity', domain: 'nobody.example' }

/** Ids of another org for each name in braces; a name that is missing here fails the test of its routes. */
type ForeignIds = Readonly<Record<string, string>>

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly parameters: readonly { name: string }[] }>>>
  >
}

function namesOf({ path, texts = [] }: Route): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => !texts.includes(name))
}

function pathWith({ path }: Route, ids: ForeignIds | undefined): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => TEXTS[name] ?? ids?.[name] ?? RANDOM)
}

/** A body the route takes: the example its schema gives (`.meta({ examples: [ … ] })`). */
function bodyFor({ body }: Route): unknown {
  if (body === undefined) return undefined
  const [example = {}] = (body.meta()?.['examples'] ?? []) as readonly unknown[]
  return example
}

// One dialect is enough: what is asked here is decided ahead of the store.
const dialect = DIALECTS[0]!

describe('every route of the admin API', () => {
  let gateway: AdminGateway
  let admin: ApiClient
  let foreign: ForeignIds
  let token: string
  let key: string
  let auditor: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('operator'))
    foreign = await foreignIds(gateway)
    token = await gateway.scimToken()
    key = await gateway.key('admin')
    auditor = gateway.client(await gateway.key('auditor'))
  })
  after(() => gateway.close())

  it('is there once, and in the document with its parameters', async () => {
    const names = ROUTES.map(operationIdOf)
    expect(new Set(names).size).to.equal(names.length)
    const answer = await new ApiClient(gateway.origin, undefined).get('/openapi.json')
    const { paths } = answer.json as unknown as Document
    for (const one of ROUTES) {
      const found = paths[one.path]?.[one.method.toLowerCase()]
      expect(found, `${one.method} ${one.path}`).not.to.equal(undefined)
      const wanted = [...one.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(found!.parameters.map(({ name }) => name)).to.include.members(wanted)
    }
    expect(Object.values(paths).flatMap(Object.keys)).to.have.length(ROUTES.length)
  })

  for (const one of ROUTES) {
    const title = `${one.method} ${one.path}`

    it(`${title} refuses each wrong kind of credential`, async () => {
      const basic = `Basic ${Buffer.from(`any:${key}`).toString('base64')}`
      const headers = [
        ...[{}, { authorization: '' }, { authorization: 'Bearer nonsense' }, { authorization: `Bearer ${token}` }],
        ...[{ authorization: basic }, { authorization: `Bearer ${key.slice(0, -1)}x` }, { cookie: `key=${key}` }],
      ]
      const nobody = new ApiClient(gateway.origin, undefined)
      for (const header of headers) {
        const answer = await nobody.send(one.method, pathWith(one, undefined), { headers: header, body: bodyFor(one) })
        expect(problemCode(answer, 401)).to.equal('credential')
        expect(answer.headers.get('www-authenticate')).to.equal('Bearer realm="rollcall admin"')
      }
    })

    if (namesOf(one).length > 0) {
      it(`${title} answers ids of another organisation as it does random ones, with 404`, async () => {
        for (const name of namesOf(one)) expect(foreign, `a foreign ${name}`).to.have.property(name)
        const ask = (path: string): Promise<ApiAnswer> => admin.send(one.method, path, { body: bodyFor(one) })
        const [theirs, random] = [await ask(pathWith(one, foreign)), await ask(pathWith(one, undefined))]
        expect(random.status, random.text).to.equal(theirs.status)
        const same = theirs.text.replaceAll(/"(?:requestId|instance)":"[^"]*",?/g, '')
        const ids = Object.values(foreign).reduce((text, id) => text.replaceAll(id, RANDOM), same)
        expect(ids).to.equal(random.text.replaceAll(/"(?:requestId|instance)":"[^"]*",?/g, ''))
        problemCode(theirs, 404)
      })

      it(`${title} answers what can be no id with 404`, async () => {
        const path = one.path.replaceAll(/\{(\w+)\}/g, "x'--")
        problemCode(await admin.send(one.method, path, { body: bodyFor(one) }), 404)
      })
    }

    it(`${title} is refused to who may not call it`, async () => {
      const member = await gateway.tenant.user(`${operationIdOf(one)}@example.com`)
      const mine = gateway.client(await gateway.key('user', member.id))
      const answer = await mine.send(one.method, pathWith(one, undefined), { body: bodyFor(one) })
      if (one.who === 'anybody')
        expect(answer.status).not.to.be.oneOf(one.method === 'GET' ? [401, 403, 500] : [401, 500])
      else problemCode(answer, ['teamAdmin', 'teamReader', 'self'].includes(one.who) ? 404 : 403)
      if (one.method === 'GET') return
      const changed = await auditor.send(one.method, pathWith(one, undefined), { body: bodyFor(one) })
      expect(changed.status, changed.text).to.be.oneOf([400, 403, 404])
    })
  }

  it('fails for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})

async function foreignIds(gateway: AdminGateway): Promise<ForeignIds> {
  const other = await foundTenant(gateway.test, 'other')
  const person = await other.user('bob@other.example')
  const key = await gateway.key('user', person.id, other.orgId)
  expect(key).to.be.a('string')
  const keys = await gateway.test.store.reads.keys.list(other.orgId)
  const token = newId<TokenId>(Date.now())
  const connectionId = other.idp.connection!.id
  const draft = {
    id: token,
    connectionId,
    secretHash: Buffer.alloc(32, 7),
    origin: 'minted',
    expires: undefined,
  } as const
  await addToken(other.provisioning, operation(), other.orgId, draft).durable
  const said = { audience: 'theirs', jwksUri: undefined, pins: {}, algorithms: [], longLived: false }
  const trusted = { issuer: 'https://login.other.example', ...said }
  const trust = await addTrust(other.provisioning, operatorOf(other.orgId), connectionId, trusted).durable
  const group = await createGroup(other.provisioning, other.idp, {
    ...{ displayName: 'theirs', externalId: undefined, members: [] },
  }).durable
  const operator = operatorOf(other.orgId)
  const team = await createTeam(other.provisioning, operator, { name: 'their team' }).durable
  const state = { name: 'Theirs', description: undefined, base: 'member', permissions: [] } as const
  const role = await createRole(other.provisioning, operator, state).durable
  const grants = [{ orgRole: 'member' }]
  const rule = await createRule(other.provisioning, operator, { match: { kind: 'name', value: 'theirs' }, grants })
    .durable
  const account = await createServiceAccount(other.provisioning, operator, {
    ...{ userName: 'bot', scope: 'team', defaultTeam: team.id, owner: person.id },
  }).durable
  const session = newId<SessionId>(Date.now())
  await startSession(other.provisioning, operation(), other.orgId, {
    ...{
      id: session,
      user: person.id,
      method: 'oidc',
      secretHash: Buffer.alloc(32, 8),
      expires: Date.now() + 3_600_000,
    },
  }).durable
  const invite = newId<InviteId>(Date.now())
  await invitePerson(other.provisioning, operator, {
    ...{ id: invite, email: 'cara@other.example' },
    secret: { text: '', secretHash: Buffer.alloc(32, 9), expires: Date.now() + 60_000 },
  })
  const config = { issuer: 'https://theirs.example', clientId: 'theirs' }
  const provider = await createProvider(other.provisioning, operator, { kind: 'oidc', name: 'theirs', config }).durable
  const sink = newSinkId(Date.now())
  const receiver = { name: 'theirs', kind: 'poll', config: {}, personal: false, from: 'now' } as const
  const secrets = { secret: undefined, secretHash: Buffer.alloc(32, 5) }
  await createSink(other.provisioning, operator, { id: sink, ...receiver, ...secrets }).durable
  const batch = newId(Date.now())
  const row = { mode: 'alert', state: 'open', most: 10, base: 20, created: 1, decided: null } as const
  await gateway.test.connections.writer
    .insertInto('breaker_batch')
    .values({ ...row, org_id: other.orgId, id: batch, connection_id: connectionId })
    .execute()
  const review = newId(Date.now())
  const begun = { name: 'theirs', seq: 1, created: 1, state: 'open', signed: null, digest: null } as const
  await gateway.test.connections.writer
    .insertInto('access_review')
    .values({ ...begun, org_id: other.orgId, id: review })
    .execute()
  const mail = newId(Date.now())
  const sent = {
    kind: 'test',
    person_id: null,
    state: 'sent',
    payload: '',
    attempts: 1,
    lease_until: null,
    problem: null,
  }
  await gateway.test.connections.writer
    .insertInto('outbox')
    .values({ ...sent, org_id: other.orgId, id: mail, next_ms: 1, created: 1, ended: 1 })
    .execute()
  const hold = await placeHold(other.provisioning, operator, { reason: 'theirs' }).durable
  return {
    ...{ mail, sink, hold: hold.id, batch, session, invite, provider: provider.id, review, trust: trust.id },
    ...{ user: person.id, key: keys[0]!.id, connection: connectionId, token, group: group.id, subject: group.id },
    ...{ team: team.id, role: role.id, rule: rule.id, account: account.id },
  }
}
