import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'

/** A request as it goes out; the path is relative to the SCIM base and already encoded. */
export interface WireRequest {
  readonly method: string
  readonly path: string
  /** Names in lower case. Content-Type and Authorization are added where missing. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly noAuth: boolean
}

/** What came back. `json` is undefined when the body is empty or no JSON. Repeated headers are joined by a comma. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly json: unknown
  readonly ms: number
  /** Whether the request went over a connection that an earlier answer left open. */
  readonly sameConnection: boolean
}

/** One client connection to one SCIM base. */
export interface ScimClient {
  /** @throws Error when no complete answer comes within the time limit. */
  send(request: WireRequest): Promise<Answer>
  /** Closes its connection. */
  close(): void
}

const TIME_LIMIT_MS = 60_000

/**
 * A client that holds one connection and keeps it alive, so a server that breaks it after an error is found out.
 * `node:http` rather than fetch, since fetch hides which connection it used.
 */
export function openClient(base: URL, token: string): ScimClient {
  const secure = base.protocol === 'https:'
  const agent = secure
    ? new TlsAgent({ keepAlive: true, maxSockets: 1 })
    : new Agent({ keepAlive: true, maxSockets: 1 })
  const prefix = base.pathname.replace(/\/+$/u, '')
  const send = secure ? httpsRequest : httpRequest
  return {
    send: (wire) =>
      new Promise((resolve, reject) => {
        const started = performance.now()
        const options: RequestOptions = {
          agent,
          hostname: base.hostname.replace(/^\[|\]$/gu, ''),
          port: base.port,
          method: wire.method,
          path: prefix + wire.path,
          headers: headersOf(wire, token),
          timeout: TIME_LIMIT_MS,
        }
        const request = send(options, (response) => {
          readText(response).then((text) => {
            resolve(answerOf(response, text, performance.now() - started, request.reusedSocket))
          }, reject)
        })
        request.on('error', reject)
        request.on('timeout', () => request.destroy(new Error(`no answer within ${TIME_LIMIT_MS / 1000} s`)))
        request.end(wire.body)
      }),
    close: () => {
      agent.destroy()
    },
  }
}

function headersOf(wire: WireRequest, token: string): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/scim+json', ...wire.headers }
  if (wire.body !== undefined) {
    headers['content-type'] ??= 'application/scim+json'
    headers['content-length'] = String(Buffer.byteLength(wire.body))
  } else if (wire.method === 'POST' || wire.method === 'PUT' || wire.method === 'PATCH') {
    headers['content-length'] = '0'
  }
  if (!wire.noAuth) headers['authorization'] ??= `Bearer ${token}`
  return headers
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function answerOf(response: IncomingMessage, text: string, ms: number, sameConnection: boolean): Answer {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: response.statusCode ?? 0, headers, text, json: parsed(text), ms, sameConnection }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Not JSON: the expectations on the body then name what is missing.
    return undefined
  }
}
