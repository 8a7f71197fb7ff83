import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { USER_URN } from '../../src/domain/schema-urns.ts'
import { Browser } from '../console/browser.ts'
import { actionsOf, askRollcall, runRollcall, withDatabase } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type LyingIssuer, openLyingIssuer } from '../support/lying-issuer.ts'
import { ScimClient } from '../support/scim-client.ts'

interface Shown {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly enabled: boolean
  readonly origin: string
  readonly hasSecret: boolean
  readonly config: Readonly<Record<string, unknown>>
}

interface ShownIdentity {
  readonly id: string
  readonly issuer: string
  readonly way: string
}

forEachDialect('ways to sign in by command, beside a server that has some from its environment', (dialect) => {
  let issuer: LyingIssuer
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  const secretFile = join(mkdtempSync(join(tmpdir(), 'rollcall-secret-')), 'secret')

  before(async () => {
    issuer = await openLyingIssuer()
    writeFileSync(secretFile, 'canary-of-a-secret\n')
    gateway = await startTestGateway(dialect, {
      ...{ ALLOW_PRIVATE_ISSUERS: 'true', SESSION_LENGTH: '24', DISABLE_SSO_PROVISIONING: 'true' },
      ...{ OIDC_ISSUER: issuer.issuer, OIDC_CLIENT_ID: issuer.clientId, GORILLA_OIDC_SECRET: 'of-the-environment' },
      ...{ GORILLA_ENABLE_SSO_GROUPS_CLAIMS: 'true', LOCAL_LDAP_LOGIN: 'true' },
      ...{ LOCAL_LDAP_ADDRESS: 'ldap://127.0.0.1:9', LOCAL_LDAP_BASE_DN: 'dc=example,dc=com' },
    })
    env = gateway.env
  })
  after(async () => {
    await gateway.stop()
    await issuer.close()
  })

  const list = () => askRollcall<readonly Shown[]>(['signin', 'list'], env)
  const named = async (name: string): Promise<Shown> => (await list()).find((one) => one.name === name)!
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await runRollcall(['signin', ...args], env)
    expect([status, stdout]).to.deep.equal([1, ''])
    return stderr
  }

  it('those of the environment are there under the names that W&B gives the settings, and are changed there', async () => {
    const found = await list()
    expect(found.map(({ kind, origin, enabled }) => ({ kind, origin, enabled }))).to.deep.equal([
      { kind: 'oidc', origin: 'environment', enabled: true },
      { kind: 'ldap', origin: 'environment', enabled: true },
    ])
    expect(found[0]!.config).to.deep.include({ issuer: issuer.issuer, groups: true, clientAuth: 'basic' })
    expect(found[1]!.config).to.deep.include({ url: 'ldap://127.0.0.1:9', baseDn: 'dc=example,dc=com' })
    expect(JSON.stringify(found)).not.to.contain('of-the-environment')
    expect(await refused('change', found[0]!.id, '--disable')).to.include('environment')
    expect(await refused('remove', found[0]!.name)).to.include('environment')
  })

  it('are added, changed setting by setting, and removed; a secret is read from a file and shown nowhere', async () => {
    const config = ['--set', 'issuer=https://okta.example', '--set', 'clientId=c-1', '--set', 'claims.externalId=oid']
    const added = await runRollcall(['signin', 'add', 'Okta', ...config, '--secret-file', secretFile], env)
    expect(added.stdout).to.match(/^Added "Okta" \([0-9a-f-]{36}\)\n$/)
    expect(await named('Okta')).to.deep.include({ kind: 'oidc', enabled: true, origin: 'made', hasSecret: true })
    await runRollcall(['signin', 'change', 'okta', '--set', 'groups=true', '--set', 'scopes=["api"]', '--disable'], env)
    const changed = await named('Okta')
    expect(changed.config).to.deep.include({
      issuer: 'https://okta.example',
      clientId: 'c-1',
      groups: true,
      scopes: ['api'],
    })
    expect(changed.config['claims']).to.deep.include({ externalId: 'oid', userName: 'preferred_username' })
    expect(changed.enabled).to.equal(false)
    expect((await runRollcall(['signin', 'change', 'Okta', '--disable'], env)).stdout).to.equal('Nothing to change\n')
    await runRollcall(['signin', 'change', 'Okta', '--forget-secret'], env)
    expect((await named('Okta')).hasSecret).to.equal(false)
    expect((await runRollcall(['signin', 'remove', 'Okta'], env)).status).to.equal(0)
    expect(await refused('remove', 'Okta')).to.include('rollcall signin list')
    const actions = await actionsOf(env)
    expect(actions).to.include.members(['provider.create', 'provider.update', 'provider.delete'])
    const bodies = await withDatabase(env, (db) => db.selectFrom('provisioning_event').select('body').execute())
    expect(JSON.stringify(bodies)).not.to.contain('canary-of-a-secret')
  })

  it('may be directories too; what no provider could be is refused with the key that is wrong', async () => {
    const base = ['--kind', 'ldap', '--set', 'baseDn=ou=people,dc=example,dc=com']
    await runRollcall(
      ['signin', 'add', 'Staff', ...base, '--set', 'url=ldaps://ldap.example.com', '--set', 'attributes.email=mail'],
      env,
    )
    expect(await named('Staff')).to.deep.include({ kind: 'ldap', enabled: true, hasSecret: false })
    expect(await refused('add', 'Bad', ...base, '--set', 'url=ldap://ldap.example.com')).to.include(
      'ldap://ldap.example.com',
    )
    expect(await refused('add', 'Bad', '--set', 'issuer=https://x.example')).to.include('clientId')
    expect(
      await refused('add', 'Bad', '--set', 'issuer=https://x.example', '--set', 'clientId=x', '--set', 'no=1'),
    ).to.include('no')
    expect(
      await refused(
        'add',
        'Bad',
        '--secret-file',
        '/nowhere',
        '--set',
        'issuer=https://x.example',
        '--set',
        'clientId=x',
      ),
    ).to.include('/nowhere cannot be read')
  })

  it('are asked as a sign-in begins', async () => {
    const [oidc, ldap] = await list()
    expect((await runRollcall(['signin', 'check', oidc!.id], env)).stdout).to.equal(`"${oidc!.name}" answers\n`)
    expect(await refused('check', ldap!.id)).to.match(/cannot be used: .*127\.0\.0\.1/)
  })

  it('are paired with a connection and parted from it', async () => {
    const { id } = (await list())[0]!
    expect((await runRollcall(['signin', 'pair', 'default', id], env)).stdout).to.equal('Changed the pairing\n')
    expect((await runRollcall(['signin', 'pair', 'default', id], env)).stdout).to.equal('Nothing to change\n')
    expect((await runRollcall(['signin', 'pair', 'default', '--none'], env)).stdout).to.equal('Changed the pairing\n')
    expect(await refused('pair', 'default')).to.include('--none')
  })

  it('name who a person is there', async () => {
    await runRollcall(['user', 'create', 'ann'], env)
    const { stdout, status } = await runRollcall(['signin', 'identities', 'ann'], env)
    expect([status, stdout]).to.deep.equal([0, 'Nobody at any provider yet\n'])
    expect(await refused('unlink', 'ann', 'nothing')).to.include('no such identity')
  })

  it('are parted from who they are there, are signed out, and come back only as the rules of linking say', async () => {
    const entered = async (claims: Readonly<Record<string, unknown>>): Promise<Browser | number> => {
      const browser = new Browser(gateway.url)
      const [, link = ''] = /href="(\/signin\/oidc[^"]*)"/.exec((await browser.get('/signin')).html) ?? []
      const to = (await browser.get(link.replaceAll('&amp;', '&'))).headers.get('location')!
      const back = issuer.answer(to, (answers) => Object.assign(answers.claims, claims))
      const { status } = await browser.get(back.pathname + back.search)
      return status === 303 ? browser : status
    }
    const identities = () => askRollcall<readonly ShownIdentity[]>(['signin', 'identities', 'pushed'], env)
    const scim = new ScimClient(gateway.base, gateway.token)
    await scim.post('/Users', { schemas: [USER_URN], userName: 'pushed', externalId: 'ext-1' })
    scim.close()
    const { id: provider } = (await list())[0]!
    await runRollcall(['signin', 'pair', 'default', provider], env)
    const claims = { sub: 'ext-1', preferred_username: 'somebody', email: 'pushed@x.example', email_verified: true }
    const before = await entered(claims)
    if (typeof before === 'number') throw new Error(`The sign-in was answered ${before}`)
    const [known, ...more] = await identities()
    expect(more).to.deep.equal([])
    expect(known).to.include({ issuer: issuer.issuer, way: 'paired' })
    expect(JSON.stringify(known)).not.to.include('ext-1')
    const shown = (await runRollcall(['signin', 'identities', 'pushed'], env)).stdout
    expect(shown)
      .to.match(/^id +issuer +way +linked +last sign-in\n/)
      .and.include(known!.id)

    const unlinked = await runRollcall(['signin', 'unlink', 'pushed', known!.id], env)
    expect([unlinked.status, unlinked.stdout]).to.deep.equal([0, 'Unlinked; the sessions of the person ended\n'])
    expect((await before.get('/account')).status).to.equal(303)
    expect(await identities()).to.deep.equal([])
    expect((await actionsOf(env)).at(-1)).to.equal('sso.unlink')
    expect(await refused('unlink', 'pushed', known!.id)).to.include('no such identity')

    // While the connection is paired, its externalId still says who they are.
    expect(await entered(claims)).to.be.instanceOf(Browser)
    const [again] = await identities()
    expect(again).to.include({ way: 'paired' })
    await runRollcall(['signin', 'unlink', 'pushed', again!.id], env)
    // Without a pairing nothing does: an address alone, of a domain that nobody proved, is no proof.
    await runRollcall(['signin', 'pair', 'default', '--none'], env)
    expect(await entered(claims)).to.equal(403)
    expect(await identities()).to.deep.equal([])
    expect((await actionsOf(env)).at(-1)).to.equal('sso.refused')
  })
})
