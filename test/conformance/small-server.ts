import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Record<string, unknown>

/** A request as the server read it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly rawQuery: string
  readonly authorization: string | undefined
  readonly body: Json | undefined
}

/** What the server is about to answer; a test changes it to make the server wrong. */
export interface Reply {
  status: number
  headers: Record<string, string>
  body: Json | undefined
  /** Closes the connection after the answer, though HTTP says keep-alive. */
  breaks?: boolean
}

export interface SmallServer {
  readonly url: string
  readonly token: string
  readonly seen: SeenRequest[]
  close(): Promise<void>
}

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'

/**
 * Another SCIM server, as small as the demo and the runner's own tests need: users and groups in memory, `eq` filters
 * on one attribute, index pages, the PATCH forms the demo sends. It stands for servers that are not Rollcall.
 */
export async function startSmallServer(
  makeWrong: (reply: Reply, request: SeenRequest) => void = () => undefined,
): Promise<SmallServer> {
  const store = new Map<string, Map<string, Json>>([
    ['Users', new Map()],
    ['Groups', new Map()],
  ])
  const seen: SeenRequest[] = []
  const token = randomUUID()
  const server = createServer((incoming, outgoing) => {
    void readRequest(incoming).then((request) => {
      seen.push(request)
      const reply: Reply = { status: 500, headers: { 'content-type': 'application/scim+json' }, body: undefined }
      Object.assign(reply, answer(store, request, token))
      makeWrong(reply, request)
      send(outgoing, reply)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/scim`,
    token,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

async function readRequest(incoming: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const [path = '', rawQuery = ''] = (incoming.url ?? '').replace(/^\/scim/u, '').split('?', 2)
  let body: Json | undefined
  try {
    body = JSON.parse(Buffer.concat(chunks).toString()) as Json
  } catch {
    // An absent or malformed body; the handlers below answer 400 where one is needed.
    body = undefined
  }
  const { authorization } = incoming.headers
  return { method: incoming.method ?? '', path, query: new URLSearchParams(rawQuery), rawQuery, authorization, body }
}

function send(outgoing: ServerResponse, reply: Reply): void {
  const { socket } = outgoing
  outgoing.writeHead(reply.status, reply.headers)
  outgoing.end(reply.body === undefined ? undefined : JSON.stringify(reply.body), () => {
    if (reply.breaks === true) socket?.destroy()
  })
}

type Outcome = Pick<Reply, 'status' | 'body'> & { headers?: Record<string, string> }

function failure(status: number, scimType?: string): Outcome {
  const type = scimType === undefined ? {} : { scimType }
  return { status, body: { schemas: [ERROR], status: String(status), ...type, detail: 'no' } }
}

function answer(store: Map<string, Map<string, Json>>, request: SeenRequest, token: string): Outcome {
  if (request.authorization !== `Bearer ${token}`) return failure(401)
  const [, endpoint = '', id] = request.path.split('/')
  if (endpoint === 'ServiceProviderConfig') return { status: 200, body: { bulk: { supported: false }, schemas: [] } }
  if (endpoint === 'Schemas' || endpoint === 'ResourceTypes') return { status: 200, body: listOf([], request) }
  const kind = store.get(endpoint)
  if (kind === undefined) return failure(endpoint === 'Bulk' || endpoint === '.search' ? 501 : 404)
  if (id === undefined) return request.method === 'POST' ? create(kind, endpoint, request) : list(kind, request)
  const resource = kind.get(id)
  return resource === undefined ? failure(404) : change(kind, resource, request)
}

function change(kind: Map<string, Json>, resource: Json, { method, body }: SeenRequest): Outcome {
  if (method === 'GET') return { status: 200, body: resource }
  if (method === 'PUT') return keep(kind, { ...body, id: resource['id'], meta: resource['meta'] })
  if (method === 'PATCH') return keep(kind, (body?.['Operations'] as Json[]).reduce(applyOperation, resource))
  kind.delete(String(resource['id']))
  return { status: 204, body: undefined }
}

function keep(kind: Map<string, Json>, resource: Json): Outcome {
  kind.set(String(resource['id']), resource)
  return { status: 200, body: resource }
}

function create(kind: Map<string, Json>, endpoint: string, { body }: SeenRequest): Outcome {
  const name = endpoint === 'Users' ? 'userName' : 'displayName'
  if (typeof body?.[name] !== 'string') return failure(400, 'invalidValue')
  const taken = [...kind.values()].some((other) => same(other[name], body[name]))
  if (taken) return failure(409, 'uniqueness')
  const id = randomUUID()
  const now = new Date().toISOString()
  const location = `http://127.0.0.1/scim/${endpoint}/${id}`
  const meta = { resourceType: endpoint.slice(0, -1), created: now, lastModified: now, location }
  const { password: _password, ...rest } = body
  const resource = { ...(endpoint === 'Users' ? { active: true } : {}), ...rest, id, meta }
  kind.set(id, resource)
  return { status: 201, headers: { 'content-type': 'application/scim+json', location }, body: resource }
}

function list(kind: Map<string, Json>, request: SeenRequest): Outcome {
  const filter = request.query.get('filter')
  if (filter === null) return { status: 200, body: listOf([...kind.values()], request) }
  const [, path, value] = /^(\w+) eq "([^"]*)"$/u.exec(filter) ?? []
  if (path === undefined) return failure(400, 'invalidFilter')
  return {
    status: 200,
    body: listOf(
      [...kind.values()].filter((item) => same(item[path], value)),
      request,
    ),
  }
}

function listOf(found: readonly Json[], { query }: SeenRequest): Json {
  const startIndex = Math.max(Number(query.get('startIndex') ?? 1), 1)
  const count = Number(query.get('count') ?? 100)
  const resources = found.slice(startIndex - 1, startIndex - 1 + count)
  return {
    schemas: [LIST],
    totalResults: found.length,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  }
}

function same(a: unknown, b: unknown): boolean {
  return typeof a === 'string' && typeof b === 'string' && a.toLowerCase() === b.toLowerCase()
}

function applyOperation(resource: Json, operation: Json): Json {
  const value = operation['value']
  const op = String(operation['op']).toLowerCase()
  const path = operation['path'] as string | undefined
  if (path === undefined) return { ...resource, ...(value as Json), id: resource['id'] }
  if (path.startsWith('members')) return { ...resource, members: changedMembers(resource, op, path, value) }
  return { ...resource, [path]: value === 'True' ? true : value === 'False' ? false : value }
}

function changedMembers(resource: Json, op: string, path: string, value: unknown): Json[] {
  const current = (resource['members'] ?? []) as Json[]
  const given = (Array.isArray(value) ? value : []) as Json[]
  if (op === 'replace') return given
  const [, gone] = /^members\[value eq "([^"]*)"\]$/u.exec(path) ?? []
  const leaving = gone === undefined ? given.map((member) => member['value']) : [gone]
  const others = current.filter((member) => !leaving.includes(member['value']))
  return op === 'remove' ? others : [...others, ...given]
}
