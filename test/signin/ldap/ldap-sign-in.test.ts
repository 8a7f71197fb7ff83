import { expect } from 'chai'
import { DomainError } from '../../../src/domain/errors.ts'
import { newId, type OrgId, type ProviderId } from '../../../src/domain/ids.ts'
import type { JsonObject } from '../../../src/domain/json.ts'
import type { StoredProvider } from '../../../src/domain/sign-in-provider.ts'
import { createAttemptLimiter } from '../../../src/signin/attempt-limiter.ts'
import type { DirectoryError } from '../../../src/signin/ldap/directory-error.ts'
import { readLdapConfig } from '../../../src/signin/ldap/ldap-config.ts'
import { createLdapSignIn, type LdapSignIn } from '../../../src/signin/ldap/ldap-sign-in.ts'
import { SEARCH_DN, SEARCH_PASSWORD, type Slapd, startSlapd, withSlapd } from '../../support/slapd.ts'
import { addGroup, addPerson, PEOPLE } from './people.ts'

const orgId = newId<OrgId>(1)
const LIMITS = { perAccount: 3, accountSeconds: 900, perSource: 8 }

withSlapd('sign-in with the password of a directory', () => {
  let slapd: Slapd
  let faults: DirectoryError[]
  const rows = new Map<ProviderId, StoredProvider>()

  before(async function () {
    this.timeout(30_000)
    slapd = await startSlapd()
    const ada = await addPerson(slapd, 'ada')
    await addPerson(slapd, 'grace')
    await addGroup(slapd, 'ml-research', [ada])
  })
  after(() => slapd.remove())
  beforeEach(() => {
    faults = []
  })

  function providerWith(wishes: JsonObject, enabled = true): StoredProvider {
    const id = newId<ProviderId>(Date.now())
    const config = readLdapConfig({ url: slapd.url, baseDn: PEOPLE, bindDn: SEARCH_DN, timeoutMs: 3_000, ...wishes })
    const provider: StoredProvider = {
      ...{ orgId, id, kind: 'ldap', name: 'Directory', enabled, origin: 'made', version: 1, created: 1 },
      ...{ config: config as unknown as JsonObject, hasSecret: true, sealedSecret: new Uint8Array() },
    }
    rows.set(id, provider)
    return provider
  }

  function open(limits = LIMITS): LdapSignIn {
    return createLdapSignIn({
      providers: { find: (of, id) => Promise.resolve(of === orgId ? rows.get(id) : undefined) },
      secretOf: () => SEARCH_PASSWORD,
      guardOf: () => undefined,
      attempts: createAttemptLimiter(limits),
      onFault: (error) => faults.push(error),
    })
  }

  const attempt = (
    { id }: StoredProvider,
    userName: string,
    password = `${userName}-secret`,
    source = '192.0.2.1',
  ) => ({
    ...{ orgId, providerId: id, userName, password, source },
  })

  it('proves a person by an id that stays, with the groups only where they decide something', async () => {
    const plain = providerWith({ emailVerified: true })
    const proof = await open().prove(attempt(plain, 'ADA', 'ada-secret'))
    if (proof.is !== 'proved') throw new Error(proof.is)
    const { subject, externalId, ...proved } = proof.proved
    expect(subject)
      .to.match(/^[0-9a-f-]{36}$/)
      .and.to.equal(externalId)
    expect(proved).to.deep.equal({
      ...{ orgId, providerId: plain.id, kind: 'ldap', issuer: `ldap:${plain.id}`, userName: 'ada' },
      ...{ email: 'ada@example.org', emailVerified: true, displayName: 'The ada' },
      claims: {
        ...{ dn: `uid=ada,${PEOPLE}`, groups: [], uid: 'ada', mail: 'ada@example.org', displayName: 'The ada' },
      },
    })
    const syncing = await open().prove(attempt(providerWith({ groupSync: true }), 'ada'))
    expect(syncing).to.have.deep.nested.property('proved.groups', ['ml-research'])
    expect(syncing).to.have.nested.property('proved.emailVerified', false)
    const allowed = providerWith({ allowedGroups: ['ml-research'] })
    expect(await open().prove(attempt(allowed, 'ada'))).to.have.property('is', 'proved')
    expect(await open().prove(attempt(allowed, 'grace'))).to.deep.equal({ is: 'not-allowed' })
  })

  it('stops guessing at one account, from wherever, also all at once, and lets the password in before that', async () => {
    const provider = providerWith({})
    const signIn = open()
    const wrong = (source: string) => signIn.prove(attempt(provider, 'ada', 'wrong', source))
    const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(wrong))
    expect(outcomes.filter(({ is }) => is === 'refused')).to.have.length(3)
    expect(outcomes.filter(({ is }) => is === 'limited')).to.have.length(2)
    const right = await signIn.prove(attempt(provider, ' Ada', 'ada-secret', 'f'))
    expect(right).to.include({ is: 'limited' }).and.to.have.property('retryAfter').within(1, 900)
    expect(await signIn.prove(attempt(provider, 'grace'))).to.have.property('is', 'proved')
    const again = open()
    for (let n = 0; n < 2; n++) await again.prove(attempt(provider, 'ada', 'wrong'))
    expect(await again.prove(attempt(provider, 'ada'))).to.have.property('is', 'proved')
    for (let n = 0; n < 2; n++)
      expect(await again.prove(attempt(provider, 'ada', 'wrong'))).to.have.property('is', 'refused')
  })

  it('stops guessing names from one source, and no other source', async () => {
    const provider = providerWith({})
    const signIn = open()
    for (let n = 0; n < 8; n++) await signIn.prove(attempt(provider, `guess-${n}`))
    expect(await signIn.prove(attempt(provider, 'ada'))).to.have.property('is', 'limited')
    expect(await signIn.prove(attempt(provider, 'ada', 'ada-secret', '192.0.2.2'))).to.have.property('is', 'proved')
  })

  it('answers 503 while the directory is down, tells the operator why, and counts nobody for it', async () => {
    const provider = providerWith({ url: 'ldap://127.0.0.1:1' })
    const signIn = open()
    for (let n = 0; n < 12; n++) {
      const error = await signIn.prove(attempt(provider, 'ada', 'wrong')).catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(DomainError).that.includes({ code: 'unavailable', retryAfter: 10 })
    }
    expect(faults).to.have.length(12)
    expect(faults[0]).to.include({ fault: 'unreachable' })
    expect(await signIn.prove(attempt(providerWith({}), 'ada'))).to.have.property('is', 'proved')
  })

  it('is by an enabled directory of the org alone', async () => {
    const off = providerWith({}, false)
    for (const wanted of [attempt(off, 'ada'), { ...attempt(providerWith({}), 'ada'), orgId: newId<OrgId>(2) }]) {
      const error = await open()
        .prove(wanted)
        .catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(DomainError).that.includes({ code: 'not-found' })
    }
  })

  it('keeps its settings in full, and refuses wrong ones by name', () => {
    expect(readLdapConfig({ url: 'ldaps://a', baseDn: 'dc=a' })).to.deep.include({
      filter: '(|(uid={username})(mail={username}))',
    })
    const wrong: [JsonObject, string][] = [
      [{ baseDn: 'dc=a' }, 'url'],
      [{ url: 'ldaps://a' }, 'baseDn'],
      [{ url: 'ldap://a.example', baseDn: 'dc=a' }, 'readable'],
      [{ url: 'ldaps://a', baseDn: 'dc=a', bindPassword: 'x' }, 'bindPassword'],
      [{ url: 'ldaps://a', baseDn: 'dc=a', ca: 'nothing' }, 'ca'],
      [{ url: 'ldaps://a', baseDn: 'dc=a', filter: '(uid=*)' }, '{username}'],
      [{ url: 'ldaps://a', baseDn: 'dc=a', attributes: { email: 'a b' } }, 'attribute'],
      [{ url: 'ldaps://a', baseDn: 'dc=a', timeoutMs: 5 }, 'timeoutMs'],
    ]
    for (const [config, said] of wrong) {
      expect(() => readLdapConfig(config), JSON.stringify(config)).to.throw(DomainError, said)
    }
  })
})
