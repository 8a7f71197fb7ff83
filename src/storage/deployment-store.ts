import type { Kysely, Selectable } from 'kysely'
import type { Database, DeploymentTable } from '../../db/schema.ts'

export type Deployment = Selectable<DeploymentTable>

/** The one row that all instances of a deployment share; undefined on a store never served. */
export async function findDeployment(db: Kysely<Database>): Promise<Deployment | undefined> {
  return db.selectFrom('deployment').selectAll().where('id', '=', 'this').executeTakeFirst()
}

/** Inserts the row unless another instance was first. @returns the row that stands */
export async function insertDeployment(db: Kysely<Database>, row: Omit<Deployment, 'id'>): Promise<Deployment> {
  await db
    .insertInto('deployment')
    .values({ ...row, id: 'this' })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return db.selectFrom('deployment').selectAll().where('id', '=', 'this').executeTakeFirstOrThrow()
}
