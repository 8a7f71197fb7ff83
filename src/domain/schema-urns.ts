/** Schema URNs of RFC 7643 §8.7 and RFC 7644 §8.2. */
export const USER_URN = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const GROUP_URN = 'urn:ietf:params:scim:schemas:core:2.0:Group'
/** Not of an RFC: the name by which W&B's clients know custom roles. */
export const ROLE_URN = 'urn:ietf:params:scim:schemas:core:2.0:Role'
export const ENTERPRISE_URN = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
/** The service's own extension: what a person may do, as effective values. */
export const ROLLCALL_URN = 'urn:ietf:params:scim:schemas:extension:rollcall:2.0:User'
/** W&B's names for the same attributes, and for the teams a new person joins. */
export const WANDB_URN = 'urn:ietf:params:scim:schemas:extension:wandb:2.0:User'
export const TEAMS_URN = 'urn:ietf:params:scim:schemas:extension:teams:2.0:User'
/** What an org declares of its own; the same URN in every org, with other attributes in each. */
export const CUSTOM_URN = 'urn:ietf:params:scim:schemas:extension:rollcall:custom:2.0:User'

/** Where filters of our own find a person's status and the connection that owns them: no schema attribute is named so. */
export const STATUS_PATH = '#status'
export const OWNER_PATH = '#owner'
