import type { Kysely, Selectable } from 'kysely'
import type { ApiKeyTable } from '../../db/credential-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { ApiKey, KeyScope, KeyWrites, StoredKey } from '../domain/api-key.ts'
import type { KeyId, OrgId, UserId } from '../domain/ids.ts'
import type { KeyReads } from '../domain/ports.ts'
import { HOLDER_COLUMNS, HOLDER_FLAGS, type HolderRow, toHolder } from './key-holder.ts'
import { preparedQuery } from './prepared-query.ts'

/** Keys of the admin API, found from a credential before the org is known. */
export function apiKeyReads(db: Kysely<Database>): KeyReads {
  return {
    async byId(id) {
      const [row] = await selectById(db, { id })
      return row && toStoredKey(row)
    },
    async byHash(secretHash) {
      const [row] = await selectByHash(db, { secretHash: Buffer.from(secretHash) })
      return row && toStoredKey(row)
    },
    list: (orgId) => listKeys(db, orgId),
  }
}

/** Keys of the admin API as a unit of work writes them. */
export function apiKeyWrites(db: Kysely<Database>): KeyWrites {
  return {
    async insert(orgId, key, at) {
      await db
        .insertInto('api_key')
        .values({
          ...{ id: key.id, org_id: orgId, scope: key.scope, user_id: key.user ?? null, name: key.name },
          ...{ secret_hash: key.secretHash, origin: key.origin, created: at, expires: key.expires ?? null },
          ...{ last_used: null, revoked: null },
        })
        .execute()
    },
    list: (orgId) => listKeys(db, orgId),
    async revoke(orgId, id, at) {
      await db.updateTable('api_key').set({ revoked: at }).where('org_id', '=', orgId).where('id', '=', id).execute()
    },
  }
}

async function listKeys(db: Kysely<Database>, orgId: OrgId): Promise<readonly ApiKey[]> {
  const rows = await db
    .selectFrom('api_key')
    .selectAll()
    .where('org_id', '=', orgId)
    .orderBy('created')
    .orderBy('id')
    .execute()
  return rows.map(toKey)
}

function storedKeys(db: Kysely<Database>) {
  return db
    .selectFrom('api_key as k')
    .leftJoin('user as u', (join) => join.onRef('u.org_id', '=', 'k.org_id').onRef('u.id', '=', 'k.user_id'))
    .selectAll('k')
    .select([...HOLDER_COLUMNS, ...HOLDER_FLAGS])
}

const selectById = preparedQuery((db, { id }: { readonly id: KeyId }) =>
  storedKeys(db).where('k.id', '=', id).compile(),
)

const selectByHash = preparedQuery((db, { secretHash }: { readonly secretHash: Uint8Array }) =>
  storedKeys(db).where('k.secret_hash', '=', secretHash).compile(),
)

function toStoredKey(row: Selectable<ApiKeyTable> & HolderRow): StoredKey {
  return { ...toKey(row), secretHash: row.secret_hash, holder: toHolder(row) }
}

function toKey(row: Selectable<ApiKeyTable>): ApiKey {
  return {
    orgId: row.org_id as OrgId,
    id: row.id as KeyId,
    scope: row.scope as KeyScope,
    user: (row.user_id ?? undefined) as UserId | undefined,
    name: row.name,
    origin: row.origin as ApiKey['origin'],
    created: row.created,
    expires: row.expires ?? undefined,
    lastUsed: row.last_used ?? undefined,
    revoked: row.revoked ?? undefined,
  }
}
