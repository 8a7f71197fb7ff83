import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import { buildDirectory, type Directory } from './directory.ts'

/** What is written beside a directory, for a run that finds it built. */
interface Kept {
  readonly token: string
  readonly masterKey: string
  /** Tokens of orgs beside the directory's. */
  readonly writers?: readonly string[]
  readonly directory?: {
    readonly users: readonly UserId[]
    readonly spare: readonly number[]
    readonly sized: readonly (readonly [number, GroupId])[]
    readonly empty?: GroupId
  }
}

export interface KeptDirectory {
  readonly token: string
  readonly masterKey: Buffer
  /** Builds the directory in the store there, unless an earlier run has. */
  fill(dataDir: string): Directory
  /** Tokens of orgs in the store, which `make` makes unless an earlier run has. */
  writers(make: () => Promise<readonly string[]>): Promise<readonly string[]>
}

/**
 * A directory that outlives the run which built it, since a million people take long. What runs write into it stays in
 * it: some thousand people more, which change no figure of a million.
 */
export function keptDirectory(dir: string, users: number): KeptDirectory {
  const file = join(dir, 'bench.json')
  mkdirSync(dir, { recursive: true })
  let kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : fresh()
  const keep = (value: Kept): void => {
    kept = value
    writeFileSync(file, JSON.stringify(value), { mode: 0o600 })
  }
  const masterKey = Buffer.from(kept.masterKey, 'hex')
  keep(kept)
  return {
    token: kept.token,
    masterKey,
    fill(dataDir) {
      if (kept.directory !== undefined) return { ...kept.directory, sized: new Map(kept.directory.sized) }
      const directory = buildDirectory({ dataDir, masterKey, users })
      keep({ ...kept, directory: { ...directory, sized: [...directory.sized] } })
      return directory
    },
    async writers(make) {
      if (kept.writers === undefined) keep({ ...kept, writers: await make() })
      return kept.writers!
    },
  }
}

function fresh(): Kept {
  return { token: `bench-${randomBytes(24).toString('hex')}`, masterKey: randomBytes(32).toString('hex') }
}
