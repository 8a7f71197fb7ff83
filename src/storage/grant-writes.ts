import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { GrantKey, GrantWrites } from '../domain/write-ports.ts'
import { isAmongJson } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** Explicit values, and the teams that they may name. */
export function grantWrites(db: Kysely<Database>): GrantWrites {
  return { ...grantRows(db), ...withheldAdmins(db), ...namedTeams(db) }
}

function grantRows(db: Kysely<Database>): Pick<GrantWrites, 'put' | 'set' | 'clear' | 'list'> {
  const put: GrantWrites['put'] = async (orgId, user, { kind, target, value, setBy, at }) => {
    await upsertGrant(db, { orgId, user, kind, target, value, setBy: setBy ?? null, at })
  }
  return {
    put,

    async set(orgId, user, grant) {
      const [row] = await selectGrant(db, { orgId, user, kind: grant.kind, target: grant.target })
      if (row?.value !== grant.value) await put(orgId, user, grant)
      return row?.value
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
      const rows = await selectGrants(db, { orgId, user })
      return rows.map(({ kind, target, value }) => ({ kind: kind as GrantKey['kind'], target, value }))
    },
  }
}

interface GrantsOf {
  readonly orgId: OrgId
  readonly user: UserId
}

const selectGrants = preparedQuery((db, { orgId, user }: GrantsOf) =>
  db
    .selectFrom('explicit_grant')
    .select(['kind', 'target', 'value'])
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .orderBy('kind')
    .orderBy('target')
    .compile(),
)

const selectGrant = preparedQuery((db, { orgId, user, kind, target }: GrantsOf & GrantKey) =>
  db
    .selectFrom('explicit_grant')
    .select('value')
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .where('kind', '=', kind)
    .where('target', '=', target)
    .compile(),
)

interface GrantRow extends GrantsOf, GrantKey {
  readonly value: string
  readonly setBy: string | null
  readonly at: number
}

const upsertGrant = preparedQuery((db, { orgId, user, kind, target, value, setBy, at }: GrantRow) => {
  const fact = { value, set_by: setBy, set_at: at }
  return db
    .insertInto('explicit_grant')
    .values({ org_id: orgId, user_id: user, kind, target, ...fact })
    .onConflict((conflict) => conflict.columns(['org_id', 'user_id', 'kind', 'target']).doUpdateSet(fact))
    .compile()
})

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

function namedTeams(db: Kysely<Database>): Pick<GrantWrites, 'teamNamed' | 'teamNames'> {
  return {
    async teamNamed(orgId, name) {
      const [row] = await selectNamed(db, { orgId, nameKey: fold(name) })
      return row && { id: row.id as GroupId, name: row.display_name, archived: row.archived_at !== null }
    },

    async teamNames(orgId, ids) {
      if (ids.length === 0) return new Map()
      const rows = await selectNames(db, { orgId, ids: JSON.stringify(ids) })
      return new Map(rows.map((row) => [row.id as GroupId, row.display_name]))
    },
  }
}

const selectNamed = preparedQuery((db, { orgId, nameKey }: { readonly orgId: OrgId; readonly nameKey: string }) =>
  db
    .selectFrom('scim_group as g')
    .innerJoin('team as t', (join) => join.onRef('t.org_id', '=', 'g.org_id').onRef('t.id', '=', 'g.id'))
    .select(['g.id', 'g.display_name', 't.archived_at'])
    .where('g.org_id', '=', orgId)
    .where('g.name_key', '=', nameKey)
    .where('g.deleted_at', 'is', null)
    .compile(),
)

const selectNames = preparedQuery((db, { orgId, ids }: { readonly orgId: OrgId; readonly ids: string }, dialect) =>
  db
    .selectFrom('scim_group')
    .select(['id', 'display_name'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)
