import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { expect } from 'chai'
import type { Dialect } from '../../db/dialect.ts'
import { ROUTES } from '../../src/admin/routes.ts'
import { createApp } from '../../src/app.ts'
import { createPayloadSealer } from '../../src/audit/payload-sealer.ts'
import type { PayloadSealer } from '../../src/domain/outbox.ts'
import { createAuthFailureTally } from '../../src/audit/auth-failure-tally.ts'
import { newSigningKey } from '../../src/auth/access-token.ts'
import { mintToken } from '../../src/auth/token.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import type { KeyScope } from '../../src/domain/api-key.ts'
import { type KeyId, newId, type OrgId, type TokenId, type UserId } from '../../src/domain/ids.ts'
import { createHttpServer } from '../../src/http/limits.ts'
import { createMessages } from '../../src/http/messages.ts'
import { createLogger } from '../../src/http/logging.ts'
import type { ActivityBatch } from '../../src/provisioning/activity-batch.ts'
import type { OpenedStore } from '../../src/opened-store.ts'
import { createKey } from '../../src/provisioning/api-keys.ts'
import { addToken } from '../../src/provisioning/connection-tokens.ts'
import { activityOf } from '../support/activity.ts'
import { openTestStore, type TestStore } from '../support/databases.ts'
import { checkpointParts, freshLogKey, openedLog } from '../support/log-store.ts'
import { foundTenant, operation, type Tenant } from '../support/tenant.ts'

export const PUBLIC_URL = 'https://scim.example'

/** One answer of the admin API. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; an empty object where there is none or it is no JSON. */
  readonly json: Record<string, unknown>
}

/** What a request carries beside method and path. */
export interface ApiCall {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The admin API over a store of its own, listening on a port of its own. */
export interface AdminGateway {
  readonly test: TestStore
  readonly tenant: Tenant
  readonly origin: string
  /** What the gateway takes for its own address. */
  readonly publicUrl: string
  /** What people did and is not written yet. */
  readonly activity: ActivityBatch
  /** What was logged as failed. */
  readonly failures: readonly string[]
  /** What it seals secrets with. */
  readonly secrets: PayloadSealer
  readonly opened: OpenedStore
  readonly config: Config
  /** A fresh key; of nobody, or of a person. */
  key(scope: KeyScope, user?: UserId, orgId?: OrgId): Promise<string>
  /** A client with that key. */
  client(key: string): ApiClient
  /** A bearer token of the tenant's connection. */
  scimToken(): Promise<string>
  close(): Promise<void>
}

/** Sends requests below `/api/v1` with one key, and holds every answer against the route's schema. */
export class ApiClient {
  readonly #origin: string
  readonly #key: string | undefined

  constructor(origin: string, key: string | undefined) {
    this.#origin = origin
    this.#key = key
  }

  get(path: string, call: ApiCall = {}): Promise<ApiAnswer> {
    return this.send('GET', path, call)
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.send('POST', path, { body, headers })
  }

  patch(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.send('PATCH', path, { body, headers })
  }

  put(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> {
    return this.send('PUT', path, { body, headers })
  }

  delete(path: string, call: ApiCall = {}): Promise<ApiAnswer> {
    return this.send('DELETE', path, call)
  }

  async send(method: string, path: string, { body, headers = {} }: ApiCall = {}): Promise<ApiAnswer> {
    const answer = await fetch(`${this.#origin}/api/v1${path}`, {
      method,
      headers: {
        ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '')
    const json = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {}
    if (answer.ok && isJson) checkAnswer(method, path, answer.status, json)
    return { status: answer.status, headers: answer.headers, text, json }
  }
}

/** What a route answers must be what its document says. */
function checkAnswer(method: string, path: string, status: number, json: unknown): void {
  const asked = path.replace(/\?.*/, '').split('/')
  const found = ROUTES.find((one) => {
    const parts = one.path.split('/')
    const fits = parts.every((part, index) => part.startsWith('{') || part === asked[index])
    return one.method === method && parts.length === asked.length && fits
  })
  if (found?.answer.schema === undefined) return
  expect(status, `status of ${method} ${path}`).to.equal(found.answer.status)
  const result = found.answer.schema.safeParse(json)
  expect(result.error?.issues, `answer of ${method} ${path}`).to.equal(undefined)
}

/** @param env what the configuration has beside the address; with SMTP_URL mails are kept, and nobody sends them */
export async function openAdminGateway(
  dialect: Dialect,
  now?: () => number,
  env: Readonly<Record<string, string>> = {},
): Promise<AdminGateway> {
  const test = await openTestStore(dialect, undefined, env['SMTP_URL'] !== undefined)
  const tenant = await foundTenant(test)
  const failures: string[] = []
  const activity = activityOf(test)
  const secrets = createPayloadSealer(randomBytes(32))
  const opened: OpenedStore = {
    ...openedLog(test),
    ...{ connections: test.connections, store: test.store, signingKey: newSigningKey(), cursorKey: randomBytes(32) },
    ...{ secrets, keyMadeAt: undefined, close: () => test.close() },
  }
  const config = loadConfig({
    ...{ PUBLIC_URL, ROLLCALL_AUTH_FAILURES_PER_MINUTE: '100000', ROLLCALL_PASSWORD_COST: '14' },
    ...env,
  })
  const app = appOver({ test, tenant, activity, failures, now, opened, config })
  const messages = createMessages()
  messages.bearFor(app)
  const server = createHttpServer((req, res) => void app(req, res), { messages })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ test, tenant, activity, origin, failures, secrets, opened, config, publicUrl: PUBLIC_URL },
    async key(scope, user, orgId = tenant.orgId) {
      const id = newId<KeyId>(Date.now())
      const { text, secretHash } = mintToken(id)
      const key = { id, secretHash, scope, user, name: 'test', origin: 'minted', expires: undefined } as const
      await createKey(tenant.provisioning, operation(), orgId, key).durable
      return text
    },
    client: (key) => new ApiClient(origin, key),
    async scimToken() {
      const id = newId<TokenId>(Date.now())
      const { text, secretHash } = mintToken(id)
      const connectionId = tenant.idp.connection!.id
      const token = { id, connectionId, secretHash, origin: 'minted', expires: undefined } as const
      await addToken(tenant.provisioning, operation(), tenant.orgId, token).durable
      return text
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await tenant.jobs()
      await test.close()
    },
  }
}

interface AppParts {
  readonly test: TestStore
  readonly tenant: Tenant
  readonly activity: ActivityBatch
  readonly failures: string[]
  readonly now: (() => number) | undefined
  readonly opened: OpenedStore
  readonly config: Config
}

function appOver({ test, tenant, activity, failures, now, opened, config }: AppParts): ReturnType<typeof createApp> {
  const lines = new Writable({
    write(chunk: Buffer, _encoding, done) {
      failures.push(chunk.toString('utf8'))
      done()
    },
  })
  return createApp({
    ...{ config, publicUrl: PUBLIC_URL, opened, provisioning: tenant.provisioning },
    lastUsed: { note: () => undefined, flush: () => Promise.resolve(), stop: () => Promise.resolve() },
    activity,
    authFailures: createAuthFailureTally(),
    checkpoints: checkpointParts(test, freshLogKey()),
    logger: createLogger('error', lines),
    draining: () => false,
    ...(now === undefined ? {} : { now }),
  })
}

/** Expects problem details (RFC 9457) of a status. @returns their code */
export function problemCode(answer: ApiAnswer, status: number): string {
  expect(answer.status, answer.text).to.equal(status)
  expect(answer.headers.get('content-type')).to.equal('application/problem+json')
  expect(answer.json).to.include({ status })
  expect(answer.json['detail']).to.be.a('string').with.length.greaterThan(5)
  return String(answer.json['code'])
}
