import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { LinkWrites } from '../domain/write-ports.ts'

/** Linking writes that wait for an admin; one item for a connection and a person or group, however often it retries. */
export function linkWrites(db: Kysely<Database>): LinkWrites {
  return {
    async state(orgId, link) {
      const row = await db
        .selectFrom('link_request')
        .select('state')
        .where('org_id', '=', orgId)
        .where('connection_id', '=', link.connectionId)
        .where('subject_id', '=', link.subjectId)
        .executeTakeFirst()
      return row?.state
    },

    async ask(orgId, request, at) {
      await db
        .insertInto('link_request')
        .values({
          org_id: orgId,
          connection_id: request.connectionId,
          subject_type: request.subjectType,
          subject_id: request.subjectId,
          reason: request.reason,
          state: 'waiting',
          created: at,
          decided: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },

    async decide(orgId, link, state, at) {
      const { numUpdatedRows } = await db
        .updateTable('link_request')
        .set({ state, decided: at })
        .where('org_id', '=', orgId)
        .where('connection_id', '=', link.connectionId)
        .where('subject_id', '=', link.subjectId)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}
