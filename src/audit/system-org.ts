import type { OrgId } from '../domain/ids.ts'

/** The chain of what belongs to no org, such as failed authentication with an unknown credential. No org has this id. */
export const SYSTEM_ORG = '_system' as OrgId
