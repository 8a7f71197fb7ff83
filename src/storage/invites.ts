import { type Kysely, type Selectable, sql } from 'kysely'
import type { InviteTable } from '../../db/invite-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { InviteId, OrgId, UserId } from '../domain/ids.ts'
import type { Invite, InviteReads, InviteState, InviteWrites, ListedInvite } from '../domain/invite.ts'
import type { UserAttributes, UserStatus } from '../domain/user.ts'

/** Invitations as pages, lists and the job that ends them read them. */
export function inviteReads(db: Kysely<Database>): InviteReads {
  return {
    async list(orgId, limit, by) {
      const all = listed(db).where('i.org_id', '=', orgId).orderBy('i.id', 'desc').limit(limit)
      const rows = await (by === undefined ? all : all.where('i.invited_by', '=', by)).execute()
      return rows.map(toListed)
    },
    async find(orgId, id) {
      const row = await listed(db).where('i.org_id', '=', orgId).where('i.id', '=', id).executeTakeFirst()
      return row && toListed(row)
    },
    async byHash(secretHash) {
      const row = await listed(db).where('i.token_hash', '=', Buffer.from(secretHash)).executeTakeFirst()
      return row && { orgId: row.org_id as OrgId, invite: toListed(row) }
    },
    async overdue(now, limit) {
      const rows = await db
        .selectFrom('invite')
        .select(['org_id', 'id'])
        // Names the partial index.
        .where(sql<boolean>`state = 'pending'`)
        .where('expires', '<=', now)
        .orderBy('expires')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ orgId: row.org_id as OrgId, id: row.id as InviteId }))
    },
  }
}

/** Invitations as a unit of work writes them. */
export function inviteWrites(db: Kysely<Database>): InviteWrites {
  const one = (orgId: OrgId) => db.selectFrom('invite').selectAll().where('org_id', '=', orgId)
  const open = (orgId: OrgId) =>
    db
      .updateTable('invite')
      .where('org_id', '=', orgId)
      .where(sql<boolean>`state = 'pending'`)
  return {
    async insert(orgId, { id, user, by, secretHash, address, expires }, at) {
      await db
        .insertInto('invite')
        .values({
          ...{ org_id: orgId, id, user_id: user, token_hash: Buffer.from(secretHash), email_key: address },
          ...{ state: 'pending', invited_by: by ?? null, created: at, sent: at, expires, ended: null },
        })
        .execute()
    },
    async find(orgId, id) {
      const row = await one(orgId).where('id', '=', id).executeTakeFirst()
      return row && { ...toInvite(row), address: row.email_key }
    },
    async openOf(orgId, user) {
      // Names the partial index.
      const isOpen = sql<boolean>`state = 'pending'`
      const row = await one(orgId).where('user_id', '=', user).where(isOpen).executeTakeFirst()
      return row && toInvite(row)
    },
    async byHash(orgId, secretHash) {
      const row = await one(orgId).where('token_hash', '=', Buffer.from(secretHash)).executeTakeFirst()
      return row && { ...toInvite(row), address: row.email_key }
    },
    async renew(orgId, id, { secretHash, address, expires }, at) {
      await db
        .updateTable('invite')
        .set({
          state: 'pending',
          token_hash: Buffer.from(secretHash),
          email_key: address,
          expires,
          sent: at,
          ended: null,
        })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },
    async close(orgId, id, state, at) {
      const rows = await open(orgId)
        .set({ state, ended: at, email_key: '' })
        .where('id', '=', id)
        .returning('id')
        .execute()
      return rows.length === 1
    },
    async closeOf(orgId, user, state, at) {
      await open(orgId).set({ state, ended: at, email_key: '' }).where('user_id', '=', user).execute()
    },
  }
}

function listed(db: Kysely<Database>) {
  return db
    .selectFrom('invite as i')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'i.org_id').onRef('u.id', '=', 'i.user_id'))
    .selectAll('i')
    .select(['u.status', 'u.deleted_at', 'u.body'])
}

type ListedRow = Selectable<InviteTable> & {
  readonly status: string
  readonly deleted_at: number | null
  readonly body: string
}

function toListed(row: ListedRow): ListedInvite {
  const status = row.deleted_at === null ? (row.status as UserStatus) : 'deleted'
  return { ...toInvite(row), status, attributes: JSON.parse(row.body) as UserAttributes }
}

function toInvite(row: Selectable<InviteTable>): Invite {
  const { created, sent, expires } = row
  const known = { id: row.id as InviteId, user: row.user_id as UserId, state: row.state as InviteState }
  return { ...known, by: row.invited_by ?? undefined, created, sent, expires }
}
