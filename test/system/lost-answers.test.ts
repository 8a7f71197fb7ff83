import { createServer, type Server, Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { allRecords, lookBeside } from './beside.ts'
import { activation, add, madeId, person, team } from './resources.ts'

/** A TCP proxy that can lose the answer of the next request: it cuts the client off when the answer begins to come. */
interface LossyProxy {
  readonly url: string
  loseNext: boolean
  readonly lost: number
  close(): Promise<void>
}

async function lossyProxy(port: number): Promise<LossyProxy> {
  const state = { loseNext: false, lost: 0 }
  const open = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = new Socket().connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      // Either end may go first; the other is then gone too.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      if (!state.loseNext) return void client.write(chunk)
      state.loseNext = false
      state.lost += 1
      client.resetAndDestroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  })
}

forEachDialect('a client that repeats what was answered and not heard (R14)', (dialect) => {
  let gateway: TestGateway
  let proxy: LossyProxy
  let client: ScimClient

  before(async () => {
    gateway = await startTestGateway(dialect)
    proxy = await lossyProxy(Number(new URL(gateway.url).port))
    client = new ScimClient(`${proxy.url}/scim/v2`, gateway.token)
  })
  after(async () => {
    client.close()
    await proxy.close()
    await gateway.stop()
  })

  /** Sends once with the answer lost, then again. */
  async function repeated(send: () => Promise<Answer>): Promise<Answer> {
    const before = proxy.lost
    proxy.loseNext = true
    const first = await send().catch((error: NodeJS.ErrnoException) => error.code)
    expect(first).to.equal('ECONNRESET')
    expect(proxy.lost).to.equal(before + 1)
    return send()
  }

  async function actions(): Promise<readonly string[]> {
    const environment = { dataDir: gateway.dataDir, databaseUrl: gateway.env['DATABASE_URL'] }
    return (await lookBeside(environment, allRecords)).map(({ action, result }) => `${action} ${result}`)
  }

  async function found(path: string, filter: string): Promise<readonly unknown[]> {
    const { body } = await client.get(`${path}?filter=${encodeURIComponent(filter)}`)
    return (body['Resources'] ?? []) as unknown[]
  }

  it('gets 409 for a repeated POST of a user, and finds the one that was made by filter', async () => {
    const answer = await repeated(() => client.post('/Users', person('twice@example.com', { externalId: '00utwice' })))
    expect([answer.status, answer.body['scimType']]).to.deep.equal([409, 'uniqueness'])
    expect(await found('/Users', 'userName eq "TWICE@example.com"')).to.have.lengthOf(1)
    expect(await found('/Users', 'externalId eq "00utwice"')).to.have.lengthOf(1)
  })

  it('gets 409 for a repeated POST of a group, and finds the one that was made by filter', async () => {
    const answer = await repeated(() => client.post('/Groups', team('made twice')))
    expect([answer.status, answer.body['scimType']]).to.deep.equal([409, 'uniqueness'])
    expect(await found('/Groups', 'displayName eq "Made Twice"')).to.have.lengthOf(1)
  })

  it('succeeds with a repeated PATCH of a user, which changes and records nothing', async () => {
    const id = madeId(await client.post('/Users', person('patched@example.com')))
    const before = await actions()
    const answer = await repeated(() => client.patch(`/Users/${id}`, [activation(false)]))
    expect(answer.status).to.be.oneOf([200, 204])
    expect(answer.body['active']).to.equal(false)
    expect((await actions()).slice(before.length)).to.deep.equal(['user.deactivate success'])
  })

  it('succeeds with a repeated PATCH of members, which changes and records nothing', async () => {
    const id = madeId(await client.post('/Users', person('member@example.com')))
    const group = madeId(await client.post('/Groups', team('patched')))
    const before = await actions()
    const answer = await repeated(() => client.patch(`/Groups/${group}`, [add(id)]))
    expect(answer.status).to.be.oneOf([200, 204])
    expect((await actions()).slice(before.length)).to.deep.equal(['group.update success'])
  })

  it('gets 404 for a repeated DELETE, whose person is gone', async () => {
    const id = madeId(await client.post('/Users', person('deleted@example.com')))
    expect((await repeated(() => client.delete(`/Users/${id}`))).status).to.equal(404)
    expect(await found('/Users', 'userName eq "deleted@example.com"')).to.have.lengthOf(0)
    expect((await actions()).filter((action) => action === 'user.delete success')).to.have.lengthOf(1)
  })
})
