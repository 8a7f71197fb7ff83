import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { AttributeReads } from '../domain/ports.ts'
import { toAttribute } from './attribute-row.ts'

/** The attributes orgs declare, as requests see them. */
export function attributeReads(db: Kysely<Database>): AttributeReads {
  return {
    async of(orgId) {
      // One statement, so that version and declarations belong together whatever is written meanwhile.
      const rows = await db
        .selectFrom('org_policy')
        .leftJoin('org_attribute as a', 'a.org_id', 'org_policy.org_id')
        .select(['attributes_version', 'a.name', 'type', 'multi_valued', 'case_exact', 'description', 'state'])
        .where('org_policy.org_id', '=', orgId)
        .orderBy('name_key')
        .execute()
      const attributes = rows.flatMap(({ name, type, multi_valued, case_exact, description, state }) =>
        name === null || type === null || description === null || state === null
          ? []
          : [
              toAttribute({
                name,
                type,
                multi_valued: multi_valued ?? 0,
                case_exact: case_exact ?? 0,
                description,
                state,
              }),
            ],
      )
      return { version: rows[0]?.attributes_version ?? 0, attributes }
    },
  }
}
