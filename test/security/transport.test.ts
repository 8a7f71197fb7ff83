import { expect } from 'chai'
import { ConfigError, loadConfig } from '../../src/config.ts'
import { ScimClient } from '../support/scim-client.ts'
import { fresh, make, USER } from './orgs.ts'
import { type LoggedGateway, startLoggedGateway } from './secrets.ts'

describe('transport', () => {
  describe('without TLS', () => {
    const settingsBlamed = (env: Readonly<Record<string, string>>): readonly string[] => {
      try {
        loadConfig(env)
        return []
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        return error.problems.map(({ setting }) => setting)
      }
    }

    it('is refused beyond loopback: the start stops at PUBLIC_URL (S44, RFC 7644 §7.2)', () => {
      const refused = [
        { PUBLIC_URL: 'http://rollcall.example.com' },
        { PUBLIC_URL: 'http://10.0.0.1:8080' },
        { PUBLIC_URL: 'http://127.0.0.1.example.com' },
        { PUBLIC_URL: 'http://localhost.example.com' },
        { HOST: '0.0.0.0' },
        { HOST: '::' },
        { HOST: '192.0.2.1', PUBLIC_URL: 'http://localhost' },
        { HOST: '0.0.0.0', ALLOW_HTTP: 'false' },
      ]
      for (const env of refused) expect(settingsBlamed(env), JSON.stringify(env)).to.deep.equal(['PUBLIC_URL'])
    })

    it('is allowed on loopback, behind https, or where ALLOW_HTTP says so (S44)', () => {
      const allowed = [
        {},
        { HOST: '::1' },
        { PUBLIC_URL: 'http://localhost:8080' },
        { HOST: '0.0.0.0', PUBLIC_URL: 'https://rollcall.example.com' },
        { HOST: '0.0.0.0', ALLOW_HTTP: 'true' },
        { PUBLIC_URL: 'http://rollcall.example.com', ALLOW_HTTP: 'yes' },
      ]
      for (const env of allowed) expect(settingsBlamed(env), JSON.stringify(env)).to.deep.equal([])
    })
  })

  describe('of a running gateway', () => {
    let test: LoggedGateway

    const start = async (more: Readonly<Record<string, string>> = {}): Promise<void> => {
      test = await startLoggedGateway('sqlite', more)
    }
    afterEach(() => test.stop())

    /** Every kind of answer: good, refused, unknown, of the token endpoint, of health. */
    const PATHS = ['/scim/v2/Users', '/scim/v2/ServiceProviderConfig', '/oauth/token', '/livez', '/nowhere'] as const

    it('says HSTS on every answer where PUBLIC_URL is https, and never where it is not (S44, RFC 6797)', async () => {
      await start({ PUBLIC_URL: 'https://rollcall.example.com' })
      for (const path of PATHS) {
        const { headers } = await new ScimClient(test.url).call(path.slice(1))
        expect(headers['strict-transport-security'], path).to.equal('max-age=31536000')
        expect(headers['x-content-type-options'], path).to.equal('nosniff')
        expect(headers['content-security-policy'], path).to.include("default-src 'none'").and.include('frame-ancestors')
        expect(headers, path).to.not.have.any.keys('x-powered-by', 'server')
      }
      const client = new ScimClient(test.base, test.token)
      const id = await make(client, '/Users', { userName: fresh('tls') })
      const { headers } = await client.get(`/Users/${id}`, { host: 'evil.example', 'x-forwarded-host': 'evil.example' })
      expect(headers['strict-transport-security']).to.equal('max-age=31536000')
      expect(headers['content-location'] ?? headers['location'] ?? '').to.not.include('evil')
      await test.stop()
      await start()
      for (const path of PATHS) {
        const { headers: plain } = await new ScimClient(test.url).call(path.slice(1))
        expect(plain, path).to.not.have.property('strict-transport-security')
      }
    })

    /** The addresses that the process log and the provisioning log have seen, after some forged headers. */
    async function addressesSeen(): Promise<{ readonly logged: readonly unknown[]; readonly recorded: string }> {
      const client = new ScimClient(test.base, test.token)
      const forged = {
        ...{ 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9' },
        ...{ 'true-client-ip': '203.0.113.9', 'cf-connecting-ip': '203.0.113.9', 'x-client-ip': '203.0.113.9' },
      }
      expect((await client.post('/Users', { schemas: [USER], userName: fresh('ip') }, forged)).status).to.equal(201)
      await new ScimClient(test.base).get('/Users', forged)
      await test.stop()
      const logged = test.log.lines().flatMap((line) => (line['msg'] === 'request' ? [line['ip']] : []))
      return { logged, recorded: JSON.stringify(test.log.lines()) }
    }

    it('shows the socket address in the log, never X-Forwarded-For, without TRUST_PROXY (S44)', async () => {
      await start()
      const { logged, recorded } = await addressesSeen()
      expect(logged).to.deep.equal(['127.0.0.1', '127.0.0.1'])
      expect(recorded).to.not.include('203.0.113.9')
    })

    it('shows the client behind a trusted proxy, and does not trust one from elsewhere (S44)', async () => {
      await start({ TRUST_PROXY: '127.0.0.1' })
      expect((await addressesSeen()).logged).to.deep.equal(['203.0.113.9', '203.0.113.9'])
      await start({ TRUST_PROXY: '10.0.0.0/8' })
      expect((await addressesSeen()).logged).to.deep.equal(['127.0.0.1', '127.0.0.1'])
    })

    it('puts the address that TRUST_PROXY allows into records (S44)', async () => {
      await start()
      const client = new ScimClient(test.base, test.token)
      const body = { schemas: [USER], userName: fresh('ip') }
      expect((await client.post('/Users', body, { 'x-forwarded-for': '203.0.113.9' })).status).to.equal(201)
      const [org] = await test.gateway.opened.store.reads.orgs.list()
      const records = await test.gateway.opened.store.reads.records.tail(org!.id, 100)
      const made = records.find(({ action }) => action === 'user.create')
      expect(JSON.parse(made!.body)).to.have.nested.property('client.ip', '127.0.0.1')
      client.close()
    })
  })
})
