import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { mintToken } from '../../src/auth/token.ts'
import type { Connection } from '../../src/domain/connection.ts'
import { newId, type OrgId, type TokenId } from '../../src/domain/ids.ts'
import type { Gateway } from '../../src/gateway.ts'
import { addToken } from '../../src/provisioning/connection-tokens.ts'
import { type ConnectionDraft, createConnection } from '../../src/provisioning/create-connection.ts'
import { foundOrg } from '../../src/provisioning/found-org.ts'
import type { StoreConnections } from '../../src/storage/store.ts'
import type { Answer, ScimClient } from '../support/scim-client.ts'
import { operation } from '../support/tenant.ts'

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'

/** A connection of a running gateway, with one live token. */
export interface Access {
  readonly orgId: OrgId
  readonly connection: Connection
  readonly tokenId: TokenId
  readonly token: string
}

type Draft = Partial<Omit<ConnectionDraft, 'trust'>> & {
  readonly trust?: Partial<NonNullable<ConnectionDraft['trust']>>
}

/** Makes a connection in an org (a new one if none is given) and a token of it. */
export async function openAccess({ provisioning }: Gateway, orgId?: OrgId, draft: Draft = {}): Promise<Access> {
  const org = orgId ?? (await foundOrg(provisioning, operation(), `org-${randomUUID()}`).durable).id
  const { trust, ...rest } = draft
  const connection = await createConnection(provisioning, operation(), org, {
    ...{ name: `connection-${randomUUID()}`, kind: 'idp', mayGrantAdmin: false, scopes: ['users', 'groups'], ...rest },
    trust:
      trust === undefined
        ? undefined
        : { issuer: '', audience: '', jwksUri: undefined, pins: {}, algorithms: [], longLived: false, ...trust },
  }).durable
  return { orgId: org, connection, ...(await addTokenTo({ provisioning }, connection)) }
}

/** One more token of a connection. */
export async function addTokenTo(
  { provisioning }: Pick<Gateway, 'provisioning'>,
  { orgId, id: connectionId }: Connection,
): Promise<{ readonly tokenId: TokenId; readonly token: string }> {
  const id = newId<TokenId>(Date.now())
  const { text, secretHash } = mintToken(id)
  await addToken(provisioning, operation(), orgId, {
    ...{ id, connectionId, secretHash, origin: 'minted', expires: undefined },
  }).durable
  return { tokenId: id, token: text }
}

/** A name that no other test uses. */
export function fresh(prefix: string): string {
  return `${prefix}-${randomUUID()}`
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** POSTs a resource that must come to be. @returns its id */
export async function make(client: ScimClient, endpoint: '/Users' | '/Groups', body: object): Promise<string> {
  const schemas = [endpoint === '/Users' ? USER : GROUP]
  const answer = await client.post(endpoint, { schemas, ...body })
  if (answer.status !== 201) throw new Error(`POST ${endpoint} answered ${answer.status}: ${answer.text}`)
  return idOf(answer)
}

export function idOf(answer: Answer): string {
  return textOf(answer, 'id')
}

/** A member of an answer's body that must be a text. */
export function textOf({ status, body, text }: Answer, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new Error(`The answer ${status} has no ${name}: ${text}`)
  return value
}

export function filterOn(endpoint: string, filter: string): string {
  return `${endpoint}?filter=${encodeURIComponent(filter)}`
}

/** What rows are read with. */
interface Opened {
  readonly opened: { readonly connections: Pick<StoreConnections, 'reader'> }
}

/** Tables of the store, by the database's own catalogue. */
export async function tablesOf({ opened }: Opened): Promise<readonly string[]> {
  const tables = await opened.connections.reader.introspection.getTables()
  return tables.filter(({ isView }) => !isView).map(({ name }) => name)
}

/** Every row of every table as text, one a line, where `keep` says so. Bytes are in hexadecimal. */
export async function rowsOf(
  gateway: Opened,
  keep: (row: Readonly<Record<string, unknown>>, table: string) => boolean = () => true,
): Promise<readonly string[]> {
  const lines: string[] = []
  for (const table of await tablesOf(gateway)) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(
      gateway.opened.connections.reader,
    )
    for (const row of rows) if (keep(row, table)) lines.push(`${table} ${JSON.stringify(row, hexBytes)}`)
  }
  return lines.sort()
}

/** What changes beside anything that is provisioned: the trace of a request, and signatures that are due in their own time. */
const TRACES = new Set(['request_log', 'connection_token', 'checkpoint'])

/** Everything an org holds. */
export function orgRows(gateway: Gateway, orgId: OrgId): Promise<readonly string[]> {
  return rowsOf(gateway, (row, table) => !TRACES.has(table) && (row['org_id'] ?? row['id']) === orgId)
}

/** Everything that names an id, the log aside. */
export function rowsNaming(gateway: Gateway, id: string): Promise<readonly string[]> {
  const log = new Set([...TRACES, 'provisioning_event', 'event_target', 'event_pii'])
  return rowsOf(gateway, (row, table) => !log.has(table) && Object.values(row).includes(id))
}

/** A Buffer reaches a replacer as what its own toJSON made of it. */
function hexBytes(_key: string, value: unknown): unknown {
  const bytes = value as { type?: unknown; data?: unknown } | null
  if (typeof bytes === 'object' && bytes?.type === 'Buffer') return Buffer.from(bytes.data as number[]).toString('hex')
  return value
}
