import type { Insertable, Selectable } from 'kysely'
import type { OrgAttributeTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OrgAttribute, OrgAttributeType } from '../domain/org-attribute.ts'
import { preparedQuery } from './prepared-query.ts'

/** Row → domain, the one place. */
export function toAttribute(
  row: Pick<Selectable<OrgAttributeTable>, 'name' | 'type' | 'multi_valued' | 'case_exact' | 'description' | 'state'>,
): OrgAttribute {
  return {
    name: row.name,
    type: row.type as OrgAttributeType,
    multiValued: row.multi_valued === 1,
    caseExact: row.case_exact === 1,
    description: row.description,
    state: row.state as OrgAttribute['state'],
  }
}

/** Domain → the columns that a declaration and a change of it write. */
export function fromAttribute(
  attribute: OrgAttribute,
): Omit<Insertable<OrgAttributeTable>, 'org_id' | 'created' | 'updated'> {
  return {
    name: attribute.name,
    name_key: fold(attribute.name),
    type: attribute.type,
    multi_valued: attribute.multiValued ? 1 : 0,
    case_exact: attribute.caseExact ? 1 : 0,
    description: attribute.description,
    state: attribute.state,
  }
}

/** The declarations of an org, by the connection that reads or within a transaction. */
export const selectAttributes = preparedQuery((db, { orgId }: { readonly orgId: OrgId }) =>
  db.selectFrom('org_attribute').selectAll().where('org_id', '=', orgId).orderBy('name_key').compile(),
)
