import { isIP } from 'node:net'
import { isFilter } from './ldap-filter.ts'

/** Which attribute of a person's entry holds what. Names are compared without regard to case (RFC 4512 §2.5). */
export interface LdapAttributes {
  /**
   * What stays the same for a person's whole life and is never given to another. Absent: `entryUUID` (RFC 4530) or
   * Active Directory's `objectGUID`, whichever is there. `dn` takes the entry's name, which a later person may get.
   */
  readonly id?: string
  readonly userName: string
  readonly email: string
  readonly displayName: string
  /** Groups named on the person's own entry: names, numbers or DNs. */
  readonly group: string
}

/** Where groups are looked for that name their members, such as `groupOfNames` and `posixGroup`. */
export interface LdapGroupSearch {
  readonly baseDn: string
  /** RFC 4515, with `{dn}` and `{username}` for the person. */
  readonly filter: string
  /** The attribute that is the group's name. */
  readonly name: string
}

/** How to sign people in against one directory. */
export interface LdapSettings {
  /** `ldap://` or `ldaps://`, a host, perhaps a port; nothing else. */
  readonly url: string
  /** Upgrades an `ldap://` connection before anything else is said on it (RFC 4511 §4.14). */
  readonly startTls: boolean
  /** Certificates of the authorities to trust, in PEM, in place of the usual ones. */
  readonly ca?: string
  /** The account that searches; without both of these the search is anonymous. */
  readonly bindDn?: string
  readonly bindPassword?: string
  readonly baseDn: string
  /** RFC 4515, with `{username}` for what the person typed. It must match exactly one entry. */
  readonly filter: string
  readonly attributes: LdapAttributes
  readonly groupSearch?: LdapGroupSearch
  /** Only members of one of these may sign in; empty lets everybody in. Names, numbers or DNs. */
  readonly allowedGroups: readonly string[]
  /** Whether the groups found drive team membership. */
  readonly groupSync: boolean
  /** Whether this directory's e-mail addresses are its administrators' word, and not what people set for themselves. */
  readonly emailVerified: boolean
  /** Milliseconds for one sign-in, connecting and every search included. */
  readonly timeoutMs: number
}

/** What one directory is told beside its address and base; everything else has a default. */
export type LdapWishes = Pick<LdapSettings, 'url' | 'baseDn'> &
  Partial<Omit<LdapSettings, 'attributes'>> & { readonly attributes?: Partial<LdapAttributes> }

const TIMEOUT_MS = 10_000
const USER_NAME = 'uid'
const EMAIL = 'mail'

/** The settings with their defaults filled in. */
export function ldapSettings({ attributes = {}, ...wishes }: LdapWishes): LdapSettings {
  const { userName = USER_NAME, email = EMAIL, displayName = 'displayName', group = 'memberOf', id } = attributes
  return {
    startTls: false,
    filter: `(|(${userName}={username})(${email}={username}))`,
    allowedGroups: [],
    groupSync: false,
    emailVerified: false,
    timeoutMs: TIMEOUT_MS,
    ...wishes,
    attributes: { userName, email, displayName, group, ...(id === undefined ? {} : { id }) },
  }
}

const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9-]*$|^\d+(\.\d+)+$/

/**
 * What is wrong with settings, as a sentence for whoever wrote them; undefined when nothing is.
 * @param allowPlain permits an unencrypted connection to another machine
 */
export function ldapProblem(settings: LdapSettings, allowPlain = false): string | undefined {
  return (
    urlProblem(settings, allowPlain) ??
    attributeProblem(settings) ??
    (settings.baseDn === '' ? 'baseDn is missing: the part of the directory that holds the people' : undefined) ??
    filterProblem('filter', settings.filter, ['{username}']) ??
    (settings.groupSearch &&
      filterProblem('groupSearch.filter', settings.groupSearch.filter, ['{dn}', '{username}'])) ??
    (settings.groupSync && settings.groupSearch === undefined && settings.attributes.group === ''
      ? 'groupSync needs groupSearch, or an attribute that names the groups'
      : undefined)
  )
}

/** True for `ldap://` without STARTTLS: passwords cross the network readable. */
export function isPlain({ url, startTls }: Pick<LdapSettings, 'url' | 'startTls'>): boolean {
  return url.toLowerCase().startsWith('ldap:') && !startTls
}

function urlProblem(settings: LdapSettings, allowPlain: boolean): string | undefined {
  const { url } = settings
  if (!URL.canParse(url) || !/^ldaps?:\/\/[^/?#@]+\/?$/i.test(url)) {
    return `${url} is no address of a directory; write ldaps://ldap.example.com, with a port if it is not 636`
  }
  if (settings.startTls && url.toLowerCase().startsWith('ldaps:')) {
    return 'startTls is for ldap:// addresses; ldaps:// is encrypted from its first byte'
  }
  const { hostname } = new URL(url)
  if (!isPlain(settings) || isOwn(hostname) || allowPlain) return undefined
  return `${url} would carry passwords readable over the network; use ldaps://, or switch startTls on`
}

function isOwn(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
}

function filterProblem(name: string, filter: string, holes: readonly string[]): string | undefined {
  if (!isFilter(filter)) return `${name} is no LDAP filter; write it in brackets, each one closed (RFC 4515)`
  if (holes.some((hole) => filter.includes(hole))) return undefined
  return `${name} must say ${holes.join(' or ')} for the person`
}

function attributeProblem({ attributes, groupSearch }: LdapSettings): string | undefined {
  const { id = '', userName, email, displayName, group } = attributes
  const named = [id, userName, email, displayName, group, groupSearch?.name ?? ''].filter((name) => name !== '')
  const wrong = named.find((name) => !ATTRIBUTE.test(name))
  return wrong === undefined ? undefined : `${wrong} is no name of an LDAP attribute`
}
