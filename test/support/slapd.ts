import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Client } from 'ldapts'
import { freePort } from './postgres.ts'

/** A real OpenLDAP server in a process of its own, on free ports of loopback, with a certificate made for it. */
export interface Slapd {
  /** `ldap://127.0.0.1:<port>`; STARTTLS works on it. */
  readonly url: string
  readonly ldapsUrl: string
  /** The certificate to trust, in PEM. */
  readonly ca: string
  readonly process: () => ChildProcess
  /** Adds an entry as the directory's own administrator. */
  add(dn: string, attributes: Record<string, string | string[]>): Promise<void>
  asAdmin<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** Ends the process; the entries stay. */
  stop(): Promise<void>
  /** Starts it again on the same ports. */
  start(): Promise<void>
  /** Ends it for good. */
  remove(): Promise<void>
}

export const SUFFIX = 'dc=example,dc=org'
export const ADMIN_DN = `cn=admin,${SUFFIX}`
export const SEARCH_DN = `cn=search,${SUFFIX}`
export const SEARCH_PASSWORD = 'search-secret'
/** The most entries that a search of it answers, over all pages, as most directories have a limit. */
export const SIZE_LIMIT = 150
const ADMIN_PASSWORD = 'admin-secret'

/** Where Debian puts what is for the administrator alone is in nobody else's PATH. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin:/usr/libexec`

/** Whether this machine has OpenLDAP's server. A suite that needs it says loudly when it has not. */
export const hasSlapd = spawnSync('slapd', ['-VV'], { env: { PATH }, stdio: 'ignore' }).error === undefined

/**
 * Declares a suite that needs OpenLDAP's server. Without it nothing of the suite runs, and one line that cannot be
 * overlooked stands in its place.
 */
export function withSlapd(title: string, suite: () => void): void {
  if (hasSlapd) {
    describe(title, suite)
    return
  }
  describe(title, () => {
    it('slapd is missing: this was NOT run', () => {
      console.warn(`\n  WARNING: slapd is missing, "${title}" was NOT tested. Debian, Ubuntu: apt-get install slapd\n`)
      expect(hasSlapd).to.be.false
    })
  })
}

/** Starts a server with an administrator, a searching account and nobody else. */
export async function startSlapd(): Promise<Slapd> {
  const dir = mkdtempSync(join(tmpdir(), 'rollcall-slapd-'))
  const [plain, secure] = [await freePort(), await freePort()]
  const ca = makeCertificate(dir)
  writeConfig(dir)
  let running: ChildProcess | undefined
  const url = `ldap://127.0.0.1:${plain}`
  const ldapsUrl = `ldaps://127.0.0.1:${secure}`

  const slapd: Slapd = {
    ...{ url, ldapsUrl, ca },
    process: () => running!,
    async add(dn, attributes) {
      await slapd.asAdmin((client) => client.add(dn, attributes))
    },
    async asAdmin(work) {
      const client = new Client({ url, timeout: 10_000 })
      await client.bind(ADMIN_DN, ADMIN_PASSWORD)
      try {
        return await work(client)
      } finally {
        await client.unbind()
      }
    },
    async stop() {
      if (running === undefined) return
      const ended = once(running, 'close')
      running.kill('SIGKILL')
      await ended
      running = undefined
    },
    async start() {
      running = await runSlapd(dir, [url, ldapsUrl])
    },
    async remove() {
      await slapd.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  await slapd.start()
  await slapd.add(SUFFIX, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' })
  await slapd.add(SEARCH_DN, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn: 'search',
    userPassword: SEARCH_PASSWORD,
  })
  for (const ou of ['people', 'groups']) {
    await slapd.add(`ou=${ou},${SUFFIX}`, { objectClass: 'organizationalUnit', ou })
  }
  return slapd
}

async function runSlapd(dir: string, urls: readonly string[]): Promise<ChildProcess> {
  // With a level of debugging it stays in the foreground; level 0 says nothing.
  const args = ['-d', '0', '-h', urls.join(' '), '-f', join(dir, 'slapd.conf')]
  const child = spawn('slapd', args, { env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const deadline = Date.now() + 20_000
  for (;;) {
    const client = new Client({ url: urls[0]!, timeout: 1_000, connectTimeout: 1_000 })
    try {
      await client.bind('', '')
      await client.unbind()
      return child
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`slapd did not start: ${said}`, { cause: error })
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

function makeCertificate(dir: string): string {
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', ...kind, ...names, ...files], { stdio: 'ignore' })
  return readFileSync(join(dir, 'cert.pem'), 'utf8')
}

function writeConfig(dir: string): void {
  mkdirSync(join(dir, 'data'))
  const schemas = ['core', 'cosine', 'nis', 'inetorgperson']
  writeFileSync(
    join(dir, 'slapd.conf'),
    [
      ...schemas.map((name) => `include /etc/ldap/schema/${name}.schema`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'moduleload memberof',
      `TLSCertificateFile ${join(dir, 'cert.pem')}`,
      `TLSCertificateKeyFile ${join(dir, 'key.pem')}`,
      // As most directories do, so that the trap of the empty password is a real one (RFC 4513 §5.1.2).
      'allow bind_anon_cred bind_anon_dn',
      `sizelimit ${SIZE_LIMIT}`,
      'database mdb',
      'maxsize 67108864',
      `suffix "${SUFFIX}"`,
      `rootdn "${ADMIN_DN}"`,
      `rootpw ${ADMIN_PASSWORD}`,
      `directory ${join(dir, 'data')}`,
      'dbnosync',
      'overlay memberof',
      'access to attrs=userPassword by anonymous auth by * none',
      `access to * by dn.exact="${SEARCH_DN}" read by self read by * none`,
      '',
    ].join('\n'),
  )
}
