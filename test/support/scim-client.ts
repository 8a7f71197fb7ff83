import { request as httpRequest, Agent } from 'node:http'
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts'

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** The body as a JSON object; empty where there is none. */
  readonly body: JsonObject
}

export interface Call {
  readonly method?: string
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly rawBody?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** A SCIM client over real HTTP with kept-alive connections. */
export class ScimClient {
  readonly #base: string
  readonly #token: string | undefined
  readonly #agent: Agent

  /** @param base e.g. `http://127.0.0.1:8080/scim/v2`; @param token absent for no credential */
  constructor(base: string, token?: string, agent = new Agent({ keepAlive: true, maxSockets: 128 })) {
    this.#base = base
    this.#token = token
    this.#agent = agent
  }

  close(): void {
    this.#agent.destroy()
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call(path, { headers })
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call(path, { method: 'POST', body, headers })
  }

  put(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call(path, { method: 'PUT', body, headers })
  }

  patch(path: string, operations: readonly unknown[], headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations }
    return this.call(path, { method: 'PATCH', body, headers })
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call(path, { method: 'DELETE', headers })
  }

  /** One request; the path is sent as it is. Rejects when the connection breaks. */
  call(path: string, { method = 'GET', body, rawBody, headers = {} }: Call = {}): Promise<Answer> {
    const payload = rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
    const { hostname, port, pathname } = new URL(this.#base)
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        {
          hostname,
          port,
          method,
          path: `${pathname}${path}`,
          agent: this.#agent,
          headers: {
            ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/scim+json', 'content-length': Buffer.byteLength(payload) }),
            ...headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers as Answer['headers'],
              text,
              body: bodyOf(text),
            })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(payload)
    })
  }
}

function bodyOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    // An answer that is no JSON has no JSON body; tests look at `text`.
    return {}
  }
}
