import { Command } from 'commander'
import type { ApiKey, KeyScope } from '../domain/api-key.ts'
import { DomainError } from '../domain/errors.ts'
import { type KeyId, newId, type OrgId } from '../domain/ids.ts'
import { createKey, revokeKey } from '../provisioning/api-keys.ts'
import { getOrg, getUser } from './lookup.ts'
import { json, printable, table, time } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const DAY_MS = 86_400_000

/** What `token create` takes to make a key of the admin API. */
export interface KeyOptions {
  readonly org: string
  readonly admin?: true
  readonly operator?: true
  readonly auditor?: true
  readonly user?: string
  readonly name?: string
  readonly expires?: number
}

/** Whether a key is asked for, and no token of a connection. @throws DomainError where the options do not fit */
export function isKeyWanted({ admin, operator, auditor, user, name }: KeyOptions): boolean {
  if (operator === true && admin !== true) throw new DomainError('invalid-value', '--operator goes with --admin')
  const wanted = admin === true || auditor === true || user !== undefined
  if (!wanted && name !== undefined) {
    throw new DomainError('invalid-value', '--name is for keys: give --admin, --auditor or --user as well')
  }
  return wanted
}

interface MintedKey {
  readonly key: ApiKey
  readonly text: string
}

/** Makes a key of the admin API. @throws DomainError `not-found`, `too-many` */
export async function mintKey(operator: Operator, options: KeyOptions): Promise<MintedKey> {
  const org = await getOrg(operator, options.org)
  const holder = options.user === undefined ? undefined : await getUser(operator, org, options.user)
  const scope = scopeOf(options)
  const operation = operator.operation()
  const now = operation.request.receivedAt
  const id = newId<KeyId>(now)
  const { text, secretHash } = operator.mintToken(id)
  const expires = options.expires === undefined ? undefined : now + options.expires * DAY_MS
  const key = await createKey(operator.provisioning, operation, org.id, {
    ...{ id, secretHash, scope, user: holder?.id, name: options.name ?? scope, origin: 'minted', expires },
  }).durable
  return { key, text }
}

function scopeOf({ admin, operator, auditor }: KeyOptions): KeyScope {
  if (admin === true) return operator === true ? 'operator' : 'admin'
  return auditor === true ? 'auditor' : 'user'
}

export function keyJson({ key, text }: MintedKey): string {
  const { id, scope, name, user, expires } = key
  return json({ id, scope, name, user: user ?? null, key: text, expires: expires === undefined ? null : time(expires) })
}

export function keyText({ key, text }: MintedKey): string {
  const until = key.expires === undefined ? '' : `, expires ${time(key.expires)}`
  return `Key ${key.id} (${printable(key.name)}, ${key.scope})${until}, shown this once: ${text}`
}

/** `rollcall token list`: keys of the admin API; those of connections are in `connection list`. */
export function listKeysCommand(ports: CommandPorts): Command {
  return new Command('list')
    .description('list the keys of the admin API; tokens are listed with their connections')
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--json', 'answer in JSON')
    .action(async (options: { readonly org: string; readonly json?: true }) => {
      const keys = await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        return operator.reads.keys.list(org.id)
      })
      const rows = keys.map(({ id, name, scope, user, created, expires, lastUsed, revoked }) => ({
        ...{ id, name, scope, user: user ?? '', created: time(created), expires: time(expires) },
        ...{ lastUsed: time(lastUsed), revoked: time(revoked) },
      }))
      ports.out(options.json === true ? json(rows) : table(rows, 'No keys'))
    })
}

/** @returns whether there was a key of that id to revoke */
export async function revokeKeyNamed(operator: Operator, orgId: OrgId, id: string): Promise<boolean> {
  const key = (await operator.reads.keys.list(orgId)).find((known) => known.id === id)
  if (key === undefined) return false
  await revokeKey(operator.provisioning, operator.operation(), orgId, key.id).durable
  return true
}
