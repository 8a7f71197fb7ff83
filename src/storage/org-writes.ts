import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { OrgSeed, OrgWrites } from '../domain/write-ports.ts'
import { toConnection, toToken, toTrust } from './credential-row.ts'
import { readPolicy, writePolicy } from './policy-rows.ts'
import { preparedQuery } from './prepared-query.ts'

/** The rows of a new org, its chain at genesis. @throws the driver's unique violation when the name is taken */
export async function insertOrg(db: Kysely<Database>, seed: OrgSeed): Promise<void> {
  const { id, name, created } = seed
  await db
    .insertInto('org')
    .values({ id, name, name_key: fold(name), created })
    .execute()
  await db
    .insertInto('org_policy')
    .values({
      org_id: id,
      default_org_role: 'member',
      default_seats: JSON.stringify(seed.defaultSeats),
      settings: '{}',
      rules_version: 1,
    })
    .execute()
  await insertChain(db, id)
}

/** A chain at genesis: epoch 1, nothing written, 32 zero bytes. Nothing happens when it is there. */
export async function insertChain(db: Kysely<Database>, orgId: OrgId): Promise<void> {
  await db
    .insertInto('org_chain')
    .values({ org_id: orgId, epoch: 1, seq: 0, time_ms: 0, hash: Buffer.alloc(32) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Connections and their credentials as a unit of work writes them. */
export function orgWrites(db: Kysely<Database>): OrgWrites {
  return {
    ...connectionLookups(db),
    ...connectionWrites(db),
    ...tokenWrites(db),
    ...trustWrites(db),
    ...handovers(db),
    policy: (orgId) => readPolicy(db, orgId),
    savePolicy: (orgId, policy) => writePolicy(db, orgId, policy),
  }
}

/** Connections; what a revoked one owned has no owner. */
function connectionWrites(
  db: Kysely<Database>,
): Pick<OrgWrites, 'insertConnection' | 'updateConnection' | 'revokeConnection'> {
  return {
    async insertConnection(orgId, connection) {
      await db
        .insertInto('connection')
        .values({
          org_id: orgId,
          id: connection.id,
          name: connection.name,
          name_key: fold(connection.name),
          kind: connection.kind,
          status: connection.status,
          may_grant_admin: connection.mayGrantAdmin ? 1 : 0,
          scopes: connection.scopes.join(' '),
          signin_provider_id: null,
          version: connection.version,
          created: connection.created,
        })
        .execute()
    },

    async updateConnection(orgId, { id, name, mayGrantAdmin, scopes, version }) {
      await db
        .updateTable('connection')
        .set({
          ...{ name, name_key: fold(name), may_grant_admin: mayGrantAdmin ? 1 : 0 },
          ...{ scopes: scopes.join(' '), version },
        })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },

    async revokeConnection(orgId, id) {
      await db
        .updateTable('connection')
        // The name is free again for a new connection; the id never is.
        .set((eb) => ({ status: 'revoked', name_key: `revoked:${id}`, version: eb('version', '+', 1) }))
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
      // As with the name: a new connection may trust the same issuer, audience and pins.
      await db
        .updateTable('jwt_trust')
        .set((eb) => ({ pin_key: eb(eb.val('revoked:'), '||', eb.ref('id')) }))
        .where('org_id', '=', orgId)
        .where('connection_id', '=', id)
        .execute()
      const owned = { owner_connection_id: null, external_id: null }
      for (const table of ['user', 'scim_group'] as const) {
        await db
          .updateTable(table)
          .set(owned)
          .where('org_id', '=', orgId)
          .where('owner_connection_id', '=', id)
          .execute()
      }
    },
  }
}

/** Connections, revoked ones too. */
function connectionLookups(db: Kysely<Database>): Pick<OrgWrites, 'connection' | 'connectionNamed'> {
  return {
    async connection(orgId, id) {
      const [row] = await selectConnection(db, { orgId, id })
      return row && toConnection(row)
    },

    async connectionNamed(orgId, idOrName) {
      const row = await db
        .selectFrom('connection')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('status', '=', 'active')
        .where((eb) => eb.or([eb('id', '=', idOrName), eb('name_key', '=', fold(idOrName))]))
        .executeTakeFirst()
      return row && toConnection(row)
    },
  }
}

const selectConnection = preparedQuery((db, { orgId, id }: { readonly orgId: OrgId; readonly id: ConnectionId }) =>
  db.selectFrom('connection').selectAll().where('org_id', '=', orgId).where('id', '=', id).compile(),
)

/** Opaque tokens, by the hash of their text. */
function tokenWrites(db: Kysely<Database>): Pick<OrgWrites, 'tokens' | 'insertToken' | 'revokeToken'> {
  return {
    async tokens(orgId, id) {
      const rows = await db
        .selectFrom('connection_token')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('connection_id', '=', id)
        .orderBy('created')
        .orderBy('id')
        .execute()
      return rows.map(toToken)
    },

    async insertToken(orgId, token, at) {
      await db
        .insertInto('connection_token')
        .values({
          id: token.id,
          org_id: orgId,
          connection_id: token.connectionId,
          secret_hash: token.secretHash,
          origin: token.origin,
          created: at,
          expires: token.expires ?? null,
          last_used: null,
          revoked: null,
        })
        .execute()
    },

    async revokeToken(orgId, id, at) {
      await db
        .updateTable('connection_token')
        .set({ revoked: at })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },
  }
}

/** The org's own row, and who owns what in it. */
function handovers(db: Kysely<Database>): Pick<OrgWrites, 'name' | 'rename' | 'handOver'> {
  const nameOf = async (orgId: OrgId): Promise<string> => {
    const { name } = await db.selectFrom('org').select('name').where('id', '=', orgId).executeTakeFirstOrThrow()
    return name
  }
  return {
    name: nameOf,

    async rename(orgId, name) {
      const former = await nameOf(orgId)
      await db
        .updateTable('org')
        .set({ name, name_key: fold(name) })
        .where('id', '=', orgId)
        .execute()
      return former
    },

    async handOver(orgId, { from, to, subject, at }) {
      const handed = async (table: 'user' | 'scim_group', type: 'user' | 'group'): Promise<readonly string[]> => {
        if (subject !== undefined && subject.type !== type) return []
        let query = db
          .updateTable(table)
          .set((eb) => ({ owner_connection_id: to ?? null, version: eb('version', '+', 1), updated: at }))
          .where('org_id', '=', orgId)
          .where('owner_connection_id', from === undefined ? 'is' : '=', from ?? null)
          .where('deleted_at', 'is', null)
        // The name a directory has for something means nothing once it owns it no more.
        if (to === undefined) query = query.set({ external_id: null })
        if (subject !== undefined) query = query.where('id', '=', subject.id)
        return (await query.returning('id').execute()).map(({ id }) => id).sort()
      }
      const users = (await handed('user', 'user')) as readonly UserId[]
      return { users, groups: (await handed('scim_group', 'group')) as readonly GroupId[] }
    },
  }
}

/** Trust in identity providers' JWTs. */
function trustWrites(db: Kysely<Database>): Pick<OrgWrites, 'insertTrust' | 'removeTrust'> {
  return {
    async insertTrust(orgId, trust, at) {
      const pins = JSON.stringify(Object.fromEntries(Object.entries(trust.pins).sort(([a], [b]) => (a < b ? -1 : 1))))
      await db
        .insertInto('jwt_trust')
        .values({
          org_id: orgId,
          id: trust.id,
          connection_id: trust.connectionId,
          issuer: trust.issuer,
          audience: trust.audience,
          pins,
          pin_key: pins,
          jwks_uri: trust.jwksUri ?? null,
          algorithms: trust.algorithms.join(' '),
          long_lived: trust.longLived ? 1 : 0,
          created: at,
        })
        .execute()
    },

    async removeTrust(orgId, connection, id) {
      const row = await db
        .deleteFrom('jwt_trust')
        .where('org_id', '=', orgId)
        .where('connection_id', '=', connection)
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && toTrust(row)
    },
  }
}
