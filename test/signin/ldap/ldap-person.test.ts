import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { DirectoryError } from '../../../src/signin/ldap/directory-error.ts'
import { checkDirectory, type LdapOutcome, provePerson } from '../../../src/signin/ldap/ldap-person.ts'
import { type LdapSettings, ldapSettings } from '../../../src/signin/ldap/ldap-settings.ts'
import { freePort } from '../../support/postgres.ts'
import { SEARCH_DN, SIZE_LIMIT, type Slapd, startSlapd, SUFFIX, withSlapd } from '../../support/slapd.ts'
import { addGroup, addPerson, GROUPS, PEOPLE, settingsFor } from './people.ts'

const typed = (userName: string, password = `${userName}-secret`): { userName: string; password: string } => ({
  userName,
  password,
})

const refused = (reason: string): object => ({ is: 'refused', reason })

async function faultOf(work: Promise<unknown>): Promise<DirectoryError> {
  try {
    await work
  } catch (error) {
    if (error instanceof DirectoryError) return error
    throw error
  }
  throw new Error('nothing was wrong')
}

function namesOf(outcome: LdapOutcome): string[] {
  return outcome.is === 'refused' ? [] : outcome.person.groups.map(({ name }) => name).sort()
}

withSlapd('a person of an LDAP directory', () => {
  let slapd: Slapd
  let settings: LdapSettings
  const bySearch = { groupSearch: { baseDn: GROUPS, filter: '(|(member={dn})(memberUid={username}))', name: 'cn' } }

  before(async function () {
    this.timeout(30_000)
    slapd = await startSlapd()
    settings = settingsFor(slapd)
    const ada = await addPerson(slapd, 'ada')
    await addPerson(slapd, 'grace', { mail: ['grace@example.org', 'hopper@example.org'] })
    await addPerson(slapd, 'twin', { mail: 'both@example.org' })
    await addPerson(slapd, 'twin2', { mail: 'both@example.org' })
    await addPerson(slapd, 'ada)(uid=*', { userPassword: 'odd-secret' })
    await addGroup(slapd, 'ml-research', [ada])
    await addGroup(slapd, 'Ops, Berlin + Kyiv', [ada])
    await slapd.add(`cn=posix,${GROUPS}`, {
      objectClass: 'posixGroup',
      cn: 'posix',
      gidNumber: '4711',
      memberUid: 'ada',
    })
  })

  after(() => slapd.remove())

  it('is proved by the right password, and described by their entry', async () => {
    const outcome = await provePerson(settings, typed('ada'))
    expect(outcome).to.deep.include({ is: 'proved' })
    if (outcome.is !== 'proved') return
    const { id, ...person } = outcome.person
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-/)
    expect(person).to.deep.equal({
      ...{ dn: `uid=ada,${PEOPLE}`, userName: 'ada', email: 'ada@example.org', displayName: 'The ada', groups: [] },
    })
  })

  it('is called what their entry says, however they wrote it', async () => {
    for (const name of [' ADA ', 'Ada@Example.ORG']) {
      expect(await provePerson(settings, typed(name, 'ada-secret'))).to.have.nested.property('person.userName', 'ada')
    }
  })

  it('is refused with a wrong password, an unknown name and one that two people have', async () => {
    expect(await provePerson(settings, typed('ada', 'wrong'))).to.deep.equal(refused('password'))
    expect(await provePerson(settings, typed('nobody'))).to.deep.equal(refused('unknown'))
    expect(await provePerson(settings, typed('both@example.org', 'twin-secret'))).to.deep.equal(refused('ambiguous'))
  })

  it('is never taken for proved by an empty password, which the directory answers with success (RFC 4513 §5.1.2)', async () => {
    const anonymous = await slapd.asAdmin(async (client) => {
      await client.bind(`uid=ada,${PEOPLE}`, '')
      return 'success'
    })
    expect(anonymous).to.equal('success')
    expect(await provePerson(settings, typed('ada', ''))).to.deep.equal(refused('no-password'))
  })

  it('is compared as text, so that no name can match by *, end the filter or add to it (RFC 4515 §3)', async () => {
    for (const name of [
      '*',
      'a*',
      'ada)(uid=*)',
      '*)(|(uid=*',
      'ada\\2a',
      'ada\0',
      '\\',
      '(',
      ')',
      '(uid=ada)',
      'ada,ou=people',
    ]) {
      expect(await provePerson(settings, typed(name, 'ada-secret')), name).to.deep.equal(refused('unknown'))
    }
    const odd = await provePerson(settings, typed('ada)(uid=*', 'odd-secret'))
    expect(odd).to.have.nested.property('person.userName', 'ada)(uid=*')
    expect(await provePerson(settings, typed('x'.repeat(257)))).to.deep.equal(refused('no-name'))
    expect(await provePerson(settings, typed('ada', 'x'.repeat(1_025)))).to.deep.equal(refused('no-password'))
  })

  it('has their groups from their own entry', async () => {
    const outcome = await provePerson({ ...settings, groupSync: true }, typed('ada'))
    expect(namesOf(outcome)).to.deep.equal(['Ops, Berlin + Kyiv', 'ml-research'])
  })

  it('has their groups from a search for the groups that name them', async () => {
    const attributes = { ...settings.attributes, group: '' }
    const outcome = await provePerson({ ...settings, ...bySearch, attributes, groupSync: true }, typed('ada'))
    expect(namesOf(outcome)).to.deep.equal(['Ops, Berlin + Kyiv', 'ml-research', 'posix'])
    expect(namesOf(await provePerson({ ...settings, ...bySearch, groupSync: true }, typed('grace')))).to.deep.equal([])
  })

  it('gets in only as a member of an allowed group, named by name or by DN', async () => {
    const allowing = (group: string): LdapSettings => ({ ...settings, ...bySearch, allowedGroups: ['other', group] })
    for (const group of ['ML-Research', 'posix', `CN=ml-research, ou=groups,${SUFFIX}`]) {
      expect(await provePerson(allowing(group), typed('ada')), group).to.have.property('is', 'proved')
      expect(await provePerson(allowing(group), typed('grace')), group).to.have.property('is', 'not-allowed')
    }
    const elsewhere = await provePerson(allowing(`cn=ml-research,ou=evil,${SUFFIX}`), typed('ada'))
    expect(elsewhere).to.have.property('is', 'not-allowed')
    expect(await provePerson(allowing('ml-research'), typed('grace', 'wrong'))).to.deep.equal(refused('password'))
  })

  it('has all of their groups, over several pages, or an outage: never the half of them', async () => {
    const dn = await addPerson(slapd, 'joiner')
    for (let n = 0; n < SIZE_LIMIT - 20; n++) await addGroup(slapd, `many-${n}`, [dn])
    const attributes = { ...settings.attributes, group: '' }
    const syncing = { ...settings, ...bySearch, attributes, groupSync: true }
    expect(namesOf(await provePerson(syncing, typed('joiner')))).to.have.length(SIZE_LIMIT - 20)
    for (let n = 0; n < 21; n++) await addGroup(slapd, `more-${n}`, [dn])
    expect((await faultOf(provePerson(syncing, typed('joiner')))).fault).to.equal('too-much')
  }).timeout(30_000)

  it('signs in over LDAPS and over STARTTLS when the certificate is trusted, and over neither when it is not', async () => {
    for (const secure of [{ url: slapd.ldapsUrl }, { startTls: true }]) {
      const trusting = settingsFor(slapd, { ...secure, ca: slapd.ca })
      expect(await provePerson(trusting, typed('ada')), JSON.stringify(secure)).to.have.property('is', 'proved')
      expect((await faultOf(provePerson(settingsFor(slapd, secure), typed('ada')))).fault).to.equal('tls')
      const url = (secure.url ?? slapd.url).replace('127.0.0.1', 'localhost.localdomain')
      const renamed = settingsFor(slapd, { ...secure, url, ca: slapd.ca })
      const misnamed = provePerson(renamed, typed('ada'), () => Promise.resolve('127.0.0.1'))
      expect((await faultOf(misnamed)).fault, 'a certificate of another name').to.equal('tls')
    }
  })

  it('is safe from answers slipped in before the encryption: what came in the clear behind STARTTLS is forgotten', async () => {
    // The head of a "success" for the bind that would take the true answer, 14 bytes of "wrong password", as its tail.
    const forged = Buffer.from('301802010361130a0100040c', 'hex')
    const middle = createServer((client) => {
      const server = connect(Number(new URL(slapd.url).port), '127.0.0.1')
      server.once('data', (first) => {
        client.write(Buffer.concat([first, forged]))
        server.pipe(client)
      })
      client.pipe(server)
      for (const socket of [client, server]) socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => {
      middle.listen(0, '127.0.0.1', resolve)
    })
    const url = `ldap://127.0.0.1:${(middle.address() as AddressInfo).port}`
    const through = settingsFor(slapd, { url, startTls: true, ca: slapd.ca })
    expect(await provePerson(through, typed('ada'))).to.have.property('is', 'proved')
    const { message } = await faultOf(checkDirectory({ ...through, bindPassword: 'wrong' }))
    expect(message).to.contain('refuses the bind').and.to.contain('code 49')
    middle.close()
  })

  it('is identified by an attribute of the directory, and by no other thing when it is not shown', async () => {
    const byMail = { ...settings, attributes: { ...settings.attributes, id: 'mail' } }
    expect(await provePerson(byMail, typed('ada'))).to.have.nested.property('person.id', 'ada@example.org')
    const byDn = { ...settings, attributes: { ...settings.attributes, id: 'dn' } }
    expect(await provePerson(byDn, typed('ada')))
      .to.have.nested.property('person.id')
      .that.contains('uid="ada"')
    const absent = { ...settings, attributes: { ...settings.attributes, id: 'employeeNumber' } }
    expect(await faultOf(provePerson(absent, typed('ada')))).to.include({ fault: 'settings' })
  })

  it('is not blamed for what is wrong with the searching account, the base or the filter', async () => {
    const wrong: Partial<LdapSettings>[] = [
      { bindPassword: 'wrong' },
      { bindDn: 'not a dn' },
      { baseDn: `ou=nowhere,${SUFFIX}` },
      { baseDn: 'not a dn' },
    ]
    for (const part of wrong) {
      const outcome = faultOf(provePerson({ ...settings, ...part }, typed('ada')))
      expect((await outcome).fault, JSON.stringify(part)).to.equal('settings')
      const { message } = await faultOf(checkDirectory({ ...settings, ...part }))
      expect(message).not.to.contain('search-secret')
    }
    await checkDirectory({ ...settings, ...bySearch })
  })

  it('cannot be found by an anonymous search in a directory that shows nothing to strangers', async () => {
    const anonymous = { ...settings, bindPassword: '' }
    expect((await faultOf(provePerson(anonymous, typed('ada')))).fault).to.equal('settings')
    expect(settings.bindDn).to.equal(SEARCH_DN)
  })

  it('hears of an outage, not of a wrong password, while the directory is down, and gets in when it is back', async () => {
    await slapd.stop()
    expect((await faultOf(provePerson(settings, typed('ada')))).fault).to.equal('unreachable')
    expect((await faultOf(provePerson(settings, typed('ada', 'wrong')))).fault).to.equal('unreachable')
    await slapd.start()
    expect(await provePerson(settings, typed('ada'))).to.have.property('is', 'proved')
  })
})

describe('a directory that is none', () => {
  const servers: Server[] = []
  const sockets: Socket[] = []

  async function serve(answer: (socket: Socket) => void): Promise<LdapSettings> {
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      answer(socket)
    })
    servers.push(server)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const url = `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`
    return ldapSettings({ url, baseDn: SUFFIX, timeoutMs: 300 })
  }

  after(() => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
  })

  it('is a fault in time when it never answers, before and after encryption began', async () => {
    const silent = await serve(() => undefined)
    expect((await faultOf(provePerson(silent, typed('ada')))).fault).to.equal('timeout')
    expect((await faultOf(provePerson({ ...silent, startTls: true }, typed('ada')))).fault).to.equal('timeout')
    const url = silent.url.replace('ldap:', 'ldaps:')
    expect((await faultOf(provePerson({ ...silent, url }, typed('ada')))).fault).to.equal('timeout')
  })

  it('is a fault when it closes, resets, or speaks another language', async () => {
    const closing = await serve((socket) => socket.end())
    const resetting = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()))
    const web = await serve((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    for (const settings of [closing, resetting, web]) {
      expect(['unreachable', 'timeout']).to.contain((await faultOf(provePerson(settings, typed('ada')))).fault)
    }
    const nothing = ldapSettings({ url: `ldap://127.0.0.1:${await freePort()}`, baseDn: SUFFIX })
    expect((await faultOf(provePerson(nothing, typed('ada')))).fault).to.equal('unreachable')
  })

  it('is cut off when it sends without end', async () => {
    const endless = await serve((socket) => {
      socket.once('data', () => {
        // The beginning of one message of two gigabytes.
        socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]))
        const more = (): void => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
        }
        socket.on('drain', more)
        more()
      })
    })
    expect((await faultOf(provePerson({ ...endless, timeoutMs: 10_000 }, typed('ada')))).fault).to.equal('too-much')
  })

  it('is asked only where the guard of addresses lets it be', async () => {
    let asked = 0
    const settings = await serve(() => asked++)
    const guard = (host: string): Promise<string> =>
      Promise.reject(new DirectoryError('settings', `${host} is private`))
    expect((await faultOf(provePerson(settings, typed('ada'), guard))).fault).to.equal('settings')
    expect(asked).to.equal(0)
  })
})
