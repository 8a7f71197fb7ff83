import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, OrgId, TokenId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { CONNECTION_OF_TOKEN, toConnection, toStoredToken, toTrust } from './credential-row.ts'
import { preparedQuery } from './prepared-query.ts'

function storedTokens(db: Kysely<Database>) {
  return db
    .selectFrom('connection_token')
    .innerJoin('connection', (join) =>
      join
        .onRef('connection.org_id', '=', 'connection_token.org_id')
        .onRef('connection.id', '=', 'connection_token.connection_id'),
    )
    .selectAll('connection_token')
    .select(CONNECTION_OF_TOKEN)
    .select(attributesVersion)
}

/** Of the attributes that the connection's org declared. */
const attributesVersion = sql<number | null>`(select p.attributes_version from org_policy as p
  where p.org_id = connection.org_id)`.as('attributes_version')

const selectToken = preparedQuery((db, { secretHash }: { readonly secretHash: Uint8Array }) =>
  storedTokens(db).where('secret_hash', '=', secretHash).compile(),
)

const selectTokenById = preparedQuery((db, { id }: { readonly id: TokenId }) =>
  storedTokens(db).where('connection_token.id', '=', id).compile(),
)

const selectConnection = preparedQuery((db, { orgId, id }: { readonly orgId: OrgId; readonly id: ConnectionId }) =>
  db
    .selectFrom('connection')
    .selectAll()
    .select(attributesVersion)
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .compile(),
)

/** Rows found from a credential, before the org is known. */
export function credentialReads(db: Kysely<Database>): CredentialReads {
  return {
    async tokenById(id) {
      const [row] = await selectTokenById(db, { id })
      return row && toStoredToken(row)
    },

    async tokenByHash(secretHash) {
      const [row] = await selectToken(db, { secretHash: Buffer.from(secretHash) })
      return row && toStoredToken(row)
    },

    async connection(orgId, id) {
      const [row] = await selectConnection(db, { orgId, id })
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
