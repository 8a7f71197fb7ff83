import { hashToken, mintToken } from './auth/token.ts'
import { EXIT_CONFIG } from './config.ts'
import type { StoredToken } from './domain/connection.ts'
import { DomainError } from './domain/errors.ts'
import { newId, type TokenId } from './domain/ids.ts'
import type { NewToken } from './domain/write-ports.ts'
import { setBootstrapToken } from './provisioning/connection-tokens.ts'
import { type ConnectionDraft, createConnection } from './provisioning/create-connection.ts'
import { foundFirstOrg } from './provisioning/found-first-org.ts'
import type { Operation } from './provisioning/found-org.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { StartError } from './start-error.ts'
import type { Store } from './storage/store.ts'

/** Name of the org that a first start makes. */
export const FIRST = 'default'
const VARIABLE = 'ROLLCALL_BOOTSTRAP_SCIM_TOKEN'

/** What a start made or found out that the operator is told. */
export interface FirstStart {
  /** The minted token of a new store, to be shown this once. */
  readonly token: string | undefined
  /** Why the bootstrap token that was given is not in use. */
  readonly notice: string | undefined
}

type FirstToken = Omit<NewToken, 'connectionId'>

/**
 * Makes what a new store lacks, in one transaction: the org `default` with one idp connection and one token.
 * @param bootstrapToken set in place of a minted token; a changed value replaces the one before
 * @throws StartError 78 when the connection has no room for the bootstrap token
 */
export async function ensureFirstOrg(
  provisioning: Provisioning,
  reads: Store['reads'],
  bootstrapToken: string | undefined,
): Promise<FirstStart> {
  const operation = systemOperation()
  const id = newId<TokenId>(operation.request.receivedAt)
  if (bootstrapToken === undefined) {
    const { text, secretHash } = mintToken(id)
    const token: FirstToken = { id, secretHash, origin: 'minted', expires: undefined }
    const made = await makeFirst(provisioning, reads, operation, token)
    return { token: made ? text : undefined, notice: undefined }
  }
  const secretHash = hashToken(bootstrapToken)
  const token: FirstToken = { id, secretHash, origin: 'bootstrap', expires: undefined }
  const known = await reads.credentials.tokenByHash(secretHash)
  if (known !== undefined) return { token: undefined, notice: whyNotInUse(known) }
  if (await makeFirst(provisioning, reads, operation, token)) return { token: undefined, notice: undefined }
  return { token: undefined, notice: await giveBootstrapToken(provisioning, reads, operation, token) }
}

/** What the gateway does by itself. */
export function systemOperation(): Operation {
  const now = Date.now()
  return { actor: { type: 'system' }, request: { id: newId(now), receivedAt: now, started: performance.now() } }
}

/** @returns whether this start made the first connection and gave it the token */
async function makeFirst(
  provisioning: Provisioning,
  reads: Store['reads'],
  operation: Operation,
  token: FirstToken,
): Promise<boolean> {
  const draft: ConnectionDraft = {
    name: FIRST,
    kind: 'idp',
    mayGrantAdmin: false,
    scopes: ['users', 'groups'],
    trust: undefined,
    token,
  }
  try {
    const org = await reads.orgs.find(FIRST)
    if (org === undefined) {
      // An operator who made orgs of another name wants no further one.
      if ((await reads.orgs.list()).length > 0) return false
      await foundFirstOrg(provisioning, operation, FIRST, draft).durable
    } else {
      if ((await reads.orgs.connections(org.id)).length > 0) return false
      await createConnection(provisioning, operation, org.id, draft).durable
    }
    return true
  } catch (error) {
    // Two instances may start on an empty store at once; the other was first.
    if (error instanceof DomainError && error.code === 'uniqueness') return false
    throw error
  }
}

/** A value that was revoked is not brought back by a restart: whoever revoked it meant it. */
function whyNotInUse(known: StoredToken): string | undefined {
  if (known.revoked !== undefined) {
    const at = new Date(known.revoked).toISOString()
    return `${VARIABLE} is not in use: this value was revoked or replaced at ${at}. Give a new one, or unset it`
  }
  if (known.connection.status === 'active') return undefined
  return `${VARIABLE} is not in use: its connection was revoked. Make another: rollcall connection create`
}

/** @returns why there is nothing to give it to */
async function giveBootstrapToken(
  provisioning: Provisioning,
  reads: Store['reads'],
  operation: Operation,
  token: FirstToken,
): Promise<string | undefined> {
  const org = await reads.orgs.find(FIRST)
  const connections = org === undefined ? [] : await reads.orgs.connections(org.id)
  const connection = connections.find(({ name, status }) => name === FIRST && status === 'active')
  if (connection === undefined) {
    return (
      `${VARIABLE} is not in use: there is no active connection "${FIRST}" of an organisation "${FIRST}". ` +
      'Unset it, and make tokens with: rollcall token create'
    )
  }
  try {
    await setBootstrapToken(provisioning, operation, connection.orgId, { ...token, connectionId: connection.id })
      .durable
  } catch (error) {
    if (!(error instanceof DomainError && error.reason === 'token.too-many')) throw error
    throw new StartError(EXIT_CONFIG, `${VARIABLE} cannot be taken: ${error.message}`, error)
  }
  return undefined
}
