import type { ResourceKind } from './endpoint.ts'

/** The mounts in matching order: the longest first, or `/scim` would swallow `/scim/v2`. */
export const MOUNTS = ['/scim/v2', '/api/scim', '/scim'] as const

export type Mount = (typeof MOUNTS)[number]

/** What a mount decides: page sizes, whether a group PATCH always answers with a body, and names at the top level. */
export interface MountTraits {
  readonly defaultCount: number
  readonly maxCount: number
  readonly alwaysBody: boolean
  /** Whether people show the attributes of Rollcall's extension at the top level as well, as W&B's clients read them. */
  readonly topLevelNames: boolean
}

const TRAITS: Readonly<Record<Mount, MountTraits>> = {
  '/scim/v2': { defaultCount: 100, maxCount: 1_000, alwaysBody: false, topLevelNames: false },
  '/api/scim': { defaultCount: 9_999, maxCount: 9_999, alwaysBody: true, topLevelNames: true },
  '/scim': { defaultCount: 9_999, maxCount: 9_999, alwaysBody: true, topLevelNames: true },
}

/** The traits of a mount. */
export function traitsOf(mount: Mount): MountTraits {
  return TRAITS[mount]
}

/** The canonical mount of a request, from what Express matched in any case. @throws Error if mounted elsewhere */
export function mountOf(baseUrl: string): Mount {
  const found = MOUNTS.find((mount) => mount === baseUrl.toLowerCase())
  if (found === undefined) throw new Error(`The SCIM router is mounted at ${baseUrl}, which is none of its mounts`)
  return found
}

/**
 * The address of a resource (RFC 7643 §3.1 `meta.location`): always absolute, from the configured public address and
 * never from the Host header, which the client chooses.
 * @param base public address and mount, without a slash at the end
 */
export function locationOf(base: string, kind: ResourceKind, id: string): string {
  return `${base}/${kind}s/${id}`
}
