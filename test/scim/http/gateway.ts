import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { sql } from 'kysely'
import type { Dialect } from '../../../db/dialect.ts'
import { createApp } from '../../../src/app.ts'
import { createPayloadSealer } from '../../../src/audit/payload-sealer.ts'
import { createAuthFailureTally } from '../../../src/audit/auth-failure-tally.ts'
import { newSigningKey } from '../../../src/auth/access-token.ts'
import { mintToken } from '../../../src/auth/token.ts'
import { loadConfig } from '../../../src/config.ts'
import type { ConnectionKind, Scope } from '../../../src/domain/connection.ts'
import { newId, type OrgId, type TokenId } from '../../../src/domain/ids.ts'
import type { JsonObject } from '../../../src/domain/json.ts'
import { createHttpServer } from '../../../src/http/limits.ts'
import { createMessages } from '../../../src/http/messages.ts'
import { createLogger } from '../../../src/http/logging.ts'
import { addToken } from '../../../src/provisioning/connection-tokens.ts'
import { createConnection } from '../../../src/provisioning/create-connection.ts'
import type { RequestLine } from '../../../src/scim/mount.ts'
import { activityOf } from '../../support/activity.ts'
import { openTestStore, type TestStore } from '../../support/databases.ts'
import { checkpointParts, freshLogKey, openedLog } from '../../support/log-store.ts'
import { foundTenant, operation, type Tenant } from '../../support/tenant.ts'
import { fresh, ScimClient } from './scim-client.ts'

export interface GatewayOptions {
  readonly dialect: Dialect
  readonly fastRoutes: boolean
  readonly publicUrl?: string
  /** What list cursors take for the time; the system's if absent. */
  readonly now?: () => number
}

export interface ConnectionOptions {
  readonly kind?: ConnectionKind
  readonly scopes?: readonly Scope[]
  readonly mayGrantAdmin?: boolean
  /** Name of a further org to be made; the gateway's own if absent. */
  readonly org?: string
}

/** The whole app over a store of its own, listening on a port of its own. */
export interface Gateway {
  readonly publicUrl: string
  /** The gateway's own org. */
  readonly tenant: Tenant
  /** What the request observer was told. */
  readonly requestLines: readonly RequestLine[]
  /** What was logged as failed: failures that are not the client's doing. */
  readonly failures: readonly string[]
  /** A client of the first connection. */
  client(): ScimClient
  /** A client of a further connection. */
  connect(options: ConnectionOptions): Promise<ScimClient>
  /** Runs something while the store's table of groups is gone. */
  breakGroups<T>(run: () => Promise<T>): Promise<T>
  /** The bodies of the records of the first org's log, oldest first. */
  records(): Promise<readonly JsonObject[]>
  close(): Promise<void>
}

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const test = await openTestStore(options.dialect)
  const tenant = await foundTenant(test)
  const publicUrl = options.publicUrl ?? 'https://scim.example'
  const requestLines: RequestLine[] = []
  const failures: string[] = []
  const app = appOver({ test, tenant, options: { ...options, publicUrl }, requestLines, failures })
  const messages = createMessages()
  messages.bearFor(app)
  const server = createHttpServer((req, res) => void app(req, res), { messages })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connect = async (asked: ConnectionOptions): Promise<string> => {
    const home = asked.org === undefined ? tenant : await foundTenant(test, asked.org)
    return giveConnection(tenant, home.orgId, asked)
  }
  const token = await connect({})
  return {
    publicUrl,
    tenant,
    requestLines,
    failures,
    client: () => new ScimClient(origin, token),
    connect: async (asked) => new ScimClient(origin, await connect(asked)),
    breakGroups: (run) => withoutTable(test, 'scim_group', run),
    async records() {
      const tail = await test.store.reads.records.tail(tenant.orgId, 1_000)
      return tail.map(({ body }) => JSON.parse(body) as JsonObject)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await test.close()
    },
  }
}

interface AppParts {
  readonly test: TestStore
  readonly tenant: Tenant
  readonly options: GatewayOptions & { readonly publicUrl: string }
  readonly requestLines: RequestLine[]
  readonly failures: string[]
}

function appOver({ test, tenant, options, requestLines, failures }: AppParts): ReturnType<typeof createApp> {
  const config = loadConfig({
    PUBLIC_URL: options.publicUrl,
    ROLLCALL_FAST_ROUTES: String(options.fastRoutes),
    // These tests send many bad credentials from one address on purpose.
    ROLLCALL_AUTH_FAILURES_PER_MINUTE: '100000',
  })
  const lines = new Writable({
    write(chunk: Buffer, _encoding, done) {
      failures.push(chunk.toString('utf8'))
      done()
    },
  })
  const requestLog = {
    ...test.store.requestLog,
    add: (line: RequestLine) => {
      requestLines.push(line)
    },
  }
  return createApp({
    config,
    publicUrl: options.publicUrl,
    opened: {
      ...openedLog(test),
      connections: test.connections,
      store: { ...test.store, requestLog },
      signingKey: newSigningKey(),
      cursorKey: randomBytes(32),
      secrets: createPayloadSealer(randomBytes(32)),
      keyMadeAt: undefined,
      close: () => test.close(),
    },
    provisioning: tenant.provisioning,
    lastUsed: { note: () => undefined, flush: () => Promise.resolve(), stop: () => Promise.resolve() },
    activity: activityOf(test),
    authFailures: createAuthFailureTally(),
    checkpoints: checkpointParts(test, freshLogKey()),
    logger: createLogger('error', lines),
    draining: () => false,
    ...(options.now === undefined ? {} : { now: options.now }),
  })
}

async function giveConnection({ provisioning }: Tenant, orgId: OrgId, asked: ConnectionOptions): Promise<string> {
  const { id: connectionId } = await createConnection(provisioning, operation(), orgId, {
    name: fresh('connection'),
    kind: asked.kind ?? 'idp',
    mayGrantAdmin: asked.mayGrantAdmin ?? false,
    scopes: asked.scopes ?? ['users', 'groups'],
    trust: undefined,
  }).durable
  const id = newId<TokenId>(Date.now())
  const { text, secretHash } = mintToken(id)
  const token = { id, connectionId, secretHash, origin: 'minted', expires: undefined } as const
  await addToken(provisioning, operation(), orgId, token).durable
  return text
}

async function withoutTable<T>({ connections }: TestStore, table: string, run: () => Promise<T>): Promise<T> {
  const rename = (from: string, to: string) =>
    sql`alter table ${sql.table(from)} rename to ${sql.table(to)}`.execute(connections.writer)
  await rename(table, `${table}_gone`)
  try {
    return await run()
  } finally {
    await rename(`${table}_gone`, table)
  }
}
