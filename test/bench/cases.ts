import type { GroupId } from '../../src/domain/ids.ts'
import { USER_URN } from '../../src/domain/schema-urns.ts'
import { type Directory, SPARE } from './directory.ts'
import type { Request } from './http-client.ts'
import { bodyOf, displayNameOf, externalIdOf, userNameOf } from './person.ts'
import type { Server } from './servers.ts'

const SCIM = '/scim/v2'
const PATCH_URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const BULK_URN = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'
/** Numbers of people that a run creates, beyond those of any directory and of runs before it. */
const FRESH = Date.now()
const FEW = 100
const MANY = 10_000

/** One thing that is measured. `i` counts the requests of the case at one server, over the whole run. */
export interface Case {
  readonly name: string
  readonly status: number
  /** Cases of one series are asked in turns, since their times are compared. The case is its own if absent. */
  readonly series?: string
  /** What the bare handler answers too. */
  readonly both?: boolean
  /** Whether it is also asked by 16 clients at once. */
  readonly load?: boolean
  /** What the clients' connections carry in place of the directory's own token, one each. */
  readonly tokens?: readonly string[]
  /** The time that counts; the whole answer's if absent. */
  readonly time?: 'first byte'
  /** Requests of one client in a run; 300 if absent. */
  readonly samples?: number
  request(i: number): Request
  /** Asked before each request, and after it, and not measured. Only for one client. */
  readonly before?: (i: number) => Request
  readonly after?: (i: number) => Request
}

/**
 * Everything that is measured of a directory.
 * @param writers tokens of orgs beside the directory's own
 */
export function casesOf(directory: Directory, writers: readonly string[]): readonly Case[] {
  return [
    ...lookups(directory),
    ...pages(directory),
    ...userWrites(directory),
    ...groupCases(directory),
    ...ofManyOrgs(writers),
    ...ofManyMembers(directory),
  ]
}

function ofManyOrgs(tokens: readonly string[]): readonly Case[] {
  const request = (i: number): Request => ({ method: 'POST', path: `${SCIM}/Users`, body: bodyOf(FRESH + i) })
  return [{ name: 'create, 16 orgs', status: 201, load: true, samples: 0, tokens, request }]
}

function ofManyMembers({ users, empty }: Directory): readonly Case[] {
  if (empty === undefined || users.length < MANY) return []
  const path = `/Groups/${empty}?excludedAttributes=members`
  const operation = addition(users.slice(0, MANY))
  return [
    {
      name: `add ${MANY} members`,
      status: 200,
      samples: 8,
      request: () => patch(path, operation),
      after: () => patch(path, { op: 'remove', path: 'members' }),
    },
  ]
}

/** Spread over the directory, the same in each run. */
function pick(i: number, count: number): number {
  return (Math.imul(i + 1, 2_654_435_761) >>> 0) % count
}

function lookups({ users }: Directory): readonly Case[] {
  const filtered = (attribute: string, value: (n: number) => string): Case['request'] => {
    return (i) => get(`/Users?filter=${encodeURIComponent(`${attribute} eq "${value(pick(i, users.length))}"`)}`)
  }
  return [
    {
      name: 'get by id',
      status: 200,
      both: true,
      load: true,
      request: (i) => get(`/Users/${users[pick(i, users.length)]}`),
    },
    { name: 'filter userName eq', status: 200, both: true, load: true, request: filtered('userName', userNameOf) },
    { name: 'filter externalId eq', status: 200, request: filtered('externalId', externalIdOf) },
    { name: 'filter displayName eq', status: 200, request: filtered('displayName', displayNameOf) },
    { name: 'filter emails.value eq', status: 200, request: filtered('emails.value', userNameOf) },
  ]
}

function pages({ users }: Directory): readonly Case[] {
  const last = users.length - FEW + 1
  return [
    {
      name: 'page of 100, first',
      series: 'by index',
      status: 200,
      both: true,
      load: true,
      samples: 100,
      request: () => get(`/Users?startIndex=1&count=${FEW}`),
    },
    {
      name: 'page of 100, last by index',
      series: 'by index',
      status: 200,
      both: true,
      samples: 100,
      request: () => get(`/Users?startIndex=${last}&count=${FEW}`),
    },
  ]
}

function userWrites({ users, spare }: Directory): readonly Case[] {
  const spareId = (i: number): string => users[spare[i % SPARE]!]!
  return [
    {
      name: 'create',
      status: 201,
      both: true,
      load: true,
      request: (i) => ({ method: 'POST', path: `${SCIM}/Users`, body: bodyOf(FRESH + i) }),
    },
    {
      name: 'put',
      status: 200,
      load: true,
      request: (i) => {
        const body = bodyOf(spare[i % SPARE]!, `Title ${i}`)
        return { method: 'PUT', path: `${SCIM}/Users/${spareId(i)}`, body }
      },
    },
    {
      name: 'patch active',
      status: 200,
      both: true,
      load: true,
      request: (i) => {
        const value = Math.floor(i / SPARE) % 2 === 1
        return patch(`/Users/${spareId(i)}`, { op: 'replace', path: 'active', value })
      },
    },
  ]
}

function groupCases({ users, spare, sized }: Directory): readonly Case[] {
  const id = (k: number): string => users[spare[k % SPARE]!]!
  const cases: Case[] = []
  for (const [size, group] of sized) {
    // Without it a small group would be printed with its members and a large one answered by 204.
    const path = `/Groups/${group}?excludedAttributes=members`
    const add = (i: number): Request => patch(path, addition([id(i)]))
    const remove = (i: number): Request => patch(path, { op: 'remove', path: `members[value eq "${id(i)}"]` })
    cases.push(
      { name: `add 1 member to ${size}`, series: 'add', status: 200, request: add, after: remove },
      { name: `remove 1 member of ${size}`, series: 'remove', status: 200, before: add, request: remove },
      {
        name: `group of ${size} without members`,
        series: 'without members',
        status: 200,
        request: () => withoutMembers(group),
      },
    )
  }
  const [smallest] = sized.values()
  const [biggest, big] = [...sized].at(-1)!
  const people = Array.from({ length: FEW }, (_, k) => id(k))
  return [
    ...cases,
    {
      name: 'add 1 member, 16 clients',
      status: 200,
      load: true,
      samples: 0,
      request: (i) => {
        const joins = Math.floor(i / SPARE) % 2 === 0
        const leave = { op: 'remove', path: `members[value eq "${id(i)}"]` }
        return patch(`/Groups/${smallest}?excludedAttributes=members`, joins ? addition([id(i)]) : leave)
      },
    },
    {
      name: `add ${FEW} members to 100`,
      status: 200,
      samples: 60,
      request: () => patch(`/Groups/${smallest}?excludedAttributes=members`, addition(people)),
      after: () =>
        patch(`/Groups/${smallest}?excludedAttributes=members`, {
          op: 'remove',
          path: 'members',
          value: people.map((value) => ({ value })),
        }),
    },
    {
      name: `group of ${biggest}, first byte`,
      status: 200,
      time: 'first byte',
      samples: 20,
      request: () => get(`/Groups/${big}`),
    },
  ]
}

/**
 * Cases of what a server may not offer: pages by cursor (RFC 9865) and Bulk (RFC 7644 §3.7), left out where it does not.
 * @param send asks the gateway one request
 */
export async function offeredCases(
  directory: Directory,
  send: (request: Request) => Promise<{ readonly status: number; readonly text: string }>,
): Promise<readonly Case[]> {
  const cursors = await walkCursors(directory, send)
  const cases: Case[] = cursors.map(([name, cursor]) => ({
    name,
    status: 200,
    samples: 100,
    request: () => get(`/Users?count=${FEW}&cursor=${encodeURIComponent(cursor)}`),
  }))
  const bulk = (i: number): Request => ({
    method: 'POST',
    path: `${SCIM}/Bulk`,
    body: {
      schemas: [BULK_URN],
      Operations: Array.from({ length: 1_000 }, (_, k) => ({
        method: 'POST',
        path: '/Users',
        bulkId: `u${k}`,
        data: { schemas: [USER_URN], userName: `bulk-${FRESH}-${i}-${k}@bench.example.com`, active: true },
      })),
    },
  })
  if ((await send(bulk(0))).status === 200) {
    cases.push({ name: 'bulk of 1000 creates', status: 200, samples: 3, request: (i) => bulk(i + 1) })
  }
  return cases
}

/** The cursor of the second page, and one as deep as 200 pages or the directory's end. */
async function walkCursors(
  { users }: Directory,
  send: (request: Request) => Promise<{ readonly text: string }>,
): Promise<readonly (readonly [string, string])[]> {
  const cursors: string[] = []
  const depth = Math.min(200, Math.floor(users.length / FEW) - 2)
  for (let cursor = ''; cursors.length < depth;) {
    const { text } = await send(get(`/Users?count=${FEW}&cursor=${encodeURIComponent(cursor)}`))
    const next = /"nextCursor":"([^"]+)"/.exec(text)?.[1]
    if (next === undefined) return []
    cursors.push(next)
    cursor = next
  }
  return [
    ['page of 100, second by cursor', cursors[0]!],
    ['page of 100, deep by cursor', cursors.at(-1)!],
  ]
}

/** The counter of a case at a server. */
export function createCounters(): (server: Server, name: string) => number {
  const counters = new Map<string, number>()
  return (server, name) => {
    const key = `${server.port} ${name}`
    const i = counters.get(key) ?? 0
    counters.set(key, i + 1)
    return i
  }
}

function get(path: string): Request {
  return { method: 'GET', path: `${SCIM}${path}` }
}

function patch(path: string, operation: object): Request {
  return { method: 'PATCH', path: `${SCIM}${path}`, body: { schemas: [PATCH_URN], Operations: [operation] } }
}

function addition(ids: readonly string[]): object {
  return { op: 'add', path: 'members', value: ids.map((value) => ({ value })) }
}

function withoutMembers(group: GroupId): Request {
  return get(`/Groups/${group}?excludedAttributes=members`)
}
