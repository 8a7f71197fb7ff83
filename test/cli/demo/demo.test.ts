import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { DemoError } from '../../../src/cli/demo/client.ts'
import { expectedState, planDemo } from '../../../src/cli/demo/plan.ts'
import { runDemo } from '../../../src/cli/demo/run-demo.ts'
import { startSmallServer, type Reply, type SeenRequest, type SmallServer } from '../../conformance/small-server.ts'

interface Transcript {
  readonly requests: readonly { readonly method: string; readonly path: string; readonly body?: object }[]
}

function transcript(name: string): Transcript {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as Transcript
}

/** What a value looks like without its texts: keys, types, literal booleans and operation names. */
function shapeOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((item) => shapeOf(item))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .sort()
        .map(([name, item]) => [name, shapeOf(item, name)]),
    )
  }
  if (['op', 'schemas'].includes(key) || ['True', 'False'].includes(String(value))) return value
  if (key === 'path') return String(value).replace(/"[^"]*"/u, '"…"')
  return typeof value === 'string' ? 'text' : value
}

/** The path without its ids and literals. */
function shapeOfPath(path: string): string {
  return decodeURIComponent(path)
    .replace(/^(\/\w+\/)[^?]+/u, '$1{id}')
    .replace(/"[^"]*"/u, '"…"')
}

describe('rollcall demo', () => {
  let server: SmallServer | undefined

  async function start(makeWrong?: (reply: Reply, request: SeenRequest) => void): Promise<SmallServer> {
    server = await startSmallServer(makeWrong)
    return server
  }

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  it('pushes 200 people and 20 groups, reads them back and ends without a mismatch', async () => {
    const { url, token } = await start()
    const summary = await runDemo({ url, token })
    expect(summary.mismatches).to.deep.equal([])
    expect(summary.others).to.deep.equal({ people: 0, groups: 0 })
    const { users, groups } = expectedState()
    expect(summary).to.include({ active: 180, deactivated: 20, groups: 20 })
    expect(users).to.have.length(200)
    expect(summary.memberships).to.equal(groups.reduce((sum, group) => sum + group.members.length, 0))
  })

  it('ends in the same state when it runs a second time, and creates nobody again', async () => {
    const { url, token, seen } = await start()
    await runDemo({ url, token, people: 20, groups: 4 })
    const before = seen.length
    const again = await runDemo({ url, token, people: 20, groups: 4 })
    expect(again.mismatches).to.deep.equal([])
    expect(seen.slice(before).filter((request) => request.method === 'POST')).to.deep.equal([])
  })

  for (const people of [0, 1, 2, 3, 11]) {
    for (const groups of [0, 1, 3]) {
      it(`works with ${people} people and ${groups} groups`, async () => {
        const { url, token } = await start()
        expect((await runDemo({ url, token, people, groups })).mismatches).to.deep.equal([])
      })
    }
  }

  it('plans the same for the same size: groups of both halves hold only people of their half', () => {
    expect(planDemo()).to.deep.equal(planDemo())
    const { okta, entra } = planDemo()
    for (const share of [okta, entra]) {
      const names = new Set(share.people.map((person) => person.userName))
      for (const group of share.groups) {
        expect(group.members.length).to.be.greaterThan(0)
        expect(group.members.every((member) => names.has(member))).to.equal(true)
        expect(group.members).not.to.include(group.passing)
      }
    }
    expect(okta.people).to.have.length(100)
    expect(entra.groups).to.have.length(10)
  })

  describe('sends what the identity providers send', () => {
    /** The requests about one person or group, in order. */
    function about(seen: readonly SeenRequest[], kind: string, externalId: string, name: string): SeenRequest[] {
      const created = seen.filter((request) => request.method === 'POST' && request.path === kind)
      const all = created.find((request) => [request.body?.['userName'], request.body?.['displayName']].includes(name))
      expect(all, `a create of ${name}`).not.to.equal(undefined)
      return seen.filter(
        (request) =>
          request === all ||
          (request.path === kind &&
            [name, externalId].some((text) => request.query.get('filter')?.includes(`"${text}"`))),
      )
    }

    async function compare(
      size: { people: number; groups: number },
      kind: '/Users' | '/Groups',
      one: { name: string; externalId: string },
      fixture: string,
    ): Promise<void> {
      const ids: string[] = []
      const { url, token, seen } = await start((reply, request) => {
        const name = request.body?.['userName'] ?? request.body?.['displayName']
        if (request.method === 'POST' && name === one.name) ids.push(String(reply.body?.['id']))
      })
      await runDemo({ url, token, ...size })
      expect(ids).to.have.length(1)
      const first = about(seen, kind, one.externalId, one.name)
      const later = seen.filter((request) => request.path === `${kind}/${ids[0] ?? ''}`)
      const sent = [...first, ...later].map(({ method, path, rawQuery, body }) => ({
        method,
        path: shapeOfPath(rawQuery === '' ? path : `${path}?${rawQuery}`),
        body: shapeOf(body),
      }))
      const wanted = transcript(fixture).requests.map(({ method, path, body }) => ({
        method,
        path: shapeOfPath(path),
        body: shapeOf(body),
      }))
      expect(sent.map(({ method, path }) => `${method} ${path}`)).to.deep.equal(
        wanted.map(({ method, path }) => `${method} ${path}`),
      )
      for (const [index, request] of sent.entries()) {
        // A PUT sends back whatever the server answered, so it must hold the transcript's keys and may hold more.
        if (request.method === 'PUT')
          expect(request.body).to.include.all.keys(Object.keys(wanted[index]?.body as object))
        else expect(request.body, `${request.method} ${request.path}`).to.deep.equal(wanted[index]?.body)
      }
    }

    it('for a person of Okta (test/fixtures/okta/person.json)', async () => {
      const person = planDemo({ people: 18, groups: 0 }).okta.people[7]
      await compare({ people: 18, groups: 0 }, '/Users', named(person), 'okta/person')
    })

    it('for a person of Entra, classic and with aadOptscim062020 (test/fixtures/entra)', async () => {
      const classic = planDemo({ people: 18, groups: 0 }).entra.people[7]
      await compare({ people: 18, groups: 0 }, '/Users', named(classic), 'entra/person')
      await server?.close()
      const flagged = planDemo({ people: 16, groups: 0 }).entra.people[7]
      await compare({ people: 16, groups: 0 }, '/Users', named(flagged), 'entra/person-flag')
    })

    it('for a group of Okta and groups of Entra, both ways', async () => {
      const size = { people: 12, groups: 4 }
      const { okta, entra } = planDemo(size)
      await compare(size, '/Groups', named(okta.groups[0]), 'okta/group')
      await server?.close()
      await compare(size, '/Groups', named(entra.groups[0]), 'entra/group')
      await server?.close()
      await compare(size, '/Groups', named(entra.groups[1]), 'entra/group-flag')
    })

    function named(one: { externalId: string; userName?: string; displayName?: string } | undefined): {
      name: string
      externalId: string
    } {
      return { name: one?.userName ?? one?.displayName ?? '', externalId: one?.externalId ?? '' }
    }
  })

  describe('says what went wrong', () => {
    it('names request and answer for a status no identity provider accepts', async () => {
      const { url, token } = await start((reply, request) => {
        if (request.method === 'PATCH') Object.assign(reply, { status: 500, body: { detail: 'boom' } })
      })
      const error = await failureOf(runDemo({ url, token, people: 20, groups: 0 }))
      expect(error).to.be.instanceOf(DemoError)
      expect(error?.message).to.match(
        /^PATCH \/Users\/\S+ answered 500, expected 200 or 204: .*boom.*sent .*Operations/u,
      )
      expect(error?.message).not.to.contain(token)
    })

    it('reports people and members the gateway lost or kept against the push', async () => {
      const { url, token } = await start((reply, request) => {
        const list = reply.body?.['Resources'] as { active?: boolean; members?: unknown[] }[] | undefined
        if (request.query.has('filter') || list === undefined) return
        for (const user of list) if (user.active === false) user.active = true
        if (request.path === '/Groups') for (const group of list) group.members = group.members?.slice(1) ?? []
      })
      const { mismatches } = await runDemo({ url, token, people: 20, groups: 2 })
      expect(mismatches).to.include('user demo-user-004@example.com: active is true, pushed was false')
      expect(mismatches.filter((text) => text.endsWith('is missing'))).to.have.length(2)
    })

    it('reports a person of an earlier, larger demo and leaves strangers alone', async () => {
      const { url, token } = await start()
      await runDemo({ url, token, people: 4, groups: 0 })
      const body = JSON.stringify({ userName: 'somebody@example.com' })
      await fetch(`${url}/Users`, { method: 'POST', body, headers: { authorization: `Bearer ${token}` } })
      const { mismatches, others } = await runDemo({ url, token, people: 2, groups: 0 })
      expect(others.people).to.equal(1)
      expect([...mismatches].sort()).to.deep.equal([
        'user demo-user-003@example.com was not pushed',
        'user demo-user-004@example.com was not pushed',
      ])
    })

    it('refuses pages that repeat somebody or stop short of totalResults (RFC 7644 §3.4.2.4)', async () => {
      const wrong = await start((reply, request) => {
        if (request.path === '/Users' && request.query.has('count') && reply.body !== undefined) {
          reply.body['totalResults'] = Number(reply.body['totalResults']) + 1
        }
      })
      const error = await failureOf(runDemo({ url: wrong.url, token: wrong.token, people: 2, groups: 0 }))
      expect(error?.message).to.equal('GET /Users: totalResults is 3, but after 2 an empty page came')
    })

    it('waits for Retry-After on 429 and 503, sends again and goes on', async () => {
      const refusals = [429, 503]
      const { url, token } = await start((reply, request) => {
        const status = request.method === 'GET' && request.query.has('filter') ? refusals.shift() : undefined
        if (status !== undefined) Object.assign(reply, { status, headers: { 'retry-after': '0' }, body: undefined })
      })
      const summary = await runDemo({ url, token, people: 1, groups: 0 })
      expect(summary.mismatches).to.deep.equal([])
      expect(refusals).to.deep.equal([])
    })

    it('says a wrong URL, a wrong size and a gateway that is not there', async () => {
      const gone = await start()
      await gone.close()
      const base = { url: gone.url, token: 't', people: 1, groups: 0 }
      expect((await failureOf(runDemo({ ...base, url: 'gateway' })))?.message).to.contain('"gateway" is no http(s) URL')
      expect((await failureOf(runDemo({ ...base, people: 1.5 })))?.message).to.contain(
        'people is 1.5; wanted is a whole',
      )
      expect((await failureOf(runDemo(base)))?.message).to.match(/got no answer: .*ECONNREFUSED/u)
    })

    it('stops when the signal says so', async () => {
      const { url, token } = await start()
      const stop = new AbortController()
      const progress = {
        begin: () => undefined,
        advance: () => void stop.abort(new Error('stopped')),
        end: () => undefined,
      }
      const error = await failureOf(runDemo({ url, token, progress, signal: stop.signal }))
      expect(error?.message).to.equal('stopped')
    })
  })
})

async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  )
}
