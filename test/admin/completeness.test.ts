import { expect } from 'chai'
import { ROUTES } from '../../src/admin/routes.ts'
import { forEachDialect } from '../support/databases.ts'
import { openDnsServer } from '../support/dns-server.ts'
import { momentOf, unnamedSince } from '../support/named-changes.ts'
import { openAdminGateway } from './api.ts'
import { type Gateway, type Ids, scim, type Step, STEPS } from './changes.ts'

interface Sent {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** What changes nothing that the log is about. */
const NO_CHANGE = ['POST /previews', 'POST /activity', 'POST /sinks/{sink}/test']

forEachDialect('every change over HTTP (C01)', (dialect) => {
  let gateway: Gateway
  const ids: Ids = { right: 'auditor', domain: 'people.example' }

  before(async () => {
    const dns = await openDnsServer()
    const settings = { ROLLCALL_DNS_SERVERS: dns.address, SMTP_URL: 'smtp://127.0.0.1', MAIL_FROM: 'a@gateway.example' }
    gateway = { ...(await openAdminGateway(dialect, undefined, settings)), dns }
    ids['operator'] = await gateway.key('operator')
    ids['reviewer'] = await gateway.key('admin')
    ids['scim'] = await gateway.scimToken()
    ids['idp'] = gateway.tenant.idp.connection!.id
    for (const name of ['p0', 'p1', 'p2', 'p3', 'p4', 'p5']) ids[name] = (await gateway.tenant.user(name)).id
  })
  after(async () => {
    await gateway.close()
    await gateway.dns.close()
  })

  it('is in the table of this test', () => {
    const known = new Set([...STEPS.map(({ route }) => route), ...NO_CHANGE])
    const missing = ROUTES.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)
    expect(missing.filter((route) => !known.has(route))).to.deep.equal([])
  })

  for (const step of STEPS) {
    it(`${step.route} names each thing it changes in exactly one record`, async () => {
      await step.arrange?.(gateway, ids)
      await gateway.tenant.jobs()
      const { writer } = gateway.test.connections
      const moment = await momentOf(writer)
      await send(step)
      await gateway.tenant.jobs()
      expect(await unnamedSince(writer, moment, whatIs)).to.equal('')
    })
  }

  function whatIs(id: string): string {
    const [name = id] = Object.entries(ids).find(([, value]) => value === id) ?? []
    return name
  }

  async function send(step: Step): Promise<void> {
    const [method = '', path = ''] = step.route.split(' ')
    const known = { ...ids, ...step.with?.(ids) }
    const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => known[name] ?? `no ${name}`)
    const body = step.body?.(ids)
    const text = filled.startsWith('/scim/v2')
      ? await scim(gateway, ids, method, filled.slice('/scim/v2'.length), body)
      : await admin(ids[step.as ?? 'operator']!, { method, path: filled, body })
    if (step.makes !== undefined) ids[step.makes] = String((JSON.parse(text) as { id: string }).id)
  }

  async function admin(key: string, { method, path, body }: Sent): Promise<string> {
    const answer = await gateway.client(key).send(method, path, body === undefined ? {} : { body })
    expect(answer.status, answer.text).to.be.within(200, 299)
    return answer.text
  }
})
