import { DomainError } from './errors.ts'
import type { MemberOrigin } from './group.ts'
import type { ConnectionId, GroupId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { UserStatus } from './user.ts'

/** Where a team keeps its files, by the names W&B's `storageBucket` has. */
export interface StorageBucket {
  readonly name: string
  readonly provider: string
  readonly path?: string
  readonly kmsKeyId?: string
  readonly awsExternalId?: string
  readonly azureTenantId?: string
  readonly azureClientId?: string
}

export const STORAGE_PROVIDERS: readonly string[] = ['COREWEAVE', 'AWS', 'AZURE', 'GCP', 'MINIO']

/** Who may add people of the org to a team: its admins, or each of its members. */
export type Inviters = 'admins' | 'members'

export interface TeamSettings {
  /** The role of whoever is a direct member and is given no other: built-in, or the id of a custom role. */
  readonly defaultRole: string
  /** Whether only its members, and admins of the org, see the team. */
  readonly hidden: boolean
  readonly inviters: Inviters
  /** Whether people of the org with an address of one of its proved domains may join by themselves. */
  readonly joinable: boolean
  readonly storage: StorageBucket | undefined
}

/** A team with its group's name and id. Times are epoch milliseconds. */
export interface Team extends TeamSettings {
  readonly id: GroupId
  readonly ord: number
  /** That of its group: one for both. */
  readonly version: number
  readonly created: number
  readonly updated: number
  readonly name: string
  /** The connection whose group manages the team. */
  readonly owner: ConnectionId | undefined
  /** Live people who are direct members, nested groups included. */
  readonly memberCount: number
  readonly archivedAt: number | undefined
  /** When its group was deleted; it can be restored for 30 days. */
  readonly deletedAt: number | undefined
}

/** A person in a team: by derived membership, by a stated fact, or both. */
export interface TeamMember {
  readonly id: UserId
  readonly userName: string
  readonly displayName: string | undefined
  readonly status: UserStatus
  readonly accountType: string
  /** The effective role, a custom one by its name; undefined while nothing derives. */
  readonly role: string | undefined
  /** The built-in role, or the one that a custom role starts from. */
  readonly baseRole: string | undefined
  /** What gave the role: `explicit:…`, `member:…` or `rule:…`. */
  readonly source: string | undefined
  /** Who stated that the person is a direct member; empty where a rule alone puts them there. */
  readonly origins: readonly MemberOrigin[]
}

export const DEFAULT_TEAM_SETTINGS: TeamSettings = {
  defaultRole: 'member',
  hidden: false,
  inviters: 'admins',
  joinable: false,
  storage: undefined,
}

/** UTF-16 units: it is shown in one line, and a key of an index. */
const MAX_NAME = 256
const MAX_BUCKET_TEXT = 1_024

/** Refuses a name that is blank, too long or holds control characters. @throws DomainError `invalid-value` */
export function checkTeamName(name: string): void {
  const problem =
    name.trim() === ''
      ? 'is required for a team and must not be empty'
      : name.length > MAX_NAME
        ? `is longer than ${MAX_NAME} characters`
        : /\p{Cc}/u.test(name)
          ? 'must not hold control characters'
          : undefined
  if (problem !== undefined) throw invalid('name', `name ${problem}.`)
}

const BUCKET_KEYS = ['path', 'kmsKeyId', 'awsExternalId', 'azureTenantId', 'azureClientId'] as const

/**
 * A storage bucket as a client states it: `name` and a `provider` in upper case are required, the rest is optional text,
 * and what is none of its keys is refused. Whether the bucket can be reached is not tried.
 * @throws DomainError `invalid-value` naming the field, for the provider with all that are allowed
 */
export function readStorageBucket(value: JsonObject): StorageBucket {
  const known = new Set<string>(['name', 'provider', ...BUCKET_KEYS])
  const unknown = Object.keys(value).find((key) => !known.has(key))
  if (unknown !== undefined)
    throw invalid('storageBucket', `storageBucket has no ${JSON.stringify(unknown.slice(0, 80))}.`)
  const name = bucketText(value, 'name')
  if (name === undefined) throw invalid('storageBucket.name', 'storageBucket.name is required.')
  const provider = bucketText(value, 'provider')
  if (provider === undefined || !STORAGE_PROVIDERS.includes(provider)) {
    throw invalid('storageBucket.provider', `storageBucket.provider must be one of ${STORAGE_PROVIDERS.join(', ')}.`)
  }
  const rest = BUCKET_KEYS.flatMap((key) => {
    const text = bucketText(value, key)
    return text === undefined ? [] : [[key, text] as const]
  })
  return { name, provider, ...Object.fromEntries(rest) }
}

function bucketText(value: JsonObject, key: string): string | undefined {
  const text = Object.hasOwn(value, key) ? value[key] : undefined
  if (text === undefined || text === null || text === '') return undefined
  const path = `storageBucket.${key}`
  if (typeof text !== 'string') throw invalid(path, `${path} must be text.`)
  if (text.length > MAX_BUCKET_TEXT || /\p{Cc}/u.test(text)) {
    throw invalid(path, `${path} must be at most ${MAX_BUCKET_TEXT} characters, none of them a control character.`)
  }
  return text
}

/** Whether two states of a team's settings say the same. */
export function isSameTeam(a: Team, b: Team): boolean {
  return (
    a.name === b.name &&
    a.defaultRole === b.defaultRole &&
    a.hidden === b.hidden &&
    a.inviters === b.inviters &&
    a.joinable === b.joinable &&
    JSON.stringify(a.storage) === JSON.stringify(b.storage)
  )
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}
