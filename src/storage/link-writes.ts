import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import type { LinkKey, LinkWrites } from '../domain/ownership-ports.ts'

/** Linking writes that wait for an admin; one item for a connection and a person or group, however often it retries. */
export function linkWrites(db: Kysely<Database>): LinkWrites {
  const moved = async (orgId: OrgId, link: LinkKey, state: string, at: number): Promise<bigint> => {
    const { numUpdatedRows } = await db
      .updateTable('link_request')
      .set({ state, decided: at })
      .where('org_id', '=', orgId)
      .where('connection_id', '=', link.connectionId)
      .where('subject_id', '=', link.subjectId)
      .where('state', '<>', 'done')
      .executeTakeFirst()
    return numUpdatedRows
  }
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
        .onConflict((conflict) =>
          conflict
            .columns(['org_id', 'connection_id', 'subject_id'])
            .doUpdateSet({ state: 'waiting', reason: request.reason, created: at, decided: null })
            .where('link_request.state', '=', 'done'),
        )
        .execute()
    },

    decide: async (orgId, link, state, at) => (await moved(orgId, link, state, at)) > 0n,
    settle: async (orgId, link, at) => {
      await moved(orgId, link, 'done', at)
    },
  }
}
