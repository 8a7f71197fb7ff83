import { expect } from 'chai'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, EXIT_CONFIG, loadConfig, packageRoot, SETTINGS } from '../src/config.ts'
import { describeConfig } from '../src/config-text.ts'
import type { Config } from '../src/config.ts'

const HEX_KEY = 'a1'.repeat(32)
const BASE64URL_KEY = Buffer.alloc(32, 0xa1).toString('base64url')
const LONG = 'correct-horse-battery-staple-0123'

function problemsOf(env: NodeJS.ProcessEnv, cwd?: string): Record<string, string> {
  try {
    loadConfig(env, cwd === undefined ? {} : { cwd })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.problems.map(({ setting, got, wanted }) => [setting, `${got}; ${wanted}`]))
  }
  return {}
}

describe('configuration', () => {
  let cwd: string
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'rollcall-config-'))
  })
  afterEach(() => {
    rmSync(cwd, { recursive: true })
  })
  describe('defaults', () => {
    it('serves http on loopback with an embedded store when nothing is set', () => {
      const config = loadConfig({}, { cwd })
      expect(config.server).to.include({ port: 8080, host: '127.0.0.1', publicUrl: 'http://127.0.0.1:8080' })
      expect(config.database).to.deep.equal({ pool: 10, dataDir: join(cwd, 'data') })
      expect(config.signIn.disableProvisioning).to.equal(false)
      expect(config.keys).to.deep.equal({})
    })

    it('gives the same for every variable set to nothing (empty counts as unset)', () => {
      const empty: Record<string, string> = Object.fromEntries(
        SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env])).map((name) => [name, '']),
      )
      expect(loadConfig({ ...empty, ROLLCALL_CONFIG_FILE: '' }, { cwd })).to.deep.equal(loadConfig({}, { cwd }))
    })

    it('is frozen in every section', () => {
      const config = loadConfig({})
      expect(config).to.satisfy(Object.isFrozen)
      for (const section of Object.values(config)) expect(section).to.satisfy(Object.isFrozen)
    })

    it('shows the default as the example of every setting that has one', () => {
      const defaults = loadConfig({}, { cwd })
      for (const { env, example } of SETTINGS.filter(
        (setting) => defaults.sources[setting.env] === 'default' && setting.env !== 'PUBLIC_URL',
      )) {
        const { sources, ...rest } = loadConfig({ [env]: example }, { cwd })
        expect(sources[env], env).to.equal('environment')
        expect({ ...rest, sources: defaults.sources }, env).to.deep.equal(defaults)
      }
    })

    it('ends a refused start with the exit status of sysexits.h', () => {
      expect(EXIT_CONFIG).to.equal(78)
    })
  })

  describe('values', () => {
    const accepted: [name: string, given: string, read: (config: Config) => unknown, value: unknown][] = [
      ['PORT', '0', (c) => c.server.port, 0],
      ['PORT', ' 9000 ', (c) => c.server.port, 9000],
      ['HOST', '::1', (c) => c.server.publicUrl, 'http://[::1]:8080'],
      ['HOST', 'localhost', (c) => c.server.publicUrl, 'http://localhost:8080'],
      ['HOST', '127.0.0.2', (c) => c.server.publicUrl, 'http://127.0.0.2:8080'],
      ['PUBLIC_URL', 'https://Rollcall.Example.com/', (c) => c.server.publicUrl, 'https://rollcall.example.com'],
      ['PUBLIC_URL', 'https://example.com/rollcall/', (c) => c.server.publicUrl, 'https://example.com/rollcall'],
      ['PUBLIC_URL', 'http://localhost:9000', (c) => c.server.publicUrl, 'http://localhost:9000'],
      ['TRUST_PROXY', '2', (c) => c.server.trustProxy, 2],
      ['TRUST_PROXY', '0', (c) => c.server.trustProxy, 0],
      ['TRUST_PROXY', '10.0.0.0/8, ::1,loopback', (c) => c.server.trustProxy, ['10.0.0.0/8', '::1', 'loopback']],
      ['LOG_LEVEL', 'WARN', (c) => c.log.level, 'warn'],
      ['LOG_LEVEL', 'silent', (c) => c.log.level, 'silent'],
      ['ROLLCALL_FAST_ROUTES', 'no', (c) => c.scim.fastRoutes, false],
      ['ROLLCALL_DRAIN_MS', '0', (c) => c.server.drainMs, 0],
      ['ROLLCALL_DATA_DIR', '/var/lib/rollcall', (c) => c.database.dataDir, '/var/lib/rollcall'],
      ['ROLLCALL_MASTER_KEY', HEX_KEY, (c) => Buffer.from(c.keys.master ?? []).toString('hex'), HEX_KEY],
      ['ROLLCALL_MASTER_KEY', HEX_KEY.toUpperCase(), (c) => Buffer.from(c.keys.master ?? []).toString('hex'), HEX_KEY],
      ['ROLLCALL_MASTER_KEY', BASE64URL_KEY, (c) => Buffer.from(c.keys.master ?? []).toString('hex'), HEX_KEY],
      ['ROLLCALL_BOOTSTRAP_SCIM_TOKEN', LONG, (c) => c.bootstrap.scimToken, LONG],
      ['ROLLCALL_BOOTSTRAP_ADMIN_KEY', LONG, (c) => c.bootstrap.adminKey, LONG],
      ['ROLLCALL_AUTH_FAILURES_PER_MINUTE', '50', (c) => c.auth.failuresPerMinute, 50],
    ]
    for (const [name, given, read, value] of accepted) {
      it(`accepts ${name}=${given.slice(0, 40)}`, () => {
        expect(read(loadConfig({ [name]: given }, { cwd }))).to.deep.equal(value)
      })
    }

    const refused: [name: string, given: string[]][] = [
      ['PORT', ['abc', '-1', '65536', '8080.5', '8e3', '0x1f', '8080 9090']],
      ['HOST', ['[::1]', 'http://localhost', 'a b', '-x']],
      [
        'PUBLIC_URL',
        ['rollcall.example.com', 'ftp://x', 'https://u:p@x', 'https://x/?a=b', 'https://x/#f', 'https://x/?'],
      ],
      [
        'DATABASE_URL',
        ['mysql://x/y', 'postgres://', 'rollcall.db', 'postgres://u:pa/ss@h/d', 'postgres://u:12#34@h/d'],
      ],
      ['TRUST_PROXY', ['true', '33', '-1', '10.0.0.0/33', '::/129', '10.0.0.1/', 'proxy.example.com', '1,,2']],
      ['LOG_LEVEL', ['verbose', 'information', '30']],
      [
        'ROLLCALL_MASTER_KEY',
        ['short', HEX_KEY.slice(1), `${BASE64URL_KEY}A`, `${'a'.repeat(42)}+`, `${'g'.repeat(64)}`],
      ],
      [
        'ROLLCALL_BOOTSTRAP_SCIM_TOKEN',
        ['a'.repeat(31), `${'a'.repeat(32)}\u00e9`, `${'a'.repeat(20)}\n${'a'.repeat(20)}`, ' '.repeat(40)],
      ],
      ['ROLLCALL_BOOTSTRAP_ADMIN_KEY', ['changeme']],
      ['ROLLCALL_AUTH_FAILURES_PER_MINUTE', ['0', 'none']],
      ['ROLLCALL_DATABASE_POOL', ['0', '501']],
      ['ROLLCALL_DRAIN_MS', ['8s']],
      ['ROLLCALL_REQUEST_TIMEOUT_MS', ['0', '999']],
    ]
    for (const [name, values] of refused) {
      for (const given of values) {
        it(`refuses ${name}=${JSON.stringify(given.slice(0, 40))}`, () => {
          expect(problemsOf({ [name]: given }, cwd)).to.have.property(name)
        })
      }
    }
  })

  describe('names that W&B uses', () => {
    for (const name of ['GORILLA_ENABLE_SSO_GROUPS_CLAIMS', 'GORILLA_ENABLE_SSO_GROUP_CLAIMS', 'OIDC_GROUPS']) {
      it(`takes ${name} for the switch of the groups claim`, () => {
        expect(loadConfig({ [name]: 'true' }).oidc.groups).to.equal(true)
        expect(loadConfig({ [name]: '' }).oidc.groups).to.equal(false)
        // The name that was written is the one to be found.
        const said = problemsOf({ [name]: 'perhaps' }, cwd)['OIDC_GROUPS']
        expect(said).to.match(name === 'OIDC_GROUPS' ? /^"perhaps"; / : new RegExp(`^"perhaps" from ${name}; `))
      })
    }

    it('takes SESSION_LENGTH for the hours of a session, and GORILLA_OIDC_SECRET for the client secret', () => {
      expect(loadConfig({ SESSION_LENGTH: '24' }).session.hours).to.equal(24)
      const oidc = { OIDC_ISSUER: 'https://id.example', OIDC_CLIENT_ID: 'c', GORILLA_OIDC_SECRET: 'a secret' }
      expect(loadConfig(oidc).oidc.clientSecret).to.equal('a secret')
    })
  })

  describe('booleans', () => {
    const flags: [name: string, read: (config: Config) => boolean, fallback: boolean][] = [
      ['DISABLE_SSO_PROVISIONING', (c) => c.signIn.disableProvisioning, false],
      ['ALLOW_HTTP', (c) => c.server.allowHttp, false],
      ['ALLOW_PRIVATE_ISSUERS', (c) => c.auth.allowPrivateIssuers, false],
      ['ROLLCALL_FAST_ROUTES', (c) => c.scim.fastRoutes, true],
    ]
    for (const [name, read, fallback] of flags) {
      it(`reads ${name} strictly: the six words in any case, empty is unset, all else stops the start`, () => {
        for (const yes of ['true', 'TRUE', 'True', '1', 'yes', 'YES', ' true '])
          expect(read(loadConfig({ [name]: yes })), yes).to.equal(true)
        for (const no of ['false', 'FALSE', '0', 'no', 'No'])
          expect(read(loadConfig({ [name]: no })), no).to.equal(false)
        for (const unset of ['', '  ', undefined]) expect(read(loadConfig({ [name]: unset }))).to.equal(fallback)
        for (const bad of [
          'on',
          'off',
          'enabled',
          't',
          'y',
          '2',
          '-1',
          'truee',
          'null',
          'undefined',
          '"true"',
          'true false',
          'ｔｒｕｅ',
        ]) {
          expect(problemsOf({ [name]: bad }), bad).to.have.property(name)
        }
      })
    }
  })

  describe('problems', () => {
    it('reports every problem at once with variable, value got, what is wanted and an example', () => {
      const attempt = () =>
        loadConfig({
          PORT: 'abc',
          LOG_LEVEL: 'loud',
          ROLLCALL_DATADIR: 'x',
          DISABLE_SSO_PROVISIONING: 'maybe',
          PUBLIC_URL: 'nope',
        })
      expect(attempt).to.throw(ConfigError).with.property('problems').with.lengthOf(5)
      expect(attempt).to.throw('PORT: got "abc"; wanted a whole number from 0 to 65535, for example PORT=8080')
      expect(attempt).to.throw('5 settings are wrong')
    })

    it('shows no secret in a problem', () => {
      const secret = 'hunter2hunter2'
      const settings = {
        ROLLCALL_MASTER_KEY: secret,
        ROLLCALL_BOOTSTRAP_SCIM_TOKEN: secret,
        ROLLCALL_BOOTSTRAP_ADMIN_KEY: secret,
      }
      for (const address of [
        `mysql://u:${secret}@h/d`,
        `postgres://u:x/${secret}@h/d`,
        `postgres://u:1#${secret}@h`,
        `postgres://u:1?${secret}@h`,
      ]) {
        expect(() => loadConfig({ ...settings, DATABASE_URL: address }))
          .to.throw(ConfigError)
          .with.property('message')
          .that.does.not.contain(secret)
      }
      expect(problemsOf(settings)['ROLLCALL_MASTER_KEY']).to.match(/^\*\*\*\* \(14 characters\)/)
    })

    it('refuses an unknown ROLLCALL_ name and names the nearest', () => {
      expect(problemsOf({ ROLLCALL_MASTERKEY: 'x' })['ROLLCALL_MASTERKEY']).to.contain('ROLLCALL_MASTER_KEY')
      expect(problemsOf({ ROLLCALL_BOOTSTRAP_TOKEN: '' })['ROLLCALL_BOOTSTRAP_TOKEN']).to.contain(
        'ROLLCALL_BOOTSTRAP_SCIM_TOKEN',
      )
      expect(problemsOf({ ROLLCALL_DATA_DIR_FILE: 'x' })).to.have.property('ROLLCALL_DATA_DIR_FILE')
    })

    it('ignores the names that Kubernetes gives to services called rollcall and rollcall-db', () => {
      const injected = {
        ROLLCALL_SERVICE_HOST: '10.0.0.1',
        ROLLCALL_SERVICE_PORT: '8080',
        ROLLCALL_SERVICE_PORT_HTTP: '8080',
        ROLLCALL_PORT: 'tcp://10.0.0.1:8080',
        ROLLCALL_PORT_8080_TCP_ADDR: '10.0.0.1',
        ROLLCALL_DB_SERVICE_HOST: '10.0.0.2',
        ROLLCALL_DB_SERVICE_PORT: '5432',
        ROLLCALL_DB_PORT: 'tcp://10.0.0.2:5432',
        ROLLCALL_DB_PORT_5432_TCP: 'tcp://10.0.0.2:5432',
      }
      expect(loadConfig(injected, { cwd })).to.deep.equal(loadConfig({}, { cwd }))
      expect(problemsOf({ ROLLCALL_DB_PORT: '5432' })).to.have.property('ROLLCALL_DB_PORT')
    })
  })

  describe('plain http', () => {
    const rows: [title: string, env: Record<string, string>, served: boolean][] = [
      ['a public http:// address', { PUBLIC_URL: 'http://rollcall.example.com' }, false],
      [
        'a public http:// address with ALLOW_HTTP',
        { PUBLIC_URL: 'http://rollcall.example.com', ALLOW_HTTP: 'true' },
        true,
      ],
      ['all interfaces without PUBLIC_URL', { HOST: '0.0.0.0' }, false],
      ['all IPv6 interfaces without PUBLIC_URL', { HOST: '::' }, false],
      ['all interfaces with ALLOW_HTTP', { HOST: '0.0.0.0', ALLOW_HTTP: '1' }, true],
      [
        'all interfaces behind an https:// proxy',
        { HOST: '0.0.0.0', PUBLIC_URL: 'https://rollcall.example.com' },
        true,
      ],
      ['all interfaces named as loopback', { HOST: '0.0.0.0', PUBLIC_URL: 'http://localhost:8080' }, false],
      ['a private address without PUBLIC_URL', { HOST: '192.168.1.5' }, false],
      ['a name that only looks like loopback', { PUBLIC_URL: 'http://localhost.example.com' }, false],
      ['a host name that begins like loopback', { PUBLIC_URL: 'http://127.0.0.1.example.com' }, false],
      ['loopback', { HOST: '127.0.0.1', PUBLIC_URL: 'http://127.0.0.1:8080' }, true],
      ['IPv6 loopback', { HOST: '::1' }, true],
    ]
    for (const [title, env, served] of rows) {
      it(`${served ? 'serves' : 'refuses'} ${title} (RFC 7644 §7.2)`, () => {
        expect(Object.keys(problemsOf(env))).to.deep.equal(served ? [] : ['PUBLIC_URL'])
      })
    }
  })

  describe('PostgreSQL', () => {
    const DATABASE_URL = 'postgres://rollcall:pass@db.example.com/rollcall'

    it('asks for the master key beside DATABASE_URL', () => {
      expect(problemsOf({ DATABASE_URL })).to.have.all.keys('ROLLCALL_MASTER_KEY')
      expect(loadConfig({ DATABASE_URL, ROLLCALL_MASTER_KEY: HEX_KEY }).database.url).to.equal(DATABASE_URL)
      expect(
        problemsOf({ DATABASE_URL: DATABASE_URL.replace('postgres', 'postgresql'), ROLLCALL_MASTER_KEY: HEX_KEY }),
      ).to.deep.equal({})
    })

    it('names a wrong master key once, not also as missing', () => {
      expect(problemsOf({ DATABASE_URL, ROLLCALL_MASTER_KEY: 'short' })['ROLLCALL_MASTER_KEY']).to.match(/^\*\*\*\*/)
      expect(problemsOf({ DATABASE_URL, ROLLCALL_MASTER_KEY_FILE: 'absent' }, cwd)).to.have.all.keys(
        'ROLLCALL_MASTER_KEY_FILE',
      )
    })
  })

  describe('description', () => {
    it('lists every setting with its value and source, and masks what is secret', () => {
      const lines = describeConfig(
        loadConfig(
          {
            DATABASE_URL: 'postgres://rollcall:hunter2@db.example.com/rollcall?password=hunter2&sslmode=require',
            ROLLCALL_MASTER_KEY: HEX_KEY,
            ROLLCALL_BOOTSTRAP_SCIM_TOKEN: LONG,
            TRUST_PROXY: '10.0.0.0/8,::1',
          },
          { cwd },
        ),
      )
      const line = (wanted: string) => lines.find(({ name }) => name === wanted)
      expect(lines.map(({ name }) => name)).to.deep.equal(SETTINGS.map(({ env }) => env))
      expect(line('PORT')).to.deep.equal({ name: 'PORT', value: '8080', source: 'default' })
      expect(line('TRUST_PROXY')?.value).to.equal('10.0.0.0/8,::1')
      expect(line('DATABASE_URL')?.value).to.equal(
        'postgres://rollcall:****@db.example.com/rollcall?password=****&sslmode=require',
      )
      expect(line('ROLLCALL_MASTER_KEY')).to.deep.equal({
        name: 'ROLLCALL_MASTER_KEY',
        value: '****',
        source: 'environment',
      })
      expect(line('ROLLCALL_BOOTSTRAP_ADMIN_KEY')).to.include({ value: '', source: 'unset' })
      expect(JSON.stringify(lines)).not.to.match(/hunter2|correct-horse|a1a1/)
    })
  })

  it('finds the folder of package.json', () => {
    expect(JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))).to.include({ name: 'rollcall' })
  })
})
