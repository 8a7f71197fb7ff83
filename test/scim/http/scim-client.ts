import { Agent, request, type IncomingHttpHeaders } from 'node:http'

/** One answer, with the local port of the connection it came on. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The parsed body; an empty object where there is none. */
  readonly json: Record<string, unknown>
  readonly localPort: number | undefined
}

export interface Call {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is where it is text or bytes. */
  readonly body?: unknown
  /** Leave out the credential. */
  readonly anonymous?: boolean
}

/** A SCIM client over real connections, kept alive, so that what one answer does to the next request shows. */
export class ScimClient {
  readonly #agent: Agent
  readonly #origin: string
  readonly #token: string
  readonly mount: string

  /** @param sockets connections at most; with 1 every request follows the one before on the same connection */
  constructor(origin: string, token: string, mount = '/scim/v2', sockets = 1) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: sockets })
    this.#origin = origin
    this.#token = token
    this.mount = mount
  }

  /** The same server and token at another mount or with more connections. */
  at(mount: string, sockets = 1): ScimClient {
    return new ScimClient(this.#origin, this.#token, mount, sockets)
  }

  get(path: string, call: Call = {}): Promise<Answer> {
    return this.send('GET', this.mount + path, call)
  }

  post(path: string, body: unknown, call: Call = {}): Promise<Answer> {
    return this.send('POST', this.mount + path, { ...call, body })
  }

  put(path: string, body: unknown, call: Call = {}): Promise<Answer> {
    return this.send('PUT', this.mount + path, { ...call, body })
  }

  patch(path: string, operations: readonly unknown[], call: Call = {}): Promise<Answer> {
    const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations }
    return this.send('PATCH', this.mount + path, { ...call, body })
  }

  delete(path: string, call: Call = {}): Promise<Answer> {
    return this.send('DELETE', this.mount + path, call)
  }

  /** @param target request target as it goes on the wire: no normalisation */
  send(method: string, target: string, call: Call = {}): Promise<Answer> {
    const { hostname, port } = new URL(this.#origin)
    const raw = typeof call.body === 'string' || call.body instanceof Uint8Array
    const body = call.body === undefined ? undefined : raw ? (call.body as string) : JSON.stringify(call.body)
    const headers: Record<string, string | number> = {
      ...(call.anonymous === true ? {} : { Authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/scim+json' }),
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      ...call.headers,
    }
    return new Promise((resolve, reject) => {
      const out = request({ agent: this.#agent, hostname, port, method, path: target, headers }, (res) => {
        const localPort = res.socket.localPort
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: parse(text), localPort })
        })
      })
      out.on('error', reject)
      out.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function parse(text: string): Record<string, unknown> {
  if (text === '') return {}
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return { unparsed: text }
  }
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'

/** The ids of a list answer, in its order. */
export function idsOf(answer: Answer): readonly string[] {
  return ((answer.json['Resources'] ?? []) as { id: string }[]).map(({ id }) => id)
}

/** The id of a resource answer. */
export function idOf(answer: Answer): string {
  return String(answer.json['id'])
}

let counter = 0

/** A name nobody had before. */
export function fresh(prefix: string): string {
  counter += 1
  return `${prefix}-${Date.now().toString(36)}-${counter}`
}

/** Makes a user of a fresh name. */
export async function makeUser(client: ScimClient, more: object = {}): Promise<{ id: string; userName: string }> {
  const userName = `${fresh('user')}@example.com`
  const answer = await client.post('/Users', { schemas: [USER], userName, ...more })
  if (answer.status !== 201) throw new Error(`POST /Users answered ${answer.status}: ${answer.text}`)
  return { id: idOf(answer), userName }
}

/** Makes a group of a fresh name. */
export async function makeGroup(client: ScimClient, memberIds: readonly string[] = []): Promise<string> {
  const members = memberIds.map((value) => ({ value }))
  const answer = await client.post('/Groups', { schemas: [GROUP], displayName: fresh('group'), members })
  if (answer.status !== 201) throw new Error(`POST /Groups answered ${answer.status}: ${answer.text}`)
  return idOf(answer)
}

/** Makes many people over parallel connections, so that the store can commit what waits together. */
export async function makeUsers(client: ScimClient, count: number, more: object = {}): Promise<readonly string[]> {
  const wide = client.at('/scim/v2', 16)
  const made = await Promise.all(Array.from({ length: count }, () => makeUser(wide, more)))
  wide.close()
  return made.map(({ id }) => id)
}
