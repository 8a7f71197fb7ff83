import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import { licenceText, type OrgPolicy, policyOf } from '../domain/org-policy.ts'
import { preparedQuery } from './prepared-query.ts'

const selectPolicy = preparedQuery((db, { orgId }: { readonly orgId: OrgId }) =>
  db
    .selectFrom('org_policy')
    .select([
      'default_org_role as defaultOrgRole',
      'default_seats as defaultSeats',
      'settings',
      'licence',
      'version',
      'rules_version as rulesVersion',
    ])
    .where('org_id', '=', orgId)
    .compile(),
)

/** What an org decides for all its people: every create and PATCH reads it. */
export async function readPolicy(db: Kysely<Database>, orgId: OrgId): Promise<OrgPolicy> {
  const [policy] = await selectPolicy(db, { orgId })
  if (policy === undefined) throw new Error(`Org ${orgId} has no policy`)
  return policyOf(policy)
}

/** Writes defaults, settings and licence as the next version; the counters of seats get the licence's numbers. */
export async function writePolicy(
  db: Kysely<Database>,
  orgId: OrgId,
  policy: Pick<OrgPolicy, 'defaultOrgRole' | 'defaultSeats' | 'stored' | 'licence'>,
): Promise<void> {
  await db
    .updateTable('org_policy')
    .set((eb) => ({
      default_org_role: policy.defaultOrgRole,
      default_seats: JSON.stringify(Object.fromEntries(policy.defaultSeats)),
      settings: JSON.stringify(policy.stored),
      licence: licenceText(policy.licence),
      version: eb('version', '+', 1),
    }))
    .where('org_id', '=', orgId)
    .execute()
  await writeCaps(db, orgId, policy.licence)
}

async function writeCaps(db: Kysely<Database>, orgId: OrgId, licence: OrgPolicy['licence']): Promise<void> {
  await db
    .updateTable('seat_counter')
    .set({ cap: null })
    .where('org_id', '=', orgId)
    .where('cap', 'is not', null)
    .execute()
  for (const [product, caps] of licence) {
    for (const [type, cap] of caps) {
      await db
        .insertInto('seat_counter')
        .values({ org_id: orgId, product, type, used: 0, cap })
        .onConflict((conflict) => conflict.columns(['org_id', 'product', 'type']).doUpdateSet({ cap }))
        .execute()
    }
  }
}
