import * as z from 'zod'
import { about, FLAG_WANTED } from './config-about.ts'
import type { ConfigProblem } from './config-sources.ts'
import { flag, text } from './config-values.ts'

const DN_WANTED = 'a distinguished name (RFC 4514)'

/** The directory by which the people of the first organisation sign in; each setting also by the name W&B gives it. */
export const ldapSection = z.object({
  url: text()
    .optional()
    .register(about, {
      env: 'LDAP_URL',
      aliases: ['LOCAL_LDAP_ADDRESS'],
      wanted: 'ldaps://host or ldap://host, with a port if it is not the usual one',
      example: 'ldaps://ldap.example.com',
      description: 'LDAP directory by which the people of the first organisation sign in',
    }),
  baseDn: text()
    .optional()
    .register(about, {
      env: 'LDAP_BASE_DN',
      aliases: ['LOCAL_LDAP_BASE_DN'],
      wanted: DN_WANTED,
      example: 'ou=people,dc=example,dc=com',
      description: 'The part of the directory that holds the people',
    }),
  bindDn: text()
    .optional()
    .register(about, {
      env: 'LDAP_BIND_DN',
      aliases: ['LOCAL_LDAP_BIND_DN'],
      wanted: DN_WANTED,
      example: 'cn=rollcall,dc=example,dc=com',
      description: 'Account that searches the directory; without it and its password the search is anonymous',
    }),
  bindPassword: text()
    .optional()
    .register(about, {
      env: 'LDAP_BIND_PASSWORD',
      aliases: ['LOCAL_LDAP_BIND_PW'],
      wanted: 'the password of that account',
      example: '(from the directory)',
      description: 'Password of LDAP_BIND_DN',
      secret: 'whole',
      envOnly: true,
    }),
  startTls: flag().register(about, {
    env: 'LDAP_START_TLS',
    aliases: ['LOCAL_LDAP_TLS_ENABLE'],
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Encrypt an ldap:// connection by STARTTLS; ldaps:// is encrypted anyway',
  }),
  allowPlain: flag().register(about, {
    env: 'LDAP_ALLOW_PLAIN',
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Let passwords cross the network readable: ldap:// to another machine without STARTTLS',
  }),
  caFile: text().optional().register(about, {
    env: 'LDAP_CA_FILE',
    wanted: 'a file of certificates in PEM',
    example: '/etc/ssl/ldap-ca.pem',
    description: "Authorities to trust for the directory's certificate, in place of the usual ones",
  }),
  filter: text().optional().register(about, {
    env: 'LDAP_FILTER',
    wanted: 'an LDAP filter (RFC 4515) with {username} for what the person typed',
    example: '(&(objectClass=person)(uid={username}))',
    description: 'Filter that finds a person; by default the attributes of userName and email',
  }),
  attributes: text()
    .optional()
    .register(about, {
      env: 'LDAP_ATTRIBUTES',
      aliases: ['LOCAL_LDAP_ATTRIBUTES'],
      wanted: 'name=attribute pairs with commas between; names are id, userName, email, displayName and group',
      example: 'email=mail,group=memberOf',
      description: 'Which attribute of a person holds what',
    }),
  groupBaseDn: text().optional().register(about, {
    env: 'LDAP_GROUP_BASE_DN',
    wanted: DN_WANTED,
    example: 'ou=groups,dc=example,dc=com',
    description:
      'Where groups are searched that name their members; without it only the attribute of the person counts',
  }),
  groupFilter: text().register(about, {
    env: 'LDAP_GROUP_FILTER',
    wanted: 'an LDAP filter (RFC 4515) with {dn} or {username} for the person',
    example: '(|(member={dn})(uniqueMember={dn})(memberUid={username}))',
    description: 'Filter that finds the groups of a person',
  }),
  allowedGroups: text()
    .optional()
    .register(about, {
      env: 'LDAP_GROUP_ALLOW_LIST',
      aliases: ['LOCAL_LDAP_GROUP_ALLOW_LIST'],
      wanted: 'names or numbers of groups with commas between, or DNs with semicolons between',
      example: 'ml-research,platform',
      description: 'Groups whose members may sign in; by default everybody may',
    }),
  groupSync: flag().register(about, {
    env: 'LDAP_GROUP_SYNC',
    aliases: ['GORILLA_LDAP_GROUP_SYNC'],
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'The groups of a person decide their teams at each sign-in',
  }),
  emailVerified: flag().register(about, {
    env: 'LDAP_EMAIL_VERIFIED',
    wanted: FLAG_WANTED,
    example: 'false',
    description: "Addresses in the directory are its administrators' word, not what people set for themselves",
  }),
  login: flag().register(about, {
    env: 'LDAP_LOGIN',
    aliases: ['LOCAL_LDAP_LOGIN'],
    wanted: FLAG_WANTED,
    example: 'true',
    description: 'Offer it on the sign-in page; false only keeps it for tests of the connection',
  }),
})

const NAMES = ['id', 'userName', 'email', 'displayName', 'group'] as const

/** `email=mail,group=gidNumber` as an object; undefined where it is no such list. */
export function attributePairs(written: string): Readonly<Record<string, string>> | undefined {
  const pairs = written
    .split(',')
    .flatMap((pair) => (pair.trim() === '' ? [] : [pair.split('=').map((part) => part.trim())]))
  const good = pairs.every(([name = '', attribute = '', ...rest]) => {
    return NAMES.some((known) => known === name) && attribute !== '' && rest.length === 0
  })
  return good ? (Object.fromEntries(pairs) as Record<string, string>) : undefined
}

/** Names or numbers with commas between; where a `=` shows that DNs are meant, which hold commas, with semicolons. */
export function groupList(written: string): readonly string[] {
  const parts = written.split(written.includes('=') ? ';' : ',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** Address without base or the other way round, and attributes that are no list of pairs. */
export function halfDirectory({ url, baseDn, attributes }: z.output<typeof ldapSection>): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if ((url === undefined) !== (baseDn === undefined)) {
    const [given, missing, example] =
      url === undefined
        ? ['LDAP_BASE_DN', 'LDAP_URL', 'ldaps://ldap.example.com']
        : ['LDAP_URL', 'LDAP_BASE_DN', 'ou=people,dc=example,dc=com']
    problems.push({ setting: missing, got: 'nothing', wanted: `it beside ${given}`, example: `${missing}=${example}` })
  }
  if (attributes !== undefined && attributePairs(attributes) === undefined) {
    const wanted = `pairs such as email=mail with commas between; names are ${NAMES.join(', ')}`
    const example = 'LDAP_ATTRIBUTES=email=mail,group=memberOf'
    problems.push({ setting: 'LDAP_ATTRIBUTES', got: JSON.stringify(attributes), wanted, example })
  }
  return problems
}
