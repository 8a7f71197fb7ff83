import { expect } from 'chai'
import type { TokenId } from '../../src/domain/ids.ts'
import { newId } from '../../src/domain/ids.ts'
import { openConnections } from '../../src/storage/store.ts'
import { openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

describe('tokens kept by the embedded store', () => {
  const asked: string[] = []
  const secretHash = Buffer.alloc(32, 7)
  let test: TestStore
  let tenant: Tenant
  let id: TokenId

  before(async () => {
    test = await openTestStore('sqlite', ({ sql }) => {
      if (sql.includes('from "connection_token"')) asked.push(sql)
    })
    tenant = await foundTenant(test)
    id = newId<TokenId>(Date.now())
    const token = {
      id,
      connectionId: tenant.idp.connection!.id,
      secretHash,
      origin: 'minted',
      expires: undefined,
    } as const
    await test.store.work.submit(tenant.orgId, (stores) => stores.orgs.insertToken(tenant.orgId, token, stores.now))
      .durable
  })
  after(() => test.close())

  const find = () => test.store.reads.credentials.tokenByHash(secretHash)

  it('are read once while nothing is written, by hash and by id', async () => {
    asked.length = 0
    for (let n = 0; n < 5; n++) {
      expect((await find())?.id).to.equal(id)
      expect((await test.store.reads.credentials.tokenById(id))?.id).to.equal(id)
    }
    expect(asked).to.have.length(2)
  })

  it('are read again after a change of this process, so a revocation holds at once', async () => {
    expect((await find())?.revoked).to.equal(undefined)
    await test.store.work.submit(tenant.orgId, (stores) => stores.orgs.revokeToken(tenant.orgId, id, 1_234)).durable
    expect((await find())?.revoked).to.equal(1_234)
  })

  it('are read again after a change of another process', async () => {
    await find()
    const { dataDir } = test
    const beside = openConnections({ dataDir, databaseUrl: undefined, poolSize: 1, onIdleError: () => undefined })
    await beside.writer
      .updateTable('connection')
      .set({ status: 'revoked' })
      .where('org_id', '=', tenant.orgId)
      .execute()
    await beside.close()
    expect((await find())?.connection.status).to.equal('revoked')
  })

  it('are not kept when there is none: one that is made later is found', async () => {
    const other = Buffer.alloc(32, 9)
    const { credentials } = test.store.reads
    expect(await credentials.tokenByHash(other)).to.equal(undefined)
    asked.length = 0
    expect(await credentials.tokenByHash(other)).to.equal(undefined)
    expect(asked).to.have.length(1)
  })
})
