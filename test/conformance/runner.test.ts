import { expect } from 'chai'
import { loadCases, type ConformanceCase, type Step } from '../../conformance/case.ts'
import { jsonReport, textReport } from '../../conformance/report.ts'
import { runCases, type Outcome, type Report } from '../../conformance/runner.ts'
import { startSmallServer, type Reply, type SeenRequest, type SmallServer } from './small-server.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const CREATE: Step = {
  method: 'POST',
  path: '/Users',
  body: { schemas: [USER], userName: '{{rand}}@example.com' },
  save: 'A',
  expect: { status: 201, headers: { location: { $eqJson: 'meta.location' } }, json: { id: { $exists: true } } },
}
const READ: Step = { method: 'GET', path: '/Users/{{id:A}}', expect: { status: 200, json: { id: '{{id:A}}' } } }
const MISSING: Step = { method: 'GET', path: '/Users/nope', expect: { status: 404, error: true } }

function caseOf(steps: readonly Step[], more: Partial<ConformanceCase> = {}): ConformanceCase {
  return { id: 'one', section: 'S', source: 'RFC 7644 §3', title: 't', profiles: ['rfc'], needs: [], steps, ...more }
}

describe('conformance: the runner', () => {
  let server: SmallServer | undefined

  /** Runs cases against a server that `change` makes wrong. */
  async function run(
    cases: readonly ConformanceCase[],
    change?: (reply: Reply, request: SeenRequest) => void,
    more: { keep?: boolean; grep?: string } = {},
  ): Promise<Report> {
    server = await startSmallServer(change)
    return runCases(cases, { url: server.url, token: server.token, ...more })
  }

  async function only(item: ConformanceCase, change?: (reply: Reply, request: SeenRequest) => void): Promise<Outcome> {
    const [outcome] = (await run([item], change)).outcomes
    if (outcome === undefined) throw new Error('no outcome')
    return outcome
  }

  function whereOf(outcome: Outcome): string[] {
    return outcome.failure?.problems.map((problem) => problem.where) ?? []
  }

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  it('passes a case that the server answers rightly', async () => {
    expect((await only(caseOf([CREATE, READ, MISSING]))).result).to.equal('passed')
  })

  it('fails on a wrong status, and names step, request, expected and got', async () => {
    const outcome = await only(caseOf([CREATE, READ]), (reply, request) => {
      if (request.method === 'GET' && request.path.startsWith('/Users/')) reply.status = 203
    })
    expect(outcome.result).to.equal('failed')
    expect(outcome.failure).to.include({ step: 2, steps: 2 })
    expect(outcome.failure?.request?.path).to.match(/^\/Users\/[0-9a-f-]+$/u)
    expect(outcome.failure?.problems).to.deep.equal([{ where: 'status', expected: '200', got: '203' }])
  })

  it('fails on a missing header, a wrong value and an error that is no SCIM error', async () => {
    const location = await only(caseOf([CREATE]), (reply) => {
      delete reply.headers['location']
    })
    expect(whereOf(location)).to.deep.equal(['header location'])
    await server?.close()
    const id = await only(caseOf([CREATE, READ]), (reply, request) => {
      if (request.method === 'GET') reply.body = { id: 'other' }
    })
    expect(whereOf(id)).to.deep.equal(['body id'])
    await server?.close()
    const error = await only(caseOf([MISSING]), (reply, request) => {
      if (request.path === '/Users/nope') reply.body = { message: 'not found' }
    })
    expect(whereOf(error)).to.deep.equal(['body schemas', 'body status'])
  })

  it('fails when a body comes where none may be, and when the connection does not survive', async () => {
    const del: Step = { method: 'DELETE', path: '/Users/{{id:A}}', expect: { status: 200, empty: true } }
    const body = await only(caseOf([CREATE, del]), (reply, request) => {
      if (request.method === 'DELETE') Object.assign(reply, { status: 200, body: { deleted: true } })
    })
    expect(whereOf(body)).to.deep.equal(['body'])
    await server?.close()
    const again: Step = { ...MISSING, expect: { status: 404, sameConnection: true } }
    const broken = await only(caseOf([MISSING, again]), (reply) => {
      if (reply.status === 404) reply.breaks = true
    })
    expect(broken.result).to.equal('failed')
    expect(broken.failure?.step).to.equal(2)
  })

  it('keeps one connection for a case that asks for it', async () => {
    expect(
      (await only(caseOf([MISSING, { ...MISSING, expect: { status: 404, sameConnection: true } }]))).result,
    ).to.equal('passed')
  })

  it('skips with the reason what ServiceProviderConfig or a 501 says is not there', async () => {
    const bulk: Step = { method: 'POST', path: '/Bulk', body: {}, expect: { status: 200 } }
    const report = await run([
      caseOf([bulk], { id: 'bulk', needs: ['bulk'] }),
      caseOf([bulk], { id: 'search', needs: ['search'] }),
      caseOf([bulk], { id: 'answered', needs: ['filter'] }),
      caseOf([bulk], { id: 'plain' }),
    ])
    expect(report.outcomes.map(({ id, result }) => `${id} ${result}`)).to.deep.equal([
      'bulk skipped',
      'search skipped',
      'answered skipped',
      'plain failed',
    ])
    expect(report.outcomes[0]?.reason).to.equal('ServiceProviderConfig says that bulk is not supported')
    expect(report.outcomes[1]?.reason).to.equal('POST /.search answers 501')
    expect(report.outcomes[2]?.reason).to.equal('POST /Bulk answers 501, not implemented')
    expect({ passed: report.passed, failed: report.failed, skipped: report.skipped }).to.deep.equal({
      passed: 0,
      failed: 1,
      skipped: 3,
    })
  })

  it('deletes what a case created, unless told to keep it, and says what it could not delete', async () => {
    const [clean] = (await run([caseOf([CREATE])])).outcomes
    expect(clean?.leftOver).to.deep.equal([])
    expect(server?.seen.filter((request) => request.method === 'DELETE')).to.have.length(1)
    await server?.close()
    await run([caseOf([CREATE])], undefined, { keep: true })
    expect(server?.seen.filter((request) => request.method === 'DELETE')).to.have.length(0)
    await server?.close()
    const [left] = (
      await run([caseOf([CREATE])], (reply, request) => {
        if (request.method === 'DELETE') reply.status = 405
      })
    ).outcomes
    expect(left?.leftOver).to.have.length(1)
  })

  it('gives every case names of its own and lays changes over a saved answer', async () => {
    const put: Step = {
      method: 'PUT',
      path: '/Users/{{id:A}}',
      bodyOf: 'A',
      body: { title: 'T' },
      expect: { status: 200 },
    }
    await run([caseOf([CREATE, put]), caseOf([CREATE], { id: 'two' })])
    const created = server?.seen.filter((request) => request.method === 'POST' && request.path === '/Users')
    const names = created?.map((request) => request.body?.['userName'])
    expect(new Set(names).size).to.equal(2)
    const sent = server?.seen.find((request) => request.method === 'PUT')?.body
    expect(sent).to.include({ title: 'T', userName: names?.[0] })
  })

  it('runs only the cases that profile and text ask for', async () => {
    const report = await run([caseOf([MISSING]), caseOf([MISSING], { id: 'other' })], undefined, { grep: 'OTHER' })
    expect(report.outcomes.map((outcome) => outcome.id)).to.deep.equal(['other'])
  })

  it('stops with a sentence when the token is refused or the URL is none', async () => {
    server = await startSmallServer()
    const wrong = await failureOf(runCases([], { url: server.url, token: 'wrong' }))
    expect(wrong).to.contain('answered 401: is the token right?')
    expect(await failureOf(runCases([], { url: 'localhost', token: 'x' }))).to.contain('is no http(s) URL')
  })

  it('prints sections, the failing step with request and answer, and the counts', async () => {
    const report = await run(
      [caseOf([CREATE, READ]), caseOf([CREATE], { id: 'two', needs: ['bulk'] })],
      (reply, request) => {
        if (request.method === 'GET' && request.path.startsWith('/Users/')) reply.body = { id: 'other' }
      },
    )
    const text = textReport(report, { colour: false, verbose: false })
    expect(text).to.contain('✗ S: 0 of 2, 1 skipped')
    expect(text).to.match(/step 2 of 2: GET \/Users\//u)
    expect(text).to.match(/body id: expected "[0-9a-f-]{36}", got "other"/u)
    expect(text).to.contain('skipped: ServiceProviderConfig says that bulk is not supported')
    expect(text).to.match(/0 passed, 1 failed, 1 skipped in \d+\.\d s$/u)
    expect(text).not.to.contain(server?.token)
    const json = JSON.parse(jsonReport(report)) as { counts: object; cases: { failure?: { answer: object } }[] }
    expect(json.counts).to.deep.equal({ passed: 0, failed: 1, skipped: 1 })
    expect(json.cases[0]?.failure?.answer).to.deep.include({ status: 200, body: { id: 'other' } })
    expect(jsonReport(report)).not.to.contain(server?.token)
  })

  it('finds a server that always answers 200 with {} wrong in nearly every case', async () => {
    const report = await run(loadCases(), (reply, request) => {
      if (request.path !== '/ServiceProviderConfig') Object.assign(reply, { status: 200, body: {} })
    })
    expect(report.outcomes.filter((outcome) => outcome.result === 'passed').map((outcome) => outcome.id)).to.deep.equal(
      ['http-dup-query', 'page-not-a-number', 'authentik-config-token'],
    )
  })
})

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => 'it went well',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  return outcome
}
