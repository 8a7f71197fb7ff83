import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig } from '../src/config.ts'

const HEX_KEY = 'a1'.repeat(32)
const LONG = 'correct-horse-battery-staple-0123'

function problemsOf(env: NodeJS.ProcessEnv, cwd: string): Record<string, string> {
  try {
    loadConfig(env, { cwd })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.problems.map(({ setting, got, wanted }) => [setting, `${got}; ${wanted}`]))
  }
  return {}
}

describe('sources of configuration', () => {
  let cwd: string
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'rollcall-config-'))
  })
  afterEach(() => {
    rmSync(cwd, { recursive: true })
  })
  const file = (name: string, content: string): string => {
    writeFileSync(join(cwd, name), content)
    return name
  }

  describe('secrets in files', () => {
    for (const ending of ['', '\n', '\r\n']) {
      it(`reads a secret from the file that …_FILE names, without a final ${JSON.stringify(ending)}`, () => {
        const env = { ROLLCALL_BOOTSTRAP_SCIM_TOKEN_FILE: file('token', LONG + ending) }
        const config = loadConfig(env, { cwd })
        expect(config.bootstrap.scimToken).to.equal(LONG)
        expect(config.sources['ROLLCALL_BOOTSTRAP_SCIM_TOKEN']).to.equal(join(cwd, 'token'))
      })
    }

    it('takes every secret and the database address from files', () => {
      const config = loadConfig(
        {
          ROLLCALL_MASTER_KEY_FILE: file('key', HEX_KEY),
          ROLLCALL_BOOTSTRAP_ADMIN_KEY_FILE: file('admin', LONG),
          DATABASE_URL_FILE: file('url', 'postgres://u:p@h/d\n'),
        },
        { cwd },
      )
      expect(config.keys.master).to.have.lengthOf(32)
      expect(config.bootstrap.adminKey).to.equal(LONG)
      expect(config.database.url).to.equal('postgres://u:p@h/d')
    })

    it('refuses a variable and its …_FILE together, a file that cannot be read, and one with nothing in it', () => {
      const name = 'ROLLCALL_BOOTSTRAP_SCIM_TOKEN_FILE'
      expect(problemsOf({ [name]: file('token', LONG), ROLLCALL_BOOTSTRAP_SCIM_TOKEN: LONG }, cwd)[name]).to.contain(
        'only one of',
      )
      expect(problemsOf({ [name]: 'absent' }, cwd)[name]).to.contain('a readable file')
      expect(problemsOf({ [name]: '.' }, cwd)[name]).to.contain('a readable file')
      expect(problemsOf({ [name]: file('empty', '\n') }, cwd)[name]).to.contain('a readable file')
    })

    it('masks the content of a file that holds a wrong value, and names the file', () => {
      const problem = problemsOf({ ROLLCALL_MASTER_KEY_FILE: file('key', 'hunter2') }, cwd)['ROLLCALL_MASTER_KEY']
      expect(problem).to.contain(join(cwd, 'key')).and.not.contain('hunter2')
    })
  })

  describe('configuration file', () => {
    const withFile = (content: string) => ({ ROLLCALL_CONFIG_FILE: file('rollcall.json', content) })

    it('stands between the defaults and the environment', () => {
      const env = withFile('{ "server": { "port": 9001, "drainMs": 1 }, "signIn": { "disableProvisioning": true } }')
      const config = loadConfig({ ...env, PORT: '9002' }, { cwd })
      expect(config.server).to.include({ port: 9002, drainMs: 1, requestTimeoutMs: 30_000 })
      expect(config.signIn.disableProvisioning).to.equal(true)
      expect(config.sources).to.include({
        PORT: 'environment',
        ROLLCALL_DRAIN_MS: join(cwd, 'rollcall.json'),
        ROLLCALL_REQUEST_TIMEOUT_MS: 'default',
      })
    })

    it('takes a list of proxies', () => {
      expect(loadConfig(withFile('{"server":{"trustProxy":["10.0.0.0/8"]}}'), { cwd }).server.trustProxy).to.deep.equal(
        ['10.0.0.0/8'],
      )
    })

    it('reports unknown keys, wrong values and secrets in it together', () => {
      const env = withFile(
        '{"server":{"prot":1,"port":"x"},"servr":{},"log":5,"keys":{"master":"hunter2"},"__proto__":{"a":1},"signIn":{"disableProvisioning":null}}',
      )
      const problems = problemsOf(env, cwd)
      const from = ` in ${join(cwd, 'rollcall.json')}`
      expect(problems).to.have.all.keys(
        ...['server.prot', 'servr', 'log', 'keys', '__proto__'].map((key) => key + from),
        'PORT',
        'DISABLE_SSO_PROVISIONING',
      )
      expect(problems[`server.prot${from}`]).to.contain('server.port')
      expect(JSON.stringify(problems)).not.to.contain('hunter2')
    })

    for (const [title, content] of [
      ['not JSON', '{'],
      ['a list', '[]'],
      ['null', 'null'],
    ] as const) {
      it(`refuses a file that is ${title}`, () => {
        expect(problemsOf(withFile(content), cwd)).to.have.all.keys('ROLLCALL_CONFIG_FILE')
      })
    }

    it('refuses a file that is not there', () => {
      expect(problemsOf({ ROLLCALL_CONFIG_FILE: 'absent.json' }, cwd)).to.have.all.keys('ROLLCALL_CONFIG_FILE')
    })
  })
})
