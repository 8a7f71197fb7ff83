import { rmSync } from 'node:fs'
import { expect } from 'chai'
import { startGateway } from '../../src/gateway.ts'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/http/logging.ts'
import { connect } from '../../src/opened-store.ts'
import { DIALECTS, freshLocation } from '../support/databases.ts'
import { createDatabase, freePort, startCluster } from '../support/postgres.ts'
import { ScimClient } from '../support/scim-client.ts'
import { basic, ERROR, make } from './orgs.ts'

if (DIALECTS.includes('postgres')) {
  describe('a store outage during authentication', function () {
    this.timeout(90_000)

    it('is 503 with Retry-After for every credential, never 401, and over when the store is back', async () => {
      const cluster = await startCluster()
      const token = `outage-${'t'.repeat(40)}`
      const port = await freePort()
      const { dataDir } = await freshLocation('sqlite')
      const config = loadConfig({
        ...{ PORT: String(port), ROLLCALL_DATA_DIR: dataDir, LOG_LEVEL: 'silent' },
        ...{ DATABASE_URL: await createDatabase(cluster), ROLLCALL_MASTER_KEY: '7'.repeat(64) },
        ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
      })
      const connections = connect(config, () => undefined)
      await connections.migrate()
      await connections.close()
      const gateway = await startGateway(config, createLogger('silent'))
      const url = `http://127.0.0.1:${port}`
      const client = new ScimClient(`${url}/scim/v2`)
      const known = { authorization: `Bearer ${token}` }
      try {
        await make(new ScimClient(`${url}/scim/v2`, token), '/Users', { userName: 'before' })
        expect((await client.get('/Users', { authorization: 'Bearer unknown' })).status).to.equal(401)
        await cluster.stop()
        for (const authorization of [known.authorization, 'Bearer unknown', basic('u', token), basic('u', 'unknown')]) {
          const answer = await client.get('/Users', { authorization })
          expect(answer.status, authorization).to.equal(503)
          expect(answer.body).to.deep.include({ schemas: [ERROR], status: '503' })
          expect(answer.headers['content-type']).to.equal('application/scim+json')
          expect(Number(answer.headers['retry-after'])).to.be.within(1, 60)
          expect(answer.headers).to.not.have.property('www-authenticate')
        }
        const grant = await new ScimClient(url).call('oauth/token', {
          ...{ method: 'POST', rawBody: 'grant_type=client_credentials' },
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            authorization: basic('01234567-89ab-7def-8123-456789abcdef', token),
          },
        })
        expect([grant.status, grant.body['error']]).to.deep.equal([503, 'temporarily_unavailable'])
        expect((await client.get('/Users')).status, 'no credential needs no store').to.equal(401)
        await cluster.start()
        const back = await client.get('/Users', known)
        expect([back.status, back.body['totalResults']]).to.deep.equal([200, 1])
      } finally {
        client.close()
        await gateway.stop()
        await cluster.remove()
        rmSync(dataDir, { recursive: true, force: true })
      }
    })
  })
}
