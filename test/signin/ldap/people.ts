import { type LdapSettings, ldapSettings, type LdapWishes } from '../../../src/signin/ldap/ldap-settings.ts'
import { SEARCH_DN, SEARCH_PASSWORD, type Slapd, SUFFIX } from '../../support/slapd.ts'

export const PEOPLE = `ou=people,${SUFFIX}`
export const GROUPS = `ou=groups,${SUFFIX}`

/** Settings for a test's directory, searched by its own account. */
export function settingsFor(slapd: Slapd, wishes: Partial<LdapWishes> = {}): LdapSettings {
  const account = { bindDn: SEARCH_DN, bindPassword: SEARCH_PASSWORD }
  return ldapSettings({ url: slapd.url, baseDn: PEOPLE, timeoutMs: 5_000, ...account, ...wishes })
}

/** Adds a person whose password is `<uid>-secret`. @returns the DN */
export async function addPerson(
  slapd: Slapd,
  uid: string,
  more: Record<string, string | string[]> = {},
): Promise<string> {
  const dn = `uid=${uid},${PEOPLE}`
  await slapd.add(dn, {
    objectClass: 'inetOrgPerson',
    ...{ uid, cn: `${uid} the person`, sn: uid, mail: `${uid}@example.org` },
    ...{ displayName: `The ${uid}`, userPassword: `${uid}-secret` },
    ...more,
  })
  return dn
}

/** Adds a group that names its members by DN. @returns the DN */
export async function addGroup(slapd: Slapd, cn: string, members: string[]): Promise<string> {
  const dn = `cn=${cn.replace(/([,+"\\<>;=#])/g, '\\$1')},${GROUPS}`
  await slapd.add(dn, { objectClass: 'groupOfNames', cn, member: members })
  return dn
}
