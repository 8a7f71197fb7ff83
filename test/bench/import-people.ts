import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { displayNameOf, userNameOf } from './person.ts'

/** What `rollcall import` took for people nobody knew, with seats and teams, in an embedded store of its own. */
export interface ImportResult {
  readonly people: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** Resident memory at its highest, MiB. */
  readonly peakMiB: number
}

const TEAMS = 4

/** Imports that many people into a new store. */
export async function measureImport(main: string, dir: string, people: number): Promise<ImportResult> {
  mkdirSync(dir, { recursive: true })
  const env = { ROLLCALL_DATA_DIR: join(dir, 'data'), LOG_LEVEL: 'silent' }
  await runCommand(main, ['migrate'], env)
  await runCommand(main, ['org', 'create', 'default'], env)
  for (let team = 0; team < TEAMS; team++) await runCommand(main, ['team', 'create', `team-${team}`], env)
  const file = join(dir, 'users.csv')
  writeFileSync(file, `${['user name,name,e-mail,seats,teams', ...rowsOf(people)].join('\n')}\n`)
  const { text, seconds, cpuSeconds, peakMiB } = await runCommand(main, ['import', file, '--json'], env)
  const { created } = JSON.parse(text) as { readonly created: number }
  if (created !== people) throw new Error(`import made ${created} people of ${people}`)
  return { people, seconds, cpuSeconds, peakMiB }
}

/** Every third person has a role of their own in a team. */
function rowsOf(people: number): readonly string[] {
  return Array.from({ length: people }, (_, n) => {
    const role = n % 3 === 0 ? ': viewer' : ''
    return [userNameOf(n), displayNameOf(n), userNameOf(n), 'weave: viewer', `team-${n % TEAMS}${role}`].join(',')
  })
}
