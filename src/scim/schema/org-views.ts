import type { OrgId } from '../../domain/ids.ts'
import type { AttributeReads } from '../../domain/ports.ts'
import { type UserViews, userViews } from './user-view.ts'

/** How many orgs' views are kept; further ones are put together anew from one read. */
const MOST = 1_000

/** The schemas of people as each org sees them, by the version of what it declared. */
export interface OrgViews {
  /**
   * The views of an org.
   * @param version as the request's credential was read with; undefined where the org never declared anything
   */
  of(orgId: OrgId, version: number | undefined): Promise<UserViews>
}

const STANDARD = userViews([])

/** Keeps the views of each org until its version is another one, which every instance sees with the next request. */
export function createOrgViews(reads: AttributeReads): OrgViews {
  const kept = new Map<OrgId, { readonly version: number; readonly views: UserViews }>()
  return {
    async of(orgId, version) {
      if (version === undefined) return STANDARD
      const known = kept.get(orgId)
      if (known?.version === version) return known.views
      // What is read may be newer already; then it is kept as that.
      const now = await reads.of(orgId)
      const views = userViews(now.attributes)
      kept.delete(orgId)
      kept.set(orgId, { version: now.version, views })
      if (kept.size > MOST) kept.delete(kept.keys().next().value ?? orgId)
      return views
    },
  }
}
