import type { Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, ProviderId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { SignInFlows } from '../domain/sign-in-provider.ts'
import { inTransaction } from './transaction.ts'

/** Flows in the store: in transactions of their own and no org's chain, since a flow changes nothing anybody has. */
export function signInFlows(writer: Kysely<Database>, dialect: Dialect): SignInFlows {
  const run = <T>(write: (db: Kysely<Database>) => Promise<T>): Promise<T> => inTransaction(writer, dialect, write)
  return {
    begin: ({ stateHash, browserHash, orgId, providerId, purpose, expires }) =>
      run(async (db) => {
        await db
          .insertInto('signin_flow')
          .values({
            ...{ state_hash: Buffer.from(stateHash), browser_hash: Buffer.from(browserHash), org_id: orgId },
            ...{ provider_id: providerId, purpose: JSON.stringify(purpose), expires },
          })
          .execute()
      }),
    take: (stateHash, now) =>
      run(async (db) => {
        const row = await db
          .deleteFrom('signin_flow')
          .where('state_hash', '=', Buffer.from(stateHash))
          .returningAll()
          .executeTakeFirst()
        // Those that never came back go with one that did.
        await db.deleteFrom('signin_flow').where('expires', '<', now).execute()
        if (row === undefined || row.expires < now) return undefined
        return {
          stateHash: row.state_hash,
          browserHash: row.browser_hash,
          orgId: row.org_id as OrgId,
          providerId: row.provider_id as ProviderId,
          purpose: JSON.parse(row.purpose) as JsonObject,
          expires: row.expires,
        }
      }),
  }
}
