import type { OrgId } from '../domain/ids.ts'
import { equalJson } from '../domain/json.ts'
import { declaredOnly } from '../domain/org-attribute.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import type { UserAttributes } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/**
 * The attributes wanted of a person, held against the declarations as they stand under the org's lock: the request was
 * read before, and one of them may have been removed since. Asks nothing where no such value is new.
 */
export async function declaredValues(
  stores: WriteStores,
  orgId: OrgId,
  wanted: UserAttributes,
  stored?: UserAttributes,
): Promise<UserAttributes> {
  const custom = wanted[CUSTOM_URN]
  if (custom === undefined || equalJson(custom, stored?.[CUSTOM_URN])) return wanted
  return declaredOnly(wanted, await stores.attributes.list(orgId))
}
