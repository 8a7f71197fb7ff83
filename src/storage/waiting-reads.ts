import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, UserId } from '../domain/ids.ts'
import type { LinkItem, WaitingReads, WithheldItem } from '../domain/ownership-ports.ts'

/** What waits for an admin of an org. */
export function waitingReads(db: Kysely<Database>): WaitingReads {
  return {
    async links(orgId) {
      const rows = await db
        .selectFrom('link_request as l')
        .innerJoin('connection as c', (join) =>
          join.onRef('c.org_id', '=', 'l.org_id').onRef('c.id', '=', 'l.connection_id'),
        )
        .leftJoin('user as u', (join) =>
          join.onRef('u.org_id', '=', 'l.org_id').onRef('u.id', '=', 'l.subject_id').on('u.deleted_at', 'is', null),
        )
        .leftJoin('scim_group as g', (join) =>
          join.onRef('g.org_id', '=', 'l.org_id').onRef('g.id', '=', 'l.subject_id').on('g.deleted_at', 'is', null),
        )
        .select(['l.connection_id', 'c.name', 'l.subject_type', 'l.subject_id', 'l.state', 'l.created'])
        .select(['u.username', 'g.display_name'])
        .where('l.org_id', '=', orgId)
        .where('l.state', '<>', 'done')
        .where('c.status', '=', 'active')
        .orderBy('l.created')
        .orderBy('l.subject_id')
        .execute()
      return rows.map((row) => ({
        connectionId: row.connection_id as ConnectionId,
        connectionName: row.name,
        subjectType: row.subject_type as LinkItem['subjectType'],
        subjectId: row.subject_id,
        subjectName: row.username ?? row.display_name ?? undefined,
        state: row.state as LinkItem['state'],
        created: row.created,
      }))
    },

    async withheldAdmins(orgId) {
      const rows = await db
        .selectFrom('withheld_admin as w')
        .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'w.org_id').onRef('u.id', '=', 'w.user_id'))
        .innerJoin('connection as c', (join) =>
          join.onRef('c.org_id', '=', 'w.org_id').onRef('c.id', '=', 'w.connection_id'),
        )
        .select(['w.user_id', 'u.username', 'w.connection_id', 'c.name', 'w.attribute', 'w.state', 'w.created'])
        .where('w.org_id', '=', orgId)
        .where('u.deleted_at', 'is', null)
        .orderBy('w.created')
        .orderBy('w.user_id')
        .execute()
      return rows.map((row) => ({
        user: row.user_id as UserId,
        userName: row.username,
        connectionId: row.connection_id as ConnectionId,
        connectionName: row.name,
        attribute: row.attribute,
        state: row.state as WithheldItem['state'],
        created: row.created,
      }))
    },
  }
}
