import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { evaluate } from '../domain/evaluate.ts'
import type { MemberOrigin } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { MemberDelta, MemberWrites } from '../domain/write-ports.ts'
import { idList, idRows } from './id-list.ts'
import { listMembers } from './member-reads.ts'

const SLICE = 1_000

/** Member facts as deltas: no operation but `matching` and `people` costs more than what it changes. */
export function memberWrites(db: Kysely<Database>, dialect: Dialect): MemberWrites {
  return { ...personFacts(db, dialect), ...memberLookups(db), ...nestedGroups(db, dialect) }
}

/** Facts of people, stated and ended. */
function personFacts(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<MemberWrites, 'add' | 'removePeople' | 'removeOthers'> {
  const count = listedCounts(db, dialect)

  /** Each of `ended` was listed before; those with a fact left still are. */
  async function removed(orgId: OrgId, group: GroupId, ended: readonly UserId[]): Promise<MemberDelta> {
    const people = [...new Set(ended)]
    const listed = (await count.listed(orgId, group, people)) - (await count.live(orgId, people))
    return { people, listed }
  }

  return {
    async add(orgId, group, people, fact) {
      if (people.length === 0) return { people: [], listed: 0 }
      const source = sql`select ${orgId}, ${group}, i.id, ${fact.origin}, ${fact.setBy ?? null}, ${fact.at}
        from ${idRows(dialect, people)} as i where true`
      const typed = sql`select ${orgId}::text, ${group}::text, i.id, ${fact.origin}::text, ${fact.setBy ?? null}::text,
        ${fact.at}::bigint from ${idRows(dialect, people)} as i where true`
      const added = await idsOf(
        db,
        sql<{ user_id: string }>`insert into group_member
        (org_id, group_id, user_id, origin, set_by, set_at) ${dialect === 'sqlite' ? source : typed}
        on conflict do nothing returning user_id`,
      )
      return { people: added, listed: added.length - (await count.listed(orgId, group, added, fact.origin)) }
    },

    async removePeople(orgId, group, people) {
      if (people.length === 0) return { people: [], listed: 0 }
      const ended = await idsOf(
        db,
        sql<{ user_id: string }>`delete from group_member where org_id = ${orgId}
        and group_id = ${group} and origin <> 'service' and user_id in ${idList(dialect, people)} returning user_id`,
      )
      return removed(orgId, group, ended)
    },

    async removeOthers(orgId, group, keep, origins) {
      const ended = await idsOf(
        db,
        sql<{ user_id: string }>`delete from group_member where org_id = ${orgId}
        and group_id = ${group} and origin in ${idList(dialect, origins)}
        and user_id not in ${idList(dialect, keep)} returning user_id`,
      )
      return removed(orgId, group, ended)
    },
  }
}

/** Who is in a group, for the operations that must know all of it. */
function memberLookups(db: Kysely<Database>): Pick<MemberWrites, 'matching' | 'people'> {
  return {
    async matching(orgId, group, where) {
      const found: string[] = []
      for (let after: string | undefined; ;) {
        const slice = await listMembers(db, { orgId, group, after, limit: SLICE })
        for (const member of slice) {
          if (evaluate(where, { value: member.id, display: member.display, type: member.type })) found.push(member.id)
        }
        if (slice.length < SLICE) return found
        after = slice.at(-1)?.id
      }
    },

    async people(orgId, group) {
      return idsOf(
        db,
        sql<{ user_id: string }>`select distinct user_id from group_member
        where org_id = ${orgId} and group_id = ${group} order by user_id`,
      )
    },
  }
}

/** Nested groups are stored and grant nothing. */
function nestedGroups(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<MemberWrites, 'addChildren' | 'removeChildren' | 'children'> {
  return {
    async addChildren(orgId, group, children) {
      if (children.length === 0) return []
      const rows = await db
        .insertInto('group_child')
        .values(children.map((child) => ({ org_id: orgId, group_id: group, child_group_id: child })))
        .onConflict((conflict) => conflict.doNothing())
        .returning('child_group_id')
        .execute()
      return rows.map((row) => row.child_group_id as GroupId)
    },

    async removeChildren(orgId, group, children) {
      if (children.length === 0) return []
      const rows = await db
        .deleteFrom('group_child')
        .where('org_id', '=', orgId)
        .where('group_id', '=', group)
        .where(sql<boolean>`child_group_id in ${idList(dialect, children)}`)
        .returning('child_group_id')
        .execute()
      return rows.map((row) => row.child_group_id as GroupId)
    },

    async children(orgId, group) {
      const rows = await db
        .selectFrom('group_child')
        .select('child_group_id')
        .where('org_id', '=', orgId)
        .where('group_id', '=', group)
        .execute()
      return rows.map((row) => row.child_group_id as GroupId)
    },
  }
}

interface ListedCounts {
  /** Of the given people, the live ones that have a listed fact in the group, not counting one origin's. */
  listed(orgId: OrgId, group: GroupId, ids: readonly UserId[], besides?: MemberOrigin): Promise<number>
  /** Of the given people, the live ones. */
  live(orgId: OrgId, ids: readonly UserId[]): Promise<number>
}

function listedCounts(db: Kysely<Database>, dialect: Dialect): ListedCounts {
  return {
    async listed(orgId, group, ids, besides) {
      if (ids.length === 0) return 0
      const { rows } = await sql<{ n: number }>`select count(*) as n from ${idRows(dialect, ids)} as i
        where exists (select 1 from group_member m where m.org_id = ${orgId} and m.group_id = ${group}
            and m.user_id = i.id and m.origin <> 'service' and m.origin <> ${besides ?? ''})
          and exists (select 1 from "user" u where u.org_id = ${orgId} and u.id = i.id and u.deleted_at is null)`.execute(
        db,
      )
      return rows[0]?.n ?? 0
    },

    async live(orgId, ids) {
      if (ids.length === 0) return 0
      const { n } = await db
        .selectFrom('user')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where(sql<boolean>`id in ${idList(dialect, ids)}`)
        .executeTakeFirstOrThrow()
      return n
    },
  }
}

async function idsOf(db: Kysely<Database>, query: RawBuilder<{ user_id: string }>): Promise<readonly UserId[]> {
  const { rows } = await query.execute(db)
  return rows.map((row) => row.user_id as UserId)
}
