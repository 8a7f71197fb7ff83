import { expect } from 'chai'
import fc from 'fast-check'
import { EqualityFilter } from 'ldapts'
import { filledFilter, isFilter } from '../../../src/signin/ldap/ldap-filter.ts'
import { groupOf, isGroup, normalDn } from '../../../src/signin/ldap/ldap-group.ts'
import { ldapProblem, ldapSettings, type LdapWishes } from '../../../src/signin/ldap/ldap-settings.ts'

const WISHES = { url: 'ldaps://ldap.example.com', baseDn: 'dc=example,dc=com' }
/** What a filter gives a meaning to, and what UTF-8 writes in one to four bytes. */
const ODD = [
  '*',
  '(',
  ')',
  '\\',
  '\0',
  '|',
  '&',
  '!',
  '=',
  '~',
  '<',
  ':',
  ' ',
  '{username}',
  'a',
  '2a',
  'ä',
  'カ',
  '😀',
  '\u2028',
]
const problemOf = (wishes: Partial<LdapWishes>, allowPlain = false): string | undefined =>
  ldapProblem(ldapSettings({ ...WISHES, ...wishes }), allowPlain)

describe('the settings of a directory', () => {
  it('are good with an address and a base alone, over TLS, or in the clear on this machine only', () => {
    expect(problemOf({})).to.equal(undefined)
    expect(problemOf({ url: 'ldap://ldap.example.com:389', startTls: true })).to.equal(undefined)
    for (const url of ['ldap://127.0.0.1:1389', 'ldap://localhost', 'ldap://[::1]']) {
      expect(problemOf({ url }), url).to.equal(undefined)
    }
    expect(problemOf({ url: 'ldap://ldap.example.com' })).to.contain('readable')
    expect(problemOf({ url: 'ldap://127.0.0.1.example.com' })).to.contain('readable')
    expect(problemOf({ url: 'ldap://ldap.example.com' }, true)).to.equal(undefined)
  })

  it('are refused with a sentence when something in them cannot be', () => {
    const wrong: [Partial<LdapWishes>, string][] = [
      [{ url: 'https://ldap.example.com' }, 'no address'],
      [{ url: 'ldaps://user:password@ldap.example.com' }, 'no address'],
      [{ url: 'ldaps://ldap.example.com/dc=example?uid' }, 'no address'],
      [{ url: 'ldap.example.com' }, 'no address'],
      [{ startTls: true }, 'first byte'],
      [{ filter: 'uid={username}' }, 'brackets'],
      [{ filter: '(uid={username}' }, 'brackets'],
      [{ filter: '((uid={username})' }, 'no LDAP filter'],
      [{ filter: '(uid={username}))(' }, 'no LDAP filter'],
      [{ filter: '(uid=ada)' }, '{username}'],
      [{ groupSearch: { baseDn: 'dc=x', filter: '(cn=*)', name: 'cn' } }, '{dn}'],
      [{ attributes: { email: 'mail)(uid=*' } }, 'no name of an LDAP attribute'],
      [{ groupSync: true, attributes: { group: '' } }, 'groupSync'],
      [{ baseDn: '' }, 'baseDn'],
    ]
    for (const [wishes, said] of wrong) expect(problemOf(wishes), JSON.stringify(wishes)).to.contain(said)
  })
})

describe('a filter for a person', () => {
  it('compares any name as the text it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...ODD), maxLength: 12 }), (username) => {
        const filter = filledFilter('(uid={username})', { username })
        expect(filter).to.be.instanceOf(EqualityFilter)
        expect(filter).to.include({ attribute: 'uid' })
        expect((filter as EqualityFilter).value.toString()).to.equal(username)
      }),
    )
  })

  it('is known as malformed before anybody signs in', () => {
    for (const good of ['(uid={username})', '(&(objectClass=person)(|(uid={username})(mail={username})))']) {
      expect(isFilter(good), good).to.equal(true)
    }
    for (const bad of ['', '(uid={username}', '(&(uid={username})', '({username})'])
      expect(isFilter(bad), bad).to.equal(false)
  })
})

describe('a group of a directory', () => {
  it('has the name that its DN begins with, unescaped (RFC 4514)', () => {
    const names: [string, string][] = [
      ['cn=ml-research,ou=groups,dc=example,dc=org', 'ml-research'],
      ['CN = Ops\\, Berlin ,dc=x', 'Ops, Berlin'],
      ['cn=\\E3\\82\\AB,dc=x', 'カ'],
      ['cn=a\\+b+uid=7,dc=x', 'a+b'],
      ['cn=ends\\ ,dc=x', 'ends '],
      ['4711', '4711'],
      ['plain name', 'plain name'],
    ]
    for (const [value, name] of names) expect(groupOf(value).name, value).to.equal(name)
  })

  it('is the same by DN whatever its case, spaces and escapes, and never by half of one', () => {
    expect(normalDn('CN=Ops\\2c Berlin, dc=X')).to.equal(normalDn('cn=ops\\, berlin,DC=x'))
    expect(isGroup('cn=ops,dc=x', groupOf('CN=Ops,DC=X'))).to.equal(true)
    expect(isGroup('cn=ops,dc=x', groupOf('cn=ops,ou=evil,dc=x'))).to.equal(false)
    expect(isGroup('cn=ops,dc=x', { name: 'ops' })).to.equal(false)
    expect(isGroup('OPS', groupOf('cn=ops,dc=x'))).to.equal(true)
  })
})
