import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import { preparedQuery } from './prepared-query.ts'

const add = preparedQuery(
  (db, { orgId, name, by }: { readonly orgId: OrgId; readonly name: string; readonly by: number }) =>
    db
      .insertInto('org_counter')
      .values({ org_id: orgId, name, value: by })
      .onConflict((conflict) =>
        conflict.columns(['org_id', 'name']).doUpdateSet((eb) => ({
          value: eb('org_counter.value', '+', eb.ref('excluded.value')),
        })),
      )
      .returning('value')
      .compile(),
)

/**
 * Adds to a counter of an org. The org's write lock is held, so nobody else counts meanwhile.
 * @returns the new value
 */
export async function addToCounter(db: Kysely<Database>, orgId: OrgId, name: string, by: number): Promise<number> {
  const [row] = await add(db, { orgId, name, by })
  return row!.value
}

/** The same where nobody asks for the new value. */
export function countBy(db: Kysely<Database>, orgId: OrgId, name: string, by: number): Promise<void> {
  return add.send(db, { orgId, name, by })
}
