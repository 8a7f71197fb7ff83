import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import express from 'express'
import { createRecordSealer } from '../../../src/audit/record-sealer.ts'
import { createTally } from '../../../src/audit/tally.ts'
import { createAccessTokens, newSigningKey } from '../../../src/auth/access-token.ts'
import { createAuthenticator, requireScope } from '../../../src/auth/authenticate.ts'
import { createFailureLimiter } from '../../../src/auth/failure-limiter.ts'
import { createIssuerKeys } from '../../../src/auth/jwks.ts'
import { createJwtTrusts } from '../../../src/auth/jwt-trust.ts'
import { authenticatedOf, authentication } from '../../../src/auth/middleware.ts'
import { mintToken } from '../../../src/auth/token.ts'
import type { Scope } from '../../../src/domain/connection.ts'
import { newId, type TokenId } from '../../../src/domain/ids.ts'
import { errorPage, notFoundPage } from '../../../src/http/error-page.ts'
import { createHttpServer } from '../../../src/http/limits.ts'
import { requestContext } from '../../../src/http/request-context.ts'
import { hardenApp, securityHeaders } from '../../../src/http/security-headers.ts'
import { addToken } from '../../../src/provisioning/connection-tokens.ts'
import { createConnection } from '../../../src/provisioning/create-connection.ts'
import { foundOrg, type Operation } from '../../../src/provisioning/found-org.ts'
import type { Provisioning } from '../../../src/provisioning/provisioning.ts'
import { MOUNTS } from '../../../src/scim/location.ts'
import { type RequestLine, scimRouter } from '../../../src/scim/mount.ts'
import { databaseFile, openConnections, openStore, type Store } from '../../../src/storage/store.ts'
import { fresh, ScimClient } from './scim-client.ts'

export interface GatewayOptions {
  readonly fastRoutes: boolean
  readonly publicUrl?: string
}

export interface ConnectionOptions {
  readonly kind?: 'idp' | 'script'
  readonly scopes?: readonly Scope[]
  /** Name of a further org to be made; the gateway's own if absent. */
  readonly org?: string
}

/** The SCIM router over the real store, use cases and authentication, listening on a port of its own. */
export interface Gateway {
  readonly publicUrl: string
  /** What the request observer was told. */
  readonly requestLines: readonly RequestLine[]
  /** Failures that are not the client's doing. */
  readonly failures: readonly unknown[]
  /** A client of the first connection. */
  client(): ScimClient
  /** A client of a further connection. */
  connect(options: ConnectionOptions): Promise<ScimClient>
  /** Runs something while the store's table of groups is gone. */
  breakGroups<T>(run: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-'))
  const connections = openConnections({ databaseUrl: undefined, dataDir, poolSize: 2, onIdleError: () => undefined })
  await connections.migrate()
  const now = Date.now
  const store = openStore(connections, createRecordSealer({ kek: new Uint8Array(32).fill(7), now }), now)
  const provisioning: Provisioning = { work: store.work, tally: createTally({ now }), wakeJobs: () => undefined }
  const publicUrl = options.publicUrl ?? 'https://scim.example'
  const requestLines: RequestLine[] = []
  const failures: unknown[] = []
  const app = express()
  hardenApp(app, { publicUrl })
  app.use(requestContext(), securityHeaders({ publicUrl }))
  app.use(
    [...MOUNTS],
    scimRouter({
      reads: store.reads,
      provisioning,
      publicUrl,
      report: (error) => failures.push(error),
      authenticate: authenticationOver(store, publicUrl),
      callerOf: (res) => {
        const { connection } = authenticatedOf(res)
        return { connection, actor: { type: connection.kind, id: connection.id, connectionId: connection.id } }
      },
      requireScope,
      fastRoutes: options.fastRoutes,
      onRequest: (line) => requestLines.push(line),
    }),
  )
  app.use(
    notFoundPage(),
    errorPage((error) => failures.push(error)),
  )
  const server = createHttpServer((req, res) => void app(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const org = await foundOrg(provisioning, operation(), fresh('org')).durable

  const connect = async (asked: ConnectionOptions): Promise<string> => {
    const home = asked.org === undefined ? org : await foundOrg(provisioning, operation(), asked.org).durable
    const { id: connectionId } = await createConnection(provisioning, operation(), home.id, {
      name: fresh('connection'),
      kind: asked.kind ?? 'idp',
      mayGrantAdmin: false,
      scopes: asked.scopes ?? ['users', 'groups'],
      trust: undefined,
    }).durable
    const id = newId<TokenId>(now())
    const { text, secretHash } = mintToken(id)
    await addToken(provisioning, operation(), home.id, {
      id,
      connectionId,
      secretHash,
      origin: 'minted',
      expires: undefined,
    }).durable
    return text
  }
  const token = await connect({})

  return {
    publicUrl,
    requestLines,
    failures,
    client: () => new ScimClient(origin, token),
    connect: async (asked) => new ScimClient(origin, await connect(asked)),
    breakGroups: (run) => withoutTable(databaseFile(dataDir), 'scim_group', run),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await store.work.idle()
      await connections.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

function operation(): Operation {
  return { actor: { type: 'cli' }, request: { id: 'test', receivedAt: Date.now(), started: performance.now() } }
}

function authenticationOver(store: Store, publicUrl: string) {
  const { credentials } = store.reads
  const now = Date.now
  const keys = createIssuerKeys({ now, allowPrivateIssuers: false, timeout: 500, onFetchFailed: () => undefined })
  const authenticator = createAuthenticator({
    credentials,
    accessTokens: createAccessTokens({ publicUrl, signingKey: newSigningKey(), credentials, now }),
    jwt: createJwtTrusts({ credentials, keys, now }),
    limiter: createFailureLimiter(0),
    now,
    onUsed: () => undefined,
  })
  return authentication(authenticator)
}

async function withoutTable<T>(file: string, table: string, run: () => Promise<T>): Promise<T> {
  const database = new Database(file)
  const rename = (from: string, to: string) => database.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
  rename(table, `${table}_gone`)
  try {
    return await run()
  } finally {
    rename(`${table}_gone`, table)
    database.close()
  }
}
