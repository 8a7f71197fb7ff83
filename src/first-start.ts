import { hashToken, mintToken } from './auth/token.ts'
import type { Connection } from './domain/connection.ts'
import { DomainError } from './domain/errors.ts'
import { newId, type OrgId, type TokenId } from './domain/ids.ts'
import type { OrgSummary } from './domain/ports.ts'
import { addToken, setBootstrapToken } from './provisioning/connection-tokens.ts'
import { createConnection } from './provisioning/create-connection.ts'
import { foundOrg, type Operation } from './provisioning/found-org.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import type { Store } from './storage/store.ts'

const FIRST = 'default'

/**
 * Makes what a new store lacks: the org `default` with one idp connection and one token. Each step looks first, so a
 * start that was cut off goes on where it stood.
 * @param bootstrapToken set in place of a minted token; a changed value replaces the one before
 * @returns the minted token, to be shown this once
 */
export async function ensureFirstOrg(
  provisioning: Provisioning,
  reads: Store['reads'],
  bootstrapToken: string | undefined,
): Promise<string | undefined> {
  const operation = systemOperation()
  const orgs = await reads.orgs.list()
  const org = orgs.find(({ name }) => name === FIRST) ?? (orgs.length > 0 ? undefined : await foundFirst(provisioning, reads, operation))
  if (org === undefined) return undefined
  const connections = await reads.orgs.connections(org.id)
  const connection =
    connections.find(({ name, status }) => name === FIRST && status === 'active') ??
    (connections.length > 0 ? undefined : await connectFirst(provisioning, operation, org.id))
  if (connection === undefined) return undefined
  if (bootstrapToken !== undefined) {
    await giveBootstrapToken(provisioning, operation, connection, bootstrapToken)
    return undefined
  }
  const tokens = (await reads.orgs.tokens(org.id)).filter((token) => token.connectionId === connection.id)
  return tokens.length > 0 ? undefined : giveToken(provisioning, operation, connection)
}

/** What the gateway does by itself. */
export function systemOperation(): Operation {
  const now = Date.now()
  return { actor: { type: 'system' }, request: { id: newId(now), receivedAt: now, started: performance.now() } }
}

async function foundFirst(
  provisioning: Provisioning,
  reads: Store['reads'],
  operation: Operation,
): Promise<OrgSummary | undefined> {
  try {
    return await foundOrg(provisioning, operation, FIRST).durable
  } catch (error) {
    // Two instances may start on an empty store at once; the other was first.
    if (error instanceof DomainError && error.code === 'uniqueness') return reads.orgs.find(FIRST)
    throw error
  }
}

function connectFirst(provisioning: Provisioning, operation: Operation, orgId: OrgId): Promise<Connection> {
  return createConnection(provisioning, operation, orgId, {
    name: FIRST,
    kind: 'idp',
    mayGrantAdmin: false,
    scopes: ['users', 'groups'],
    trust: undefined,
  }).durable
}

async function giveToken(provisioning: Provisioning, operation: Operation, connection: Connection): Promise<string> {
  const id = newId<TokenId>(operation.request.receivedAt)
  const { text, secretHash } = mintToken(id)
  await addToken(provisioning, operation, connection.orgId, {
    id,
    connectionId: connection.id,
    secretHash,
    origin: 'minted',
    expires: undefined,
  }).durable
  return text
}

async function giveBootstrapToken(
  provisioning: Provisioning,
  operation: Operation,
  connection: Connection,
  text: string,
): Promise<void> {
  await setBootstrapToken(provisioning, operation, connection.orgId, {
    id: newId<TokenId>(operation.request.receivedAt),
    connectionId: connection.id,
    secretHash: hashToken(text),
    origin: 'bootstrap',
    expires: undefined,
  }).durable
}
