import type { Kysely, Selectable } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { SigninProviderTable } from '../../db/signin-schema.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, OrgId, ProviderId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { ProviderKind } from '../domain/sign-in.ts'
import type { ProviderReads, ProviderWrites, StoredProvider } from '../domain/sign-in-provider.ts'

/** What people sign in with, to read. */
export function providerReads(db: Kysely<Database>): ProviderReads {
  return {
    list: (orgId) => listProviders(db, orgId),
    find: (orgId, id) => findProvider(db, orgId, id),
    async enabled(kind) {
      const rows = await db
        .selectFrom('signin_provider')
        .selectAll()
        .where('kind', '=', kind)
        .where('enabled', '=', 1)
        .orderBy('id')
        .execute()
      return rows.map(toProvider)
    },
  }
}

/** What people sign in with, as a unit of work writes it. */
export function providerWrites(db: Kysely<Database>): ProviderWrites {
  return {
    list: (orgId) => listProviders(db, orgId),
    find: (orgId, id) => findProvider(db, orgId, id),

    async insert(orgId, provider) {
      await db
        .insertInto('signin_provider')
        .values({
          ...{ org_id: orgId, id: provider.id, kind: provider.kind, origin: provider.origin },
          ...{ created: provider.created, updated: provider.created, ...changedColumns(provider) },
        })
        .execute()
    },

    async update(orgId, provider, at) {
      await db
        .updateTable('signin_provider')
        .set({ ...changedColumns(provider), updated: at })
        .where('org_id', '=', orgId)
        .where('id', '=', provider.id)
        .execute()
    },

    async remove(orgId, id) {
      const unpaired = await db
        .updateTable('connection')
        .set((eb) => ({ signin_provider_id: null, version: eb('version', '+', 1) }))
        .where('org_id', '=', orgId)
        .where('signin_provider_id', '=', id)
        .returning('id')
        .execute()
      await db.deleteFrom('signin_provider').where('org_id', '=', orgId).where('id', '=', id).execute()
      return unpaired.map((row) => row.id as ConnectionId)
    },

    ...pairings(db),
  }
}

function pairings(db: Kysely<Database>): Pick<ProviderWrites, 'pair' | 'pairedWith'> {
  return {
    async pair(orgId, connection: ConnectionId, provider) {
      await db
        .updateTable('connection')
        .set((eb) => ({ signin_provider_id: provider ?? null, version: eb('version', '+', 1) }))
        .where('org_id', '=', orgId)
        .where('id', '=', connection)
        .execute()
    },

    async pairedWith(orgId, connection) {
      const row = await db
        .selectFrom('connection')
        .select('signin_provider_id')
        .where('org_id', '=', orgId)
        .where('id', '=', connection)
        .executeTakeFirst()
      return (row?.signin_provider_id ?? undefined) as ProviderId | undefined
    },
  }
}

function changedColumns({ name, enabled, config, sealedSecret, version }: StoredProvider) {
  return {
    name,
    name_key: fold(name),
    enabled: enabled ? (1 as const) : (0 as const),
    config: JSON.stringify(config),
    secret: sealedSecret === undefined ? null : Buffer.from(sealedSecret),
    version,
  }
}

async function listProviders(db: Kysely<Database>, orgId: OrgId): Promise<readonly StoredProvider[]> {
  const rows = await db
    .selectFrom('signin_provider')
    .selectAll()
    .where('org_id', '=', orgId)
    .orderBy('created')
    .orderBy('id')
    .execute()
  return rows.map(toProvider)
}

async function findProvider(db: Kysely<Database>, orgId: OrgId, id: ProviderId): Promise<StoredProvider | undefined> {
  const row = await db
    .selectFrom('signin_provider')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toProvider(row)
}

function toProvider(row: Selectable<SigninProviderTable>): StoredProvider {
  return {
    orgId: row.org_id as OrgId,
    id: row.id as ProviderId,
    kind: row.kind as ProviderKind,
    name: row.name,
    enabled: row.enabled === 1,
    origin: row.origin as StoredProvider['origin'],
    config: JSON.parse(row.config) as JsonObject,
    hasSecret: row.secret !== null,
    version: row.version,
    created: row.created,
    sealedSecret: row.secret ?? undefined,
  }
}
