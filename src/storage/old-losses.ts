import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'

/**
 * Forgets losses that the guard against mass removals counts no more: those before a time that are in no batch. The
 * newest of each connection stays, since the next one is numbered behind it.
 * @param most rows taken at once
 * @returns how many there were
 */
export async function dropOldLosses(db: Kysely<Database>, before: number, most: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from breaker_event where (org_id, id) in (
      select e.org_id, e.id from connection as c
      join breaker_event as e
        on e.org_id = c.org_id and e.connection_id = c.id and e.ord is not null and e.at < ${before}
      where e.batch_id is null and e.id <> (
        select n.id from breaker_event as n
        where n.org_id = c.org_id and n.connection_id = c.id and n.ord is not null
        order by n.at desc, n.ord desc limit 1)
      limit ${most})`.execute(db)
  return Number(numAffectedRows ?? 0)
}
