import { type OrgPolicy, policyOf } from '../../src/domain/org-policy.ts'

/** What an org decides that never decided anything, and has no product. */
export const PLAIN_POLICY: OrgPolicy = policyOf({
  defaultOrgRole: 'member',
  defaultSeats: '{}',
  settings: '{}',
  licence: '{}',
  version: 1,
  rulesVersion: 1,
})
