import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'

/**
 * Adds to a counter of an org. The org's write lock is held, so nobody else counts meanwhile.
 * @returns the new value
 */
export async function addToCounter(db: Kysely<Database>, orgId: OrgId, name: string, by: number): Promise<number> {
  const { value } = await db
    .insertInto('org_counter')
    .values({ org_id: orgId, name, value: by })
    .onConflict((conflict) =>
      conflict.columns(['org_id', 'name']).doUpdateSet((eb) => ({ value: eb('org_counter.value', '+', by) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  return value
}
