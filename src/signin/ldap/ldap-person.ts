import {
  type Client,
  type Entry,
  InappropriateAuthError,
  InvalidCredentialsError,
  ResultCodeError,
  SizeLimitExceededError,
} from 'ldapts'
import { type AddressGuard, withDirectory } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import { firstText, type LdapEntry, lowerNames, textsOf } from './ldap-entry.ts'
import { filledFilter } from './ldap-filter.ts'
import { groupOf, isGroup, type LdapGroup, normalDn } from './ldap-group.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** Somebody whose password the directory has just confirmed. */
export interface LdapPerson {
  readonly dn: string
  /** The same for this person's whole life (`LdapAttributes.id`). */
  readonly id: string
  readonly userName: string
  readonly email?: string
  readonly displayName?: string
  /** Asked for only where groups decide something. */
  readonly groups: readonly LdapGroup[]
}

/**
 * What came of a user name and a password. `refused` is one answer for a wrong password, an unknown name, an ambiguous
 * one and a locked account: `reason` is for the record, a page must not tell them apart. `not-allowed`: the password
 * was right, and the person is in none of the allowed groups.
 */
export type LdapOutcome =
  | { readonly is: 'proved'; readonly person: LdapPerson }
  | { readonly is: 'refused'; readonly reason: LdapRefusal }
  | { readonly is: 'not-allowed'; readonly person: LdapPerson }

export type LdapRefusal = 'no-name' | 'no-password' | 'unknown' | 'ambiguous' | 'password' | 'no-user-name'

/** What a person typed. */
export interface TypedCredentials {
  readonly userName: string
  readonly password: string
}

/** Longer names and passwords are nobody's; the directory is not troubled with them. */
const MAX_NAME = 256
const MAX_PASSWORD = 1_024
const MAX_GROUPS = 5_000
const PAGE = 100
const ID_ATTRIBUTES = ['entryUUID', 'objectGUID'] as const

/**
 * Proves a person by their directory password: finds the one entry of that name, binds as it, then asks for its groups.
 * An empty password is refused here, since a directory answers it as an anonymous bind: with success (RFC 4513 §5.1.2).
 * @throws DirectoryError when the directory cannot be asked, whatever the password was
 */
export async function provePerson(
  settings: LdapSettings,
  typed: TypedCredentials,
  guard?: AddressGuard,
): Promise<LdapOutcome> {
  const userName = typed.userName.trim()
  if (userName === '' || userName.length > MAX_NAME) return { is: 'refused', reason: 'no-name' }
  if (typed.password === '' || typed.password.length > MAX_PASSWORD) return { is: 'refused', reason: 'no-password' }
  return withDirectory(settings, guard, async (client) => {
    await bindSearcher(client, settings)
    const found = await findEntry(client, settings, userName)
    if (typeof found === 'string') return { is: 'refused', reason: found }
    if (!(await hasPassword(client, found.dn, typed.password))) return { is: 'refused', reason: 'password' }
    const name = firstText(found, settings.attributes.userName)
    if (name === undefined) return { is: 'refused', reason: 'no-user-name' }
    const person = { ...describe(found, name, settings), groups: await groupsOf(client, settings, found, name) }
    const { allowedGroups } = settings
    const allowed = allowedGroups.length === 0 || person.groups.some((group) => isOne(allowedGroups, group))
    return { is: allowed ? 'proved' : 'not-allowed', person }
  })
}

/**
 * Connects, binds as the searching account and reads the base, as every sign-in begins.
 * @throws DirectoryError with what is wrong
 */
export async function checkDirectory(settings: LdapSettings, guard?: AddressGuard): Promise<void> {
  await withDirectory(settings, guard, async (client) => {
    await bindSearcher(client, settings)
    for (const base of new Set([settings.baseDn, settings.groupSearch?.baseDn ?? settings.baseDn])) {
      await asked(settings, `reading ${base}`, () => client.search(base, { scope: 'base', attributes: ['1.1'] }))
    }
  })
}

async function bindSearcher(client: Client, settings: LdapSettings): Promise<void> {
  const { bindDn = '', bindPassword = '' } = settings
  const anonymous = bindDn === '' || bindPassword === ''
  await asked(settings, anonymous ? 'the anonymous bind' : `the bind as ${bindDn}`, () =>
    anonymous ? client.bind('', '') : client.bind(bindDn, bindPassword),
  )
}

async function findEntry(
  client: Client,
  settings: LdapSettings,
  userName: string,
): Promise<LdapEntry | 'unknown' | 'ambiguous'> {
  const { attributes, baseDn, filter } = settings
  const wanted = Object.values(attributes).filter((name): name is string => name !== undefined && name !== '')
  const { searchEntries } = await asked(settings, 'the search for a person', () =>
    client.search(baseDn, {
      filter: filledFilter(filter, { username: userName }),
      attributes: [...new Set([...wanted, ...ID_ATTRIBUTES, 'cn'])],
      explicitBufferAttributes: ['objectGUID'],
      // Two are as good as many: both mean that the name says nobody.
      sizeLimit: 2,
      timeLimit: Math.max(1, Math.floor(settings.timeoutMs / 1000)),
      derefAliases: 'never',
    }),
  )
  const [first, second] = searchEntries
  if (first === undefined) return 'unknown'
  return second === undefined && first.dn !== '' ? lowerNames(first) : 'ambiguous'
}

/** Whether the directory takes the password. Anything but a plain yes or no is an outage, never a wrong password. */
async function hasPassword(client: Client, dn: string, password: string): Promise<boolean> {
  try {
    await client.bind(dn, password)
    return true
  } catch (error) {
    if (error instanceof InvalidCredentialsError || error instanceof InappropriateAuthError) return false
    if (error instanceof ResultCodeError) {
      throw new DirectoryError('settings', `the bind as a person was answered with code ${error.code}`, error)
    }
    throw error
  }
}

function describe(entry: LdapEntry, userName: string, settings: LdapSettings): Omit<LdapPerson, 'groups'> {
  const { attributes } = settings
  const email = firstText(entry, attributes.email)
  const displayName = firstText(entry, attributes.displayName) ?? firstText(entry, 'cn')
  return {
    dn: entry.dn,
    id: idOf(entry, settings),
    userName,
    ...(email === undefined ? {} : { email }),
    ...(displayName === undefined ? {} : { displayName }),
  }
}

function idOf(entry: LdapEntry, { attributes, url }: LdapSettings): string {
  if (attributes.id?.toLowerCase() === 'dn') return normalDn(entry.dn)
  const names = attributes.id === undefined ? ID_ATTRIBUTES : [attributes.id]
  const id = names.map((name) => firstText(entry, name)).find((value) => value !== undefined)
  if (id !== undefined) return id
  throw new DirectoryError(
    'settings',
    `${url} shows no ${names.join(' or ')} on a person's entry; let the searching account read it, or name another id`,
  )
}

async function groupsOf(
  client: Client,
  settings: LdapSettings,
  entry: LdapEntry,
  userName: string,
): Promise<LdapGroup[]> {
  const { allowedGroups, groupSync, groupSearch, attributes } = settings
  if (allowedGroups.length === 0 && !groupSync) return []
  const own = attributes.group === '' ? [] : wholeValues(entry, attributes.group, settings).map(groupOf)
  if (groupSearch === undefined) return own
  await bindSearcher(client, settings)
  const filter = filledFilter(groupSearch.filter, { dn: entry.dn, username: userName })
  return [...own, ...(await foundGroups(client, settings, filter))]
}

async function foundGroups(
  client: Client,
  settings: LdapSettings,
  filter: ReturnType<typeof filledFilter>,
): Promise<LdapGroup[]> {
  const { baseDn, name } = settings.groupSearch!
  const groups: LdapGroup[] = []
  await asked(settings, 'the search for groups', async () => {
    // No size limit of ours: with one, a cut answer would look like a whole one, and the rest be lost to the person.
    for await (const page of client.searchPaginated(baseDn, {
      filter,
      attributes: [name],
      paged: { pageSize: PAGE },
    })) {
      groups.push(...page.searchEntries.flatMap((entry) => namedGroup(entry, name)))
      if (groups.length > MAX_GROUPS) throw tooMany(settings)
    }
  })
  return groups
}

function namedGroup(entry: Entry, name: string): LdapGroup[] {
  const text = firstText(lowerNames(entry), name)
  return text === undefined ? [] : [{ name: text, dn: entry.dn }]
}

/** Active Directory cuts a long list and says so in the attribute's name, `memberOf;range=0-1499`: half is not enough. */
function wholeValues(entry: LdapEntry, attribute: string, settings: LdapSettings): string[] {
  const cut = `${attribute.toLowerCase()};range=`
  if ([...entry.values.keys()].some((name) => name.startsWith(cut))) throw tooMany(settings)
  const values = textsOf(entry, attribute)
  if (values.length > MAX_GROUPS) throw tooMany(settings)
  return values
}

function tooMany({ url }: LdapSettings): DirectoryError {
  return new DirectoryError('too-much', `${url} names too many groups for one person; narrow groupSearch`)
}

function isOne(written: readonly string[], group: LdapGroup): boolean {
  return written.some((one) => isGroup(one, group))
}

/** What the directory refuses of our own account's doing is a matter of the settings, not of the person. */
async function asked<T>(settings: LdapSettings, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ResultCodeError)) throw error
    const fault = error instanceof SizeLimitExceededError ? 'too-much' : 'settings'
    const message = `${settings.url} refuses ${what} (code ${error.code}, ${error.name})`
    throw new DirectoryError(fault, message, error)
  }
}
