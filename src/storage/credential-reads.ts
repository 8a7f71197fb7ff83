import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { toConnection, toToken, toTrust } from './credential-row.ts'

/** Rows found from a credential, before the org is known. */
export function credentialReads(db: Kysely<Database>): CredentialReads {
  return {
    async tokenById(id) {
      const row = await db.selectFrom('connection_token').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toToken(row)
    },

    async tokenByHash(secretHash) {
      const row = await db
        .selectFrom('connection_token')
        .selectAll()
        .where('secret_hash', '=', Buffer.from(secretHash))
        .executeTakeFirst()
      return row && toToken(row)
    },

    async connection(orgId, id) {
      const row = await db
        .selectFrom('connection')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toConnection(row)
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
