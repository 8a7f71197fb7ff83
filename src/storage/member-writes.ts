import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { evaluate } from '../domain/evaluate.ts'
import type { MemberOrigin } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { MemberDelta, MemberWrites } from '../domain/write-ports.ts'
import { isAmong, isAmongJson, isNoneOf, jsonIdRows } from './id-list.ts'
import { listMembers } from './member-reads.ts'
import { preparedQuery } from './prepared-query.ts'

const SLICE = 1_000

/** Member facts as deltas: no operation but `matching` and `people` costs more than what it changes. */
export function memberWrites(db: Kysely<Database>, dialect: Dialect): MemberWrites {
  return { ...personFacts(db, dialect), ...memberLookups(db), ...nestedGroups(db, dialect) }
}

/** Facts of people, stated and ended. */
function personFacts(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<MemberWrites, 'add' | 'removePeople' | 'removeOthers' | 'removeFacts'> {
  const count = listedCounts(db)

  /** Each of `ended` was listed before; those with a fact left still are. */
  async function removed(orgId: OrgId, group: GroupId, ended: readonly UserId[]): Promise<MemberDelta> {
    const people = [...new Set(ended)]
    const listed = (await count.listed(orgId, group, people)) - (await count.live(orgId, people))
    return { people, listed }
  }

  return {
    async add(orgId, group, people, fact) {
      if (people.length === 0) return { people: [], listed: 0 }
      const { origin, setBy = null, at } = fact
      const added = idsOf(await addFacts(db, { orgId, group, ids: JSON.stringify(people), origin, setBy, at }))
      if (origin === 'service') return { people: added, listed: 0 }
      return { people: added, listed: added.length - (await count.listed(orgId, group, added, fact.origin)) }
    },

    async removePeople(orgId, group, people) {
      if (people.length === 0) return { people: [], listed: 0 }
      const ended = idsOf(await removeFacts(db, { orgId, group, ids: JSON.stringify(people) }))
      return removed(orgId, group, ended)
    },

    async removeOthers(orgId, group, keep, origins) {
      const { rows } = await sql<UserRef>`delete from group_member where org_id = ${orgId}
        and group_id = ${group} and origin ${isAmong(dialect, origins)}
        and user_id ${isNoneOf(dialect, keep)} returning user_id`.execute(db)
      const ended = idsOf(rows)
      return removed(orgId, group, ended)
    },

    async removeFacts(orgId, group, people, origin) {
      const { rows } = await sql<UserRef>`delete from group_member where org_id = ${orgId}
        and group_id = ${group} and origin = ${origin} and user_id ${isAmong(dialect, people)}
        returning user_id`.execute(db)
      return removed(orgId, group, idsOf(rows))
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
      const { rows } = await sql<UserRef>`select distinct user_id from group_member
        where org_id = ${orgId} and group_id = ${group} order by user_id`.execute(db)
      return idsOf(rows)
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
        .where(sql<boolean>`child_group_id ${isAmong(dialect, children)}`)
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

function listedCounts(db: Kysely<Database>): ListedCounts {
  return {
    async listed(orgId, group, ids, besides) {
      if (ids.length === 0) return 0
      const [row] = await countListed(db, { orgId, group, ids: JSON.stringify(ids), besides: besides ?? '' })
      return row!.n
    },

    async live(orgId, ids) {
      if (ids.length === 0) return 0
      const [row] = await countLive(db, { orgId, ids: JSON.stringify(ids) })
      return row!.n
    },
  }
}

interface UserRef {
  readonly user_id: string
}

function idsOf(rows: readonly UserRef[]): readonly UserId[] {
  return rows.map((row) => row.user_id as UserId)
}

interface People {
  readonly orgId: OrgId
  /** JSON list of ids. */
  readonly ids: string
}

interface PeopleInGroup extends People {
  readonly group: GroupId
}

interface NewFacts extends PeopleInGroup {
  readonly origin: MemberOrigin
  readonly setBy: string | null
  readonly at: number
}

const addFacts = preparedQuery((db, { orgId, group, ids, origin, setBy, at }: NewFacts, dialect) =>
  sql<UserRef>`insert into group_member (org_id, group_id, user_id, origin, set_by, set_at)
    select cast(${orgId} as text), cast(${group} as text), i.id, cast(${origin} as text), cast(${setBy} as text),
      cast(${at} as bigint)
    from ${jsonIdRows(dialect, ids)} as i where true on conflict do nothing returning user_id`.compile(db),
)

const removeFacts = preparedQuery((db, { orgId, group, ids }: PeopleInGroup, dialect) =>
  sql<UserRef>`delete from group_member where org_id = ${orgId} and group_id = ${group} and origin <> 'service'
    and user_id ${isAmongJson(dialect, ids)} returning user_id`.compile(db),
)

const countListed = preparedQuery(
  (db, { orgId, group, ids, besides }: PeopleInGroup & { readonly besides: string }, dialect) =>
    sql<{ readonly n: number }>`select count(*) as n from "user" u
      where u.org_id = ${orgId} and u.id ${isAmongJson(dialect, ids)} and u.deleted_at is null
        and exists (select 1 from group_member m where m.org_id = u.org_id and m.group_id = ${group}
          and m.user_id = u.id and m.origin <> 'service' and m.origin <> ${besides})`.compile(db),
)

const countLive = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)
