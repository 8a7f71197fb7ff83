import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packageRoot } from '../../src/config.ts'

/** Files that each break one rule; beside them stand the files that they import, which break none. */
const BREAKERS: [rule: string, path: string, imported: string][] = [
  ['domain-imports-nothing', 'src/domain/a.ts', 'node:fs'],
  ['domain-imports-nothing', 'src/domain/b.ts', '../http/ok.ts'],
  ['domain-imports-nothing', 'src/domain/c.ts', 'zod'],
  ['use-cases-import-domain', 'src/provisioning/a.ts', '../audit/ok.ts'],
  ['use-cases-import-domain', 'src/signin/a.ts', '../storage/ok.ts'],
  ['use-cases-import-domain', 'src/audit/a.ts', '../../db/ok.ts'],
  ['storage-implements-ports', 'src/storage/a.ts', '../provisioning/ok.ts'],
  ['db-stands-alone', 'db/a.ts', '../src/storage/ok.ts'],
  ['http-knows-domain', 'src/http/a.ts', '../auth/ok.ts'],
  ['auth-knows-domain', 'src/auth/a.ts', '../storage/ok.ts'],
  ['mail-knows-domain', 'src/mail/a.ts', '../provisioning/ok.ts'],
  ['edges-apart', 'src/scim/a.ts', '../storage/ok.ts'],
  ['edges-apart', 'src/scim/b.ts', '../admin/ok.ts'],
  ['edges-apart', 'src/console/a.ts', '../scim/ok.ts'],
  ['edges-apart', 'src/admin/a.ts', '../app.ts'],
  ['cli-is-an-edge', 'src/cli/a.ts', '../storage/ok.ts'],
  ['roots-are-leaves', 'src/config.ts', './http/ok.ts'],
  ['conformance-stands-alone', 'conformance/a.ts', '../src/domain/ok.ts'],
  ['product-without-tests', 'src/main.ts', '../test/ok.ts'],
  ['scimmy-in-scim', 'src/admin/b.ts', 'scimmy'],
  ['sql-in-storage', 'src/auth/b.ts', 'kysely'],
  ['sql-in-storage', 'src/app.ts', 'better-sqlite3'],
  ['sql-in-storage', 'src/cli/b.ts', 'pg'],
  ['jose-in-auth', 'src/http/b.ts', 'jose'],
  ['preact-in-console', 'src/http/f.ts', 'preact'],
  ['ldapts-in-signin', 'src/auth/d.ts', 'ldapts'],
  ['nodemailer-in-mail', 'src/auth/c.ts', 'nodemailer'],
  ['commander-in-cli', 'src/http/c.ts', 'commander'],
  ['no-development-package', 'src/http/d.ts', 'chai'],
  ['resolvable', 'src/http/e.ts', './absent.ts'],
]
const FOLDERS = [
  'domain',
  'provisioning',
  'signin',
  'audit',
  'storage',
  'http',
  'auth',
  'mail',
  'scim',
  'admin',
  'console',
  'cli',
]

interface Report {
  summary: { violations: { rule: { name: string }; from: string }[] }
}

describe('the direction of imports', () => {
  let broken: Set<string>
  let tree: string

  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), content)
  }

  before(function () {
    this.timeout(60_000)
    tree = mkdtempSync(join(tmpdir(), 'rollcall-directions-'))
    for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs'])
      cpSync(join(packageRoot(), name), join(tree, name))
    symlinkSync(join(packageRoot(), 'node_modules'), join(tree, 'node_modules'))
    for (const path of [...FOLDERS.map((name) => `src/${name}`), 'db', 'test'])
      write(`${path}/ok.ts`, 'export const ok = true\n')
    for (const [, path, imported] of BREAKERS) write(path, `import '${imported}'\n`)
    write('src/lonely.ts', 'export const lonely = true\n')
    write('src/scim/one.ts', "import './two.ts'\n")
    write('src/scim/two.ts', "import './one.ts'\n")
    write(
      'src/scim/fine.ts',
      "import '../domain/ok.ts'\nimport '../http/ok.ts'\nimport '../provisioning/ok.ts'\nimport 'scimmy'\n",
    )
    write(
      'src/storage/fine.ts',
      "import '../domain/ok.ts'\nimport '../../db/ok.ts'\nimport 'kysely'\nimport 'node:fs'\n",
    )
    const cruise = join(packageRoot(), 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
    const args = [
      cruise,
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'json',
      'src',
      'db',
      'conformance',
      'test',
    ]
    const { stdout } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', maxBuffer: 2 ** 26 })
    const { violations } = (JSON.parse(stdout) as Report).summary
    broken = new Set(violations.map(({ rule, from }) => `${rule.name} ${from}`))
  })
  after(() => {
    rmSync(tree, { recursive: true })
  })

  for (const [rule, path, imported] of BREAKERS) {
    it(`stops ${dirname(path)} from importing ${imported} (${rule})`, () => {
      expect(broken).to.include(`${rule} ${path}`)
    })
  }

  it('stops cycles and files that belong to nothing', () => {
    expect(broken).to.include('no-circular src/scim/one.ts')
    expect(broken).to.include('no-orphans src/lonely.ts')
  })

  it('lets pass what goes in the right direction', () => {
    expect([...broken].filter((line) => /(fine|ok)[.]ts$/.test(line) && !line.startsWith('no-orphans'))).to.deep.equal(
      [],
    )
    expect([...broken].filter((line) => line.endsWith('fine.ts'))).to.deep.equal([])
  })
})
