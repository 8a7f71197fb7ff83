import { expect } from 'chai'
import { newId, type OrgId } from '../../src/domain/ids.ts'
import { createRequestLog, type LoggedRequest, type RequestLog } from '../../src/storage/request-log.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'

const HOUR = 3_600_000

forEachDialect('the request log', (dialect) => {
  let test: TestStore
  let log: RequestLog
  const [orgId, other] = [newId<OrgId>(1), newId<OrgId>(2)]
  let broken: Error | undefined

  before(async () => {
    test = await openTestStore(dialect)
    const { writer } = test.connections
    log = createRequestLog(
      (work) => (broken === undefined ? inTransaction(writer, dialect, work) : Promise.reject(broken)),
      { maxRows: 1_200 },
    )
  })
  after(() => test.close())

  function line(n: number, more: Partial<LoggedRequest> = {}): LoggedRequest {
    return {
      ...{ orgId, time: 1_000 * HOUR + n, requestId: `r-${n}`, connectionId: undefined, method: 'GET' },
      ...{ route: '/Users/:id', status: 200, scimType: undefined, latencyUs: n, ...more },
    }
  }
  function rows(of: OrgId = orgId) {
    return test.connections.reader
      .selectFrom('request_log')
      .selectAll()
      .where('org_id', '=', of)
      .orderBy('id')
      .execute()
  }
  async function flush(lines: readonly LoggedRequest[], now = 1_000 * HOUR): Promise<void> {
    for (const each of lines) log.add(each)
    await log.flush(now)
  }

  it('keeps each request as it was, in the order they ended', async () => {
    await flush([line(1), line(2, { connectionId: 'c', scimType: 'invalidValue', status: 400 })])
    const kept = await rows()
    expect(kept.map(({ request_id }) => request_id)).to.deep.equal(['r-1', 'r-2'])
    expect(kept[1]).to.deep.include({ connection_id: 'c', scim_type: 'invalidValue', status: 400, latency_us: 2 })
    expect(kept[0]).to.deep.include({ connection_id: null, scim_type: null, time_ms: 1_000 * HOUR + 1, method: 'GET' })
  })

  it('keeps what waits while the store is out', async () => {
    broken = new Error('out')
    log.add(line(3))
    const refused = await log.flush(1_000 * HOUR).catch((error: unknown) => error)
    expect(refused).to.equal(broken)
    broken = undefined
    await log.flush(1_000 * HOUR)
    expect((await rows()).map(({ request_id }) => request_id)).to.deep.equal(['r-1', 'r-2', 'r-3'])
  })

  it('holds the newest of too many, and none that is older than three days, of that org alone', async () => {
    await flush([line(1, { orgId: other })])
    await flush(Array.from({ length: 1_800 }, (_, n) => line(n + 10)))
    const kept = await rows()
    expect(kept).to.have.length(1_200)
    expect([kept[0]!.request_id, kept.at(-1)!.request_id]).to.deep.equal(['r-610', 'r-1809'])
    await flush([line(9_000, { time: 1_080 * HOUR })], 1_080 * HOUR)
    expect((await rows()).map(({ request_id }) => request_id)).to.deep.equal(['r-9000'])
    expect(await rows(other)).to.have.length(1)
  })
})
