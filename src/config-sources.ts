import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is known about one setting beside its type. */
export interface SettingInfo {
  /** Name of the environment variable. */
  env: string
  /** Names it has elsewhere, taken where it is not given under its own; of several the first. */
  aliases?: readonly string[]
  /** What a good value is, to follow "wanted". */
  wanted: string
  example: string
  description: string
  /** `whole`: never shown. `password`: an address whose password is not shown. Both can be given as `<env>_FILE`. */
  secret?: 'whole' | 'password'
  /** The environment is the only place for it: a configuration file must not hold it. */
  envOnly?: true
}

/** One setting with its place in the configuration, such as `['server', 'port']`. */
export interface Setting extends SettingInfo {
  path: readonly [section: string, name: string]
}

/** One thing that is wrong with the configuration. `got` is ready to be shown: secrets are masked in it. */
export interface ConfigProblem {
  /** A variable, or a key of the configuration file. */
  setting: string
  got: string
  wanted: string
  example?: string
}

/** The configuration cannot be used. The message is for the operator and lists every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
    const lines = problems.map(({ setting, got, wanted, example }) => {
      return `  ${setting}: got ${got}; wanted ${wanted}${example === undefined ? '' : `, for example ${example}`}`
    })
    super([`${count} wrong:`, ...lines].join('\n'))
    this.problems = problems
  }
}

/** The variable that names the optional configuration file. */
export const CONFIG_FILE: SettingInfo = {
  env: 'ROLLCALL_CONFIG_FILE',
  wanted: 'a readable file that holds a JSON object in the form of config/defaults.json',
  example: './rollcall.json',
  description: 'Configuration file in the form of config/defaults.json; the environment wins over it',
  envOnly: true,
}

/** Settings as they were found: raw values by variable name, and where each came from. */
export interface Found {
  values: Map<string, unknown>
  /** The values of `config/defaults.json` alone. */
  defaults: ReadonlyMap<string, unknown>
  sources: Map<string, string>
  problems: ConfigProblem[]
}

type Environment = Readonly<Record<string, string | undefined>>
type Tree = Record<string, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The folder of package.json above this file, in the source tree as well as in `dist`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('the folder of package.json was not found')
    folder = parent
  }
  return folder
}

/** Shows a raw value in a message, with what is secret in it masked. */
export function showValue(value: unknown, secret: SettingInfo['secret']): string {
  if (value === undefined) return 'nothing'
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  if (secret === 'whole') return `**** (${shown.length} characters)`
  return JSON.stringify(secret === 'password' ? maskPassword(shown) : value)
}

/**
 * Replaces the password of an address, in its user part and in its query. What does not read as an address, or has an `@`
 * beyond its host (the mark of a password that was not percent-encoded), is masked whole.
 */
export function maskPassword(address: string): string {
  if (!/^[a-z]+:\/\/[^/?#]*([/?][^@#]*)?$/i.test(address) || !URL.canParse(address)) return '****'
  const inUser = address.replace(/^([a-z]+:\/\/[^/?#]*?:)[^/?#]*(@)/i, '$1****$2')
  return inUser.replace(/([?&](?:ssl)?password=)[^&]*/gi, '$1****')
}

/**
 * Collects the raw settings: `config/defaults.json`, then the configuration file, then the environment, the last one
 * winning. An empty variable counts as unset. Unknown names are problems, as are unreadable files.
 */
export function findSettings(settings: readonly Setting[], env: Environment, cwd: string): Found {
  const values = new Map<string, unknown>()
  const found = {
    values,
    defaults: values,
    sources: new Map<string, string>(),
    problems: unknownVariables(settings, env),
  }
  const defaults = readTree(join(packageRoot(), 'config', 'defaults.json'))
  if (defaults === undefined) throw new Error('config/defaults.json is missing from the installation, or is not JSON')
  addTree(found, settings, defaults, 'default')
  found.defaults = new Map(values)
  const file = env[CONFIG_FILE.env]?.trim()
  if (file) addFile(found, settings, resolve(cwd, file))
  for (const setting of settings) addVariable(found, setting, env, cwd)
  return found
}

function addFile(found: Found, settings: readonly Setting[], file: string): void {
  const tree = readTree(file)
  if (tree === undefined) {
    const { env, wanted, example } = CONFIG_FILE
    found.problems.push({ setting: env, got: JSON.stringify(file), wanted, example: `${env}=${example}` })
    return
  }
  found.problems.push(...unknownKeys(settings, tree, file))
  addTree(found, settings, tree, file)
}

function readTree(file: string): Tree | undefined {
  try {
    const tree: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isTree(tree) ? tree : undefined
  } catch {
    return undefined
  }
}

function addTree(found: Found, settings: readonly Setting[], tree: Tree, source: string): void {
  for (const { env, path, envOnly } of settings) {
    const section = Object.hasOwn(tree, path[0]) ? tree[path[0]] : undefined
    if (envOnly || !isTree(section) || !Object.hasOwn(section, path[1])) continue
    found.values.set(env, section[path[1]])
    found.sources.set(env, source)
  }
}

function unknownKeys(settings: readonly Setting[], tree: Tree, file: string): ConfigProblem[] {
  const inFile = settings.filter(({ envOnly }) => envOnly !== true)
  const known = inFile.map(({ path }) => path.join('.'))
  const sections = new Set(inFile.map(({ path }) => path[0]))
  const keys = Object.entries(tree).flatMap(([section, part]) =>
    isTree(part) && sections.has(section) ? Object.keys(part).map((name) => `${section}.${name}`) : [section],
  )
  return keys.filter((key) => !known.includes(key)).map((key) => unknownKey(settings, known, key, file))
}

function unknownKey(settings: readonly Setting[], known: string[], key: string, file: string): ConfigProblem {
  const setting = `${key} in ${file}`
  const onlyInEnv = settings.find(({ path }) => path.join('.') === key)
  if (onlyInEnv !== undefined) {
    const { env } = onlyInEnv
    return { setting, got: 'a secret', wanted: `it in ${env} or ${env}_FILE, never in the configuration file` }
  }
  return {
    setting,
    got: 'an unknown setting',
    wanted: `a setting of config/defaults.json; the nearest is ${nearest(key, known)}`,
  }
}

function addVariable(found: Found, setting: Setting, given: Environment, cwd: string): void {
  const { env: name, secret, wanted } = setting
  const alias = aliasOf(setting, given)
  const env = alias === undefined ? given : { [name]: given[alias], [`${name}_FILE`]: given[`${alias}_FILE`] }
  const value = secret === undefined ? env[name]?.trim() : env[name]?.replace(/\r?\n$/, '')
  if (value) {
    found.values.set(name, value)
    found.sources.set(name, alias ?? 'environment')
  }
  const file = secret === undefined ? undefined : env[`${name}_FILE`]?.trim()
  if (!file) return
  const problem = {
    setting: `${name}_FILE`,
    got: JSON.stringify(file),
    example: `${name}_FILE=/run/secrets/${name.toLowerCase()}`,
  }
  if (value) {
    found.problems.push({
      ...problem,
      got: `${problem.got} beside ${name}`,
      wanted: `only one of ${name} and ${name}_FILE`,
    })
    return
  }
  const content = readSecret(resolve(cwd, file))
  if (content) {
    found.values.set(name, content)
    found.sources.set(name, resolve(cwd, file))
  } else found.problems.push({ ...problem, wanted: `a readable file that holds ${wanted}` })
}

/** The other name under which a setting is given, where it is not under its own. */
function aliasOf({ env: name, aliases = [], secret }: Setting, given: Environment): string | undefined {
  const isGiven = (each: string): boolean =>
    Boolean(given[each]?.trim()) || (secret !== undefined && Boolean(given[`${each}_FILE`]?.trim()))
  return isGiven(name) ? undefined : aliases.find(isGiven)
}

function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '')
  } catch {
    return undefined
  }
}

function unknownVariables(settings: readonly Setting[], env: Environment): ConfigProblem[] {
  const known = [CONFIG_FILE, ...settings].flatMap(({ env: name, secret }) =>
    secret ? [name, `${name}_FILE`] : [name],
  )
  const own = known.filter((name) => name.startsWith('ROLLCALL_'))
  return Object.keys(env)
    .filter((name) => name.startsWith('ROLLCALL_') && !known.includes(name) && !isInjected(name, env))
    .sort()
    .map((name) => ({
      setting: name,
      got: 'an unknown variable',
      wanted: `a known name; the nearest is ${nearest(name, own)}`,
    }))
}

/**
 * Kubernetes puts `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_…` and their like into every container of a namespace: for a
 * service called `rollcall`, and as well for one called `rollcall-db`, told by its `…_SERVICE_HOST`.
 */
function isInjected(name: string, env: Environment): boolean {
  if (/^ROLLCALL_(SERVICE_|PORT$|PORT_)/.test(name)) return true
  for (const match of name.matchAll(/_(?=(?:SERVICE|PORT)(?:_|$))/g)) {
    if (env[`${name.slice(0, match.index)}_SERVICE_HOST`] !== undefined) return true
  }
  return false
}

function nearest(name: string, known: readonly string[]): string {
  const ranked = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
  return ranked.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}
