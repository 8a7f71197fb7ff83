import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { GrantKey, GrantWrites } from '../domain/write-ports.ts'
import { idList } from './id-list.ts'

/** Explicit values, and the teams that they may name. */
export function grantWrites(db: Kysely<Database>, dialect: Dialect): GrantWrites {
  return { ...grantRows(db), ...withheldAdmins(db), ...namedTeams(db, dialect) }
}

function grantRows(db: Kysely<Database>): Pick<GrantWrites, 'set' | 'clear' | 'list'> {
  const find = async (orgId: OrgId, user: UserId, key: GrantKey): Promise<string | undefined> => {
    const row = await db
      .selectFrom('explicit_grant')
      .select('value')
      .where('org_id', '=', orgId)
      .where('user_id', '=', user)
      .where('kind', '=', key.kind)
      .where('target', '=', key.target)
      .executeTakeFirst()
    return row?.value
  }
  return {
    async set(orgId, user, { kind, target, value, setBy, at }) {
      const former = await find(orgId, user, { kind, target })
      if (former === value) return former
      const fact = { value, set_by: setBy ?? null, set_at: at }
      await db
        .insertInto('explicit_grant')
        .values({ org_id: orgId, user_id: user, kind, target, ...fact })
        .onConflict((conflict) => conflict.columns(['org_id', 'user_id', 'kind', 'target']).doUpdateSet(fact))
        .execute()
      return former
    },

    async clear(orgId, user, { kind, target }) {
      const row = await db
        .deleteFrom('explicit_grant')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .where('kind', '=', kind)
        .where('target', '=', target)
        .returning('value')
        .executeTakeFirst()
      return row?.value
    },

    async list(orgId, user) {
      const rows = await db
        .selectFrom('explicit_grant')
        .select(['kind', 'target', 'value'])
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .orderBy('kind')
        .orderBy('target')
        .execute()
      return rows.map(({ kind, target, value }) => ({ kind: kind as GrantKey['kind'], target, value }))
    },
  }
}

/** One item a person, the first that asked, until it is settled. */
function withheldAdmins(db: Kysely<Database>): Pick<GrantWrites, 'withhold' | 'release' | 'refuse'> {
  return {
    async withhold(orgId, user, { connection, attribute, at }) {
      const rows = await db
        .insertInto('withheld_admin')
        .values({ org_id: orgId, user_id: user, connection_id: connection, attribute, created: at })
        .onConflict((conflict) => conflict.doNothing())
        .returning('user_id')
        .execute()
      return rows.length === 1
    },

    async release(orgId, user) {
      const gone = db.deleteFrom('withheld_admin').where('org_id', '=', orgId).where('user_id', '=', user)
      return (await gone.executeTakeFirst()).numDeletedRows > 0n
    },

    async refuse(orgId, user) {
      const { numUpdatedRows } = await db
        .updateTable('withheld_admin')
        .set({ state: 'refused' })
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .where('state', '=', 'waiting')
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}

function namedTeams(db: Kysely<Database>, dialect: Dialect): Pick<GrantWrites, 'teamNamed' | 'teamNames'> {
  return {
    async teamNamed(orgId, name) {
      const row = await db
        .selectFrom('scim_group as g')
        .innerJoin('team as t', (join) => join.onRef('t.org_id', '=', 'g.org_id').onRef('t.id', '=', 'g.id'))
        .select(['g.id', 'g.display_name', 't.archived_at'])
        .where('g.org_id', '=', orgId)
        .where('g.name_key', '=', fold(name))
        .where('g.deleted_at', 'is', null)
        .executeTakeFirst()
      return row && { id: row.id as GroupId, name: row.display_name, archived: row.archived_at !== null }
    },

    async teamNames(orgId, ids) {
      if (ids.length === 0) return new Map()
      const rows = await db
        .selectFrom('scim_group')
        .select(['id', 'display_name'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id in ${idList(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id as GroupId, row.display_name]))
    },
  }
}
