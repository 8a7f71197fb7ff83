import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { toConnection, toToken, toTrust } from './credential-row.ts'
import { preparedQuery } from './prepared-query.ts'

const selectToken = preparedQuery((db, { secretHash }: { readonly secretHash: Uint8Array }) =>
  db.selectFrom('connection_token').selectAll().where('secret_hash', '=', secretHash).compile(),
)

const selectConnection = preparedQuery((db, { orgId, id }: { readonly orgId: OrgId; readonly id: ConnectionId }) =>
  db
    .selectFrom('connection')
    .selectAll()
    .select((eb) =>
      eb
        .selectFrom('org_policy')
        .select('attributes_version')
        .whereRef('org_policy.org_id', '=', 'connection.org_id')
        .as('attributes_version'),
    )
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .compile(),
)

/** Rows found from a credential, before the org is known. */
export function credentialReads(db: Kysely<Database>): CredentialReads {
  return {
    async tokenById(id) {
      const row = await db.selectFrom('connection_token').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toToken(row)
    },

    async tokenByHash(secretHash) {
      const [row] = await selectToken(db, { secretHash: Buffer.from(secretHash) })
      return row && toToken(row)
    },

    async connection(orgId, id) {
      const [row] = await selectConnection(db, { orgId, id })
      if (row === undefined) return undefined
      const version = row.attributes_version ?? 0
      return version === 0 ? toConnection(row) : { ...toConnection(row), attributesVersion: version }
    },

    async trustsByIssuer(issuer) {
      const rows = await db
        .selectFrom('jwt_trust')
        .innerJoin('connection', (join) =>
          join.onRef('connection.org_id', '=', 'jwt_trust.org_id').onRef('connection.id', '=', 'connection_id'),
        )
        .selectAll('jwt_trust')
        .where('issuer', '=', issuer)
        .where('connection.status', '=', 'active')
        .execute()
      return rows.map(toTrust)
    },
  }
}
