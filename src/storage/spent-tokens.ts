import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { SpentTokenWrites } from '../domain/spent-token.ts'

/** Tokens that were used, kept for as long as they could be used again. */
export function spentTokenWrites(db: Kysely<Database>): SpentTokenWrites {
  return {
    async spend(orgId, { hash, expires }, at) {
      await db.deleteFrom('spent_token').where('org_id', '=', orgId).where('expires', '<', at).execute()
      const rows = await db
        .insertInto('spent_token')
        .values({ org_id: orgId, token_hash: Buffer.from(hash), expires })
        .onConflict((conflict) => conflict.doNothing())
        .returning('expires')
        .execute()
      return rows.length === 1
    },
  }
}
