import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { unwrapSecret } from '../../src/audit/person-key.ts'
import { hashToken } from '../../src/auth/token.ts'
import { describeConfig } from '../../src/config-text.ts'
import { ConfigError, EXIT_CONFIG, loadConfig, SETTINGS } from '../../src/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { connect } from '../../src/opened-store.ts'
import { StartError } from '../../src/start-error.ts'
import { forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment, startTestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { addTokenTo, fresh, make, openAccess, rowsOf } from './orgs.ts'
import { placesHolding, startLoggedGateway, storePlaces } from './secrets.ts'

/** Every row of a store that nobody serves. */
async function storedRows(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const connections = connect(loadConfig(env), () => undefined)
  try {
    return await rowsOf({ opened: { connections } })
  } finally {
    await connections.close()
  }
}

forEachDialect('secrets at rest', (dialect) => {
  const masterKey = randomBytes(32)
  const key = { ROLLCALL_MASTER_KEY: masterKey.toString('base64url') }

  it('are hashed or wrapped: the store holds no token, signing key or cursor key (S42)', async () => {
    const test = await startLoggedGateway(dialect, key)
    const { gateway } = test
    const access = await openAccess(gateway)
    const { token: second } = await addTokenTo(gateway, access.connection)
    const client = new ScimClient(test.base, second)
    const userName = fresh('witness')
    await make(client, '/Users', { userName })
    client.close()
    const row = (await gateway.opened.connections.findDeployment())!
    const cursorKey = unwrapSecret(masterKey, 'cursor', row.cursor_key)
    const signingKey = unwrapSecret(masterKey, 'token-signing', row.signing_key)
    expect(cursorKey).to.have.length(32)
    expect(signingKey).to.deep.equal(Buffer.from(gateway.opened.signingKey.pkcs8))
    const { d } = createPrivateKey({ key: signingKey, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
    const seed = Buffer.from(d!, 'base64url')
    const places = [{ name: 'process log', bytes: test.log.bytes() }, ...(await storePlaces(gateway, test.dataDir))]
    const randomPart = /_([0-9A-Za-z]{43})_/.exec(second)![1]!
    for (const secret of [test.token, access.token, second, randomPart, cursorKey, signingKey, seed, masterKey])
      expect(placesHolding(secret, places)).to.deep.equal([])
    expect(placesHolding(hashToken(second), places), 'the search finds bytes').to.include('tables')
    expect(placesHolding(userName, places)).to.include('tables')
    await test.stop()
  })

  it('come from files where *_FILE names them, and serve as if given in the environment (S42)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-secrets-'))
    const token = `from-a-file-${randomBytes(16).toString('hex')}`
    const inFile = (name: string, content: string): string => {
      const file = join(folder, name)
      writeFileSync(file, `${content}\n`)
      return file
    }
    const { env, url, databaseUrl, dataDir } = await gatewayEnvironment(dialect, key)
    const { ROLLCALL_MASTER_KEY: _, ROLLCALL_BOOTSTRAP_SCIM_TOKEN: __, DATABASE_URL: ___, ...rest } = env
    const config = loadConfig({
      ...rest,
      ROLLCALL_MASTER_KEY_FILE: inFile('key', masterKey.toString('hex')),
      ROLLCALL_BOOTSTRAP_SCIM_TOKEN_FILE: inFile('token', token),
      ...(databaseUrl === undefined ? {} : { DATABASE_URL_FILE: inFile('url', databaseUrl) }),
    })
    const gateway = await startGateway(config, createLogger('silent'))
    expect(gateway.opened.connections.dialect).to.equal(dialect)
    expect((await new ScimClient(`${url}/scim/v2`, token).get('/Users')).status).to.equal(200)
    await gateway.stop()
    const shown = describeConfig(config)
    const text = JSON.stringify(shown)
    for (const secret of [token, masterKey.toString('hex'), masterKey.toString('base64url'), 'rollcall-tests'])
      expect(text).to.not.include(secret)
    expect(shown.find(({ name }) => name === 'ROLLCALL_MASTER_KEY')?.source).to.equal(join(folder, 'key'))
    for (const path of [folder, dataDir]) rmSync(path, { recursive: true, force: true })
  })

  it('open with their own key only: another stops the start with 78, before anything is written (S42)', async () => {
    const first = await startTestGateway(dialect, key)
    await first.gateway.stop()
    const rows = await storedRows(first.env)
    const other = loadConfig({ ...first.env, ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex') })
    const failure = await startGateway(other, createLogger('silent')).catch((error: unknown) => error)
    expect(failure).to.be.instanceOf(StartError).and.include({ exitCode: EXIT_CONFIG })
    expect(await storedRows(first.env)).to.deep.equal(rows)
    const again = await startGateway(loadConfig(first.env), createLogger('silent'))
    expect((await new ScimClient(first.base, first.token).get('/Users')).status).to.equal(200)
    await again.stop()
    rmSync(first.dataDir, { recursive: true, force: true })
  })
})

describe('secrets in the configuration', () => {
  const SECRETS: Readonly<Record<string, string>> = {
    ROLLCALL_MASTER_KEY: 'ab'.repeat(32),
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: 'canary-scim-token-of-thirty-two-characters',
    ROLLCALL_BOOTSTRAP_ADMIN_KEY: 'canary-admin-key-of-thirty-two-characters',
    DATABASE_URL: 'postgres://rollcall:canary-password@db.example.com/rollcall?sslpassword=canary-tls',
    OIDC_CLIENT_SECRET: 'canary-client-secret',
    LDAP_BIND_PASSWORD: 'canary-bind-password',
    SMTP_URL: 'smtps://rollcall:canary-password@mail.example.com',
    SMTP_PASSWORD: 'canary-mail-password',
    ROLLCALL_LOG_KEY: 'ab'.repeat(32),
    ROLLCALL_LOG_KEY_PREVIOUS: 'abab'.repeat(16),
    ROLLCALL_EVENT_KEY: 'ab'.repeat(32),
    ROLLCALL_EVENT_KEY_PREVIOUS: 'abab'.repeat(16),
  }

  it('are masked by `rollcall config`, each of those there are (S42)', () => {
    expect(Object.keys(SECRETS).sort()).to.deep.equal(
      SETTINGS.filter(({ secret }) => secret !== undefined)
        .map(({ env }) => env)
        .sort(),
    )
    const lines = describeConfig(loadConfig({ ...SECRETS, MAIL_FROM: 'rollcall@example.com' }))
    const text = JSON.stringify(lines)
    expect(text).to.not.match(/canary|abab/)
    for (const name of Object.keys(SECRETS))
      expect(lines.find((line) => line.name === name)?.value, name).to.include('****')
    expect(lines.find(({ name }) => name === 'DATABASE_URL')?.value).to.include('db.example.com')
    expect(lines.find(({ name }) => name === 'SMTP_URL')?.value).to.include('mail.example.com')
  })

  it('are not repeated by the message about a wrong one (S42)', () => {
    const wrong = {
      ROLLCALL_MASTER_KEY: 'canary-not-a-key',
      ROLLCALL_BOOTSTRAP_SCIM_TOKEN: 'canary-short',
      ROLLCALL_BOOTSTRAP_ADMIN_KEY: 'canary-ümlaut-canary-ümlaut-canary-ümlaut',
      DATABASE_URL: 'mysql://u:canary@db.example.com/x',
    }
    let message = ''
    try {
      loadConfig(wrong)
    } catch (error) {
      expect(error).to.be.instanceOf(ConfigError)
      message = String(error)
    }
    for (const name of Object.keys(wrong)) expect(message).to.include(name)
    expect(message).to.not.include('canary')
  })

  it('made at the first start are readable by their owner alone (S42)', async () => {
    const test = await startTestGateway('sqlite')
    const file = join(test.dataDir, 'master.key')
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    const made = readFileSync(file, 'utf8').trim()
    const { kek_id: id } = (await test.gateway.opened.connections.findDeployment())!
    expect(made).to.not.include(id)
    await test.stop()
  })
})
