/** The resource types that have endpoints of their own (RFC 7644 §3.2). */
export type ResourceKind = 'User' | 'Group' | 'Role'

/** What a path below a SCIM base names. */
export interface Endpoint {
  /** The path with ids taken out, as logs and records show it: `/Users/:id`. */
  readonly template: string
  /** The methods it answers, `HEAD` and `OPTIONS` included; anything else is 405 with these in `Allow`. */
  readonly methods: readonly string[]
  /** The resource type whose scopes a credential needs; absent for discovery and the like. */
  readonly kind?: ResourceKind
  /** The last segment as sent, still percent-encoded. */
  readonly rawId?: string
}

const READ = ['GET', 'HEAD', 'OPTIONS'] as const
const COLLECTION = ['GET', 'HEAD', 'POST', 'OPTIONS'] as const
const RESOURCE = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const POST_ONLY = ['POST', 'OPTIONS'] as const

const ROOTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['users', { template: '/Users', methods: COLLECTION, kind: 'User' }],
  ['groups', { template: '/Groups', methods: COLLECTION, kind: 'Group' }],
  ['roles', { template: '/Roles', methods: COLLECTION, kind: 'Role' }],
  ['serviceproviderconfig', { template: '/ServiceProviderConfig', methods: READ }],
  ['schemas', { template: '/Schemas', methods: READ }],
  ['resourcetypes', { template: '/ResourceTypes', methods: READ }],
  ['bulk', { template: '/Bulk', methods: POST_ONLY }],
  ['.search', { template: '/.search', methods: POST_ONLY }],
  ['me', { template: '/Me', methods: RESOURCE }],
])

const SEARCHES: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['users', { template: '/Users/.search', methods: POST_ONLY, kind: 'User' }],
  ['groups', { template: '/Groups/.search', methods: POST_ONLY, kind: 'Group' }],
  ['roles', { template: '/Roles/.search', methods: POST_ONLY, kind: 'Role' }],
])

const MEMBERS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['users', { template: '/Users/:id', methods: RESOURCE, kind: 'User' }],
  ['groups', { template: '/Groups/:id', methods: RESOURCE, kind: 'Group' }],
  ['roles', { template: '/Roles/:id', methods: RESOURCE, kind: 'Role' }],
  ['schemas', { template: '/Schemas/:id', methods: READ }],
  ['resourcetypes', { template: '/ResourceTypes/:id', methods: READ }],
])

/** Every endpoint there is: what must hold for each of them is tested over this list. */
export const ENDPOINTS: readonly Endpoint[] = [...ROOTS.values(), ...SEARCHES.values(), ...MEMBERS.values()]

/**
 * The endpoint of a path relative to the SCIM base, or undefined where there is none. Matches as Express does: names
 * without case, one slash at the end allowed.
 * @param path still percent-encoded, beginning with a slash
 */
export function endpointOf(path: string): Endpoint | undefined {
  const segments = (path.length > 1 && path.endsWith('/') ? path.slice(1, -1) : path.slice(1)).split('/')
  const root = segments[0]?.toLowerCase() ?? ''
  const rawId = segments[1]
  if (rawId === undefined) return ROOTS.get(root)
  if (segments.length > 2 || rawId === '') return undefined
  if (rawId.toLowerCase() === '.search') return SEARCHES.get(root)
  const endpoint = MEMBERS.get(root)
  return endpoint === undefined ? undefined : { ...endpoint, rawId }
}
