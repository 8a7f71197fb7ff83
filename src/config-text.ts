import { SETTINGS } from './config.ts'
import type { Config } from './config.ts'
import { CONFIG_FILE, maskPassword } from './config-sources.ts'

/** One line of `rollcall config`: `value` is ready to be shown, `source` as in `Config.sources` or `unset`. */
export interface SettingLine {
  name: string
  value: string
  source: string
}

/** The effective settings in the order of the schema, with secrets as `****` and passwords in addresses masked. */
export function describeConfig(config: Config): SettingLine[] {
  const sections = config as unknown as Record<string, Record<string, unknown>>
  return SETTINGS.map(({ env, path, secret }) => {
    const value = sections[path[0]]?.[path[1]]
    const source = config.sources[env] ?? 'unset'
    if (value === undefined) return { name: env, value: '', source }
    return { name: env, value: secret === 'whole' ? '****' : showEffective(value, secret), source }
  })
}

function showEffective(value: unknown, secret: 'password' | undefined): string {
  const shown = Array.isArray(value) ? value.join(',') : String(value)
  return secret === 'password' ? maskPassword(shown) : shown
}

/** The text of `config/example.env`: every setting with one comment line, commented out, at its default or an example. */
export function exampleEnv(): string {
  const entries = [CONFIG_FILE, ...SETTINGS].map(({ env, wanted, example, description, secret }) => {
    const inFile = secret === undefined ? '' : ` Or ${env}_FILE=path.`
    return `# ${description}. Wanted: ${wanted}.${inFile}\n#${env}=${example}\n`
  })
  const head = [
    '# Every setting of Rollcall, as variables. An empty one counts as unset.',
    '# Shown commented out: the default, or an example where there is none. Written by `npm run config:example`.',
  ]
  return `${head.join('\n')}\n\n${entries.join('\n')}`
}
