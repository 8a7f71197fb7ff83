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

interface Component {
  readonly 'bom-ref': string
  readonly purl: string
  readonly hashes?: readonly unknown[]
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
}

interface Bom {
  readonly bomFormat: string
  readonly components: readonly Component[]
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
    expect(said.map(([, command]) => command))
      .to.include('ci')
      .and.not.include.members(['install'])
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
    // With --omit dev npm leaves out what both kinds of package need, pg for one (npm/cli issue 7909).
    const bom = JSON.parse((await npm('sbom', '--sbom-format', 'cyclonedx')).stdout) as Bom
    expect(bom.bomFormat).to.equal('CycloneDX')
    const isDevelopment = ({ properties = [] }: Component): boolean =>
      properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true')
    const production = bom.components.filter((component) => !isDevelopment(component))
    const listed = production.map(({ 'bom-ref': reference }) => reference)
    const locked = Object.entries(lock.packages).filter(
      ([path, entry]) => path !== '' && !['dev', 'optional', 'devOptional', 'peer'].some((kind) => entry[kind]),
    )
    const wanted = locked.map(([path, { version }]) => `${path.split('node_modules/').at(-1)!}@${String(version)}`)
    expect(listed).to.include.members(wanted)
    for (const name of Object.keys(manifest['dependencies']!))
      expect(
        listed.some((reference) => reference.startsWith(`${name}@`)),
        name,
      ).to.equal(true)
    for (const name of Object.keys(manifest['devDependencies']!))
      expect(
        listed.some((reference) => reference.startsWith(`${name}@`)),
        name,
      ).to.equal(false)
    for (const { purl, hashes } of production)
      expect([purl.startsWith('pkg:npm/'), hashes?.length], purl).to.deep.equal([true, 1])
  })
})
