import { expect } from 'chai'
import { sql } from 'kysely'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'

forEachDialect('the schema', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  it('is up to date after one migration run, and a second run changes nothing', async () => {
    const states = await test.connections.migrationStatus()
    expect(states.map((state) => state.name)).to.deep.equal([
      '0001-first-slice',
      '0002-custom-roles',
      '0003-org-attributes',
      '0004-service-accounts',
      '0005-rules',
      '0006-seats-and-breaker',
      '0007-api-keys',
      '0008-teams-by-hand',
      '0009-sessions',
      '0010-sign-in',
      '0012-activity',
      '0013-outbox',
      '0014-checkpoints',
      '0015-invites-and-domains',
      '0016-access-reviews',
      '0017-joinable-teams',
      '0018-spent-tokens',
      '0019-privacy',
      '0020-delivery',
      '0021-purge',
      '0022-lean-periods',
    ])
    expect(states.every((state) => state.executedAt !== undefined)).to.equal(true)
    expect(await test.connections.migrate()).to.deep.equal([])
  })

  it('refuses to change a hashed record', async () => {
    const { writer } = test.connections
    const bytes = Buffer.alloc(32)
    await writer
      .insertInto('provisioning_event')
      .values({
        org_id: 'o',
        seq: 1,
        epoch: 1,
        time_ms: 0,
        id: 'e',
        action: 'user.create',
        result: 'success',
        actor_type: 'system',
        actor_id: null,
        connection_id: null,
        request_id: null,
        cause_id: null,
        body: '{}',
        content_hash: bytes,
        hash: bytes,
      })
      .execute()
    let message = ''
    try {
      await sql`update provisioning_event set body = '{"x":1}' where org_id = 'o'`.execute(writer)
    } catch (error) {
      message = String(error)
    }
    expect(message).to.contain('append-only')
  })
})
