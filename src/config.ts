import { isIP } from 'node:net'
import { resolve } from 'node:path'
import * as z from 'zod'
import { ConfigError, findSettings, showValue } from './config-sources.ts'
import type { ConfigProblem, Found, Setting } from './config-sources.ts'
import {
  flag,
  host,
  isLoopback,
  key32,
  mailAddress,
  nameServers,
  postgresAddress,
  smtpAddress,
  text,
  trustedProxies,
  webAddress,
  whole,
  word,
} from './config-values.ts'
import { about, FLAG_WANTED, KEY_WANTED } from './config-about.ts'
import { bootstrap } from './config-bootstrap.ts'
import { delivery } from './config-delivery.ts'
import { halfDirectory, ldapSection } from './config-ldap.ts'
import { halfProvider, oidc } from './config-oidc.ts'

export { ConfigError, packageRoot } from './config-sources.ts'
export type { ConfigProblem } from './config-sources.ts'

/** Exit status of a start that the configuration forbids (`EX_CONFIG` of sysexits.h). */
export const EXIT_CONFIG = 78

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const server = z.object({
  port: whole(0, 65_535).register(about, {
    env: 'PORT',
    wanted: 'a whole number from 0 to 65535',
    example: '8080',
    description: 'TCP port to listen on; 0 takes a free one',
  }),
  host: host().register(about, {
    env: 'HOST',
    wanted: 'an IP address or host name of this machine, IPv6 without brackets',
    example: '127.0.0.1',
    description: 'Address to listen on; beyond loopback PUBLIC_URL must be https:// (or ALLOW_HTTP set)',
  }),
  publicUrl: webAddress().optional().register(about, {
    env: 'PUBLIC_URL',
    wanted: 'an https:// address without credentials, query or fragment (http:// only on loopback or with ALLOW_HTTP)',
    example: 'https://rollcall.example.com',
    description: 'Address under which clients reach the gateway; by default http://HOST:PORT',
  }),
  allowHttp: flag().register(about, {
    env: 'ALLOW_HTTP',
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Serve plain http:// beyond loopback; tokens then cross the network readable',
  }),
  trustProxy: trustedProxies().optional().register(about, {
    env: 'TRUST_PROXY',
    wanted: 'a number of proxy hops, or a comma-separated list of addresses and CIDR ranges',
    example: '10.0.0.0/8',
    description: 'Proxies whose X-Forwarded-For is believed; by default none',
  }),
  requestTimeoutMs: whole(1_000, 3_600_000).register(about, {
    env: 'ROLLCALL_REQUEST_TIMEOUT_MS',
    wanted: 'a whole number of milliseconds from 1000 to 3600000',
    example: '30000',
    description: 'Longest time to receive one request, in milliseconds',
  }),
  drainMs: whole(0, 600_000).register(about, {
    env: 'ROLLCALL_DRAIN_MS',
    wanted: 'a whole number of milliseconds from 0 to 600000',
    example: '8000',
    description: 'Longest time that requests in flight get at SIGTERM, in milliseconds',
  }),
})

const database = z.object({
  url: postgresAddress().optional().register(about, {
    env: 'DATABASE_URL',
    wanted:
      'a postgres:// or postgresql:// address with its password percent-encoded, or nothing for the embedded store',
    example: 'postgres://rollcall@db.example.com/rollcall',
    description: 'PostgreSQL store; without it the embedded SQLite store in ROLLCALL_DATA_DIR is used',
    secret: 'password',
  }),
  pool: whole(1, 500).register(about, {
    env: 'ROLLCALL_DATABASE_POOL',
    wanted: 'a whole number from 1 to 500',
    example: '10',
    description: 'PostgreSQL connections per instance',
  }),
  dataDir: text().register(about, {
    env: 'ROLLCALL_DATA_DIR',
    wanted: 'a folder',
    example: './data',
    description: 'Folder of the embedded store and its master key, made at first start',
  }),
})

const keys = z.object({
  master: key32().optional().register(about, {
    env: 'ROLLCALL_MASTER_KEY',
    wanted: KEY_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'Key that wraps every other key; asked for with PostgreSQL, else made in ROLLCALL_DATA_DIR',
    secret: 'whole',
    envOnly: true,
  }),
})

const auth = z.object({
  failuresPerMinute: whole(1, 100_000).register(about, {
    env: 'ROLLCALL_AUTH_FAILURES_PER_MINUTE',
    wanted: 'a whole number from 1 to 100000',
    example: '20',
    description: 'Failed credentials per minute and source after which 429 answers further failures',
  }),
  allowPrivateIssuers: flag().register(about, {
    env: 'ALLOW_PRIVATE_ISSUERS',
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Fetch token issuers and their keys from private addresses, and over http:// from loopback',
  }),
})

const signIn = z.object({
  disableProvisioning: flag().register(about, {
    env: 'DISABLE_SSO_PROVISIONING',
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Never make a person at the first sign-in; provisioning over SCIM goes on',
  }),
  localRestore: flag().register(about, {
    env: 'LOCAL_RESTORE',
    wanted: FLAG_WANTED,
    example: 'false',
    description:
      'Way back in: each start prints a one-time set-up URL, and passwords work where single sign-on is required',
  }),
  dnsServers: nameServers().optional().register(about, {
    env: 'ROLLCALL_DNS_SERVERS',
    wanted: 'a comma-separated list of IP addresses, each with a port if it is not 53',
    example: '9.9.9.9, 149.112.112.112',
    description: 'Name servers that are asked for the proofs of domains; by default those of the machine',
  }),
  passwordCost: whole(14, 20).register(about, {
    env: 'ROLLCALL_PASSWORD_COST',
    wanted: 'a whole number from 14 to 20',
    example: '17',
    description: 'How slow passwords are to guess: scrypt with N of 2 to this power; 17 takes 128 MiB for a moment',
  }),
})

const session = z.object({
  hours: whole(1, 8_760).register(about, {
    env: 'SESSION_LENGTH',
    wanted: 'a whole number of hours from 1 to 8760',
    example: '720',
    description: 'Hours after which whoever is signed in must sign in again',
  }),
  idleHours: whole(1, 8_760).register(about, {
    env: 'ROLLCALL_SESSION_IDLE_HOURS',
    wanted: 'a whole number of hours from 1 to 8760',
    example: '72',
    description: 'Hours without a click after which whoever is signed in must sign in again',
  }),
})

const mail = z.object({
  smtpUrl: smtpAddress().optional().register(about, {
    env: 'SMTP_URL',
    wanted: 'an smtp:// or smtps:// address with its user and password, if any, percent-encoded',
    example: 'smtp://rollcall@mail.example.com:587',
    description: 'Mail server for invitations, password resets and notices; without it links are shown to be copied',
    secret: 'password',
  }),
  smtpPassword: text().optional().register(about, {
    env: 'SMTP_PASSWORD',
    wanted: 'the password of the user of SMTP_URL',
    example: 'as the mail server knows it',
    description: 'Password at the mail server, in place of one in SMTP_URL',
    secret: 'whole',
    envOnly: true,
  }),
  smtpAllowPlain: flag().register(about, {
    env: 'SMTP_ALLOW_PLAIN',
    wanted: FLAG_WANTED,
    example: 'false',
    description: 'Hand mail to a server beyond loopback without TLS; links in it then cross the network readable',
  }),
  from: mailAddress().optional().register(about, {
    env: 'MAIL_FROM',
    wanted: 'a plain e-mail address',
    example: 'rollcall@example.com',
    description: 'Address that mail is sent from; asked for with SMTP_URL',
  }),
})

const scim = z.object({
  fastRoutes: flag().register(about, {
    env: 'ROLLCALL_FAST_ROUTES',
    wanted: FLAG_WANTED,
    example: 'true',
    description: 'Take the hot SCIM routes ahead of the general router; answers are the same',
  }),
})

const log = z.object({
  level: word(LEVELS).register(about, {
    env: 'LOG_LEVEL',
    wanted: LEVELS.join(', '),
    example: 'info',
    description: 'Least severe process log line that is written',
  }),
  key: key32().optional().register(about, {
    env: 'ROLLCALL_LOG_KEY',
    wanted: KEY_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'Seed of the key that signs checkpoints of the provisioning log; else made of the master key',
    secret: 'whole',
    envOnly: true,
  }),
  previousKey: key32().optional().register(about, {
    env: 'ROLLCALL_LOG_KEY_PREVIOUS',
    wanted: KEY_WANTED,
    example: '$(openssl rand -hex 32)',
    description: 'The log key before a change of it, which vouches for the new one once',
    secret: 'whole',
    envOnly: true,
  }),
  checkpointFile: text().optional().register(about, {
    env: 'ROLLCALL_CHECKPOINT_FILE',
    wanted: 'a file on another disk or machine than the database',
    example: '/mnt/audit/rollcall-checkpoints.ndjson',
    description: 'File that checkpoints of the provisioning log are added to, and held against at each start',
  }),
  packDir: text().optional().register(about, {
    env: 'ROLLCALL_PACK_DIR',
    wanted: 'a folder that is kept as long as the evidence is wanted',
    example: '/mnt/audit/packs',
    description: 'Folder for evidence packs of records that are older than log.keepDays; without it none is purged',
  }),
})

const schema = z.object({
  server,
  database,
  keys,
  bootstrap,
  auth,
  signIn,
  oidc,
  ldap: ldapSection,
  session,
  mail,
  scim,
  log,
  delivery,
})
type Settings = z.output<typeof schema>

/** Every setting of the schema in its order; `ROLLCALL_CONFIG_FILE`, which is read before it, is not among them. */
export const SETTINGS: readonly Setting[] = Object.entries(schema.shape).flatMap(([section, part]) =>
  Object.entries(part.shape).map(([name, leaf]): Setting => {
    const info = about.get(leaf)
    if (info === undefined) throw new Error(`the setting ${section}.${name} is not described`)
    return { ...info, path: [section, name] }
  }),
)

type Frozen<T> = { readonly [K in keyof T]: Readonly<T[K]> }

/**
 * The effective configuration, frozen. `server.publicUrl` is always there and has no trailing slash,
 * `database.dataDir` is absolute, `keys.master` is 32 bytes. `sources` says by variable where a value came from:
 * `default`, `environment`, or the path of a file; a setting without a value has no source.
 */
export type Config = Frozen<Omit<Settings, 'server'> & { server: Settings['server'] & { publicUrl: string } }> & {
  readonly sources: Readonly<Record<string, string>>
}

/** Where `loadConfig` reads: `cwd` is the folder that relative paths start from, by default the working directory. */
export interface LoadOptions {
  cwd?: string
}

/**
 * Reads the configuration: `config/defaults.json`, the file that `ROLLCALL_CONFIG_FILE` names, the environment; the last
 * one wins and an empty variable counts as unset.
 *
 * @throws ConfigError with every problem at once; the process should then end with `EXIT_CONFIG`
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, { cwd = process.cwd() }: LoadOptions = {}): Config {
  const found = findSettings(SETTINGS, env, cwd)
  const wrong = wrongValues(found)
  for (const { setting } of wrong) found.values.set(setting, found.defaults.get(setting))
  const settings = schema.parse(toTree(found))
  const blamed = new Set([...found.problems, ...wrong].map(({ setting }) => setting.replace(/_FILE$/, '')))
  const clashes = contradictions(settings).filter(({ setting }) => !blamed.has(setting))
  const problems = [...found.problems, ...wrong, ...clashes]
  if (problems.length > 0) throw new ConfigError(problems)
  return freeze({
    ...settings,
    server: { ...settings.server, publicUrl: settings.server.publicUrl ?? ownAddress(settings.server) },
    database: { ...settings.database, dataDir: resolve(cwd, settings.database.dataDir) },
    log: { ...settings.log, ...atFolder(settings.log, cwd) },
    sources: { PUBLIC_URL: 'default', ...Object.fromEntries(found.sources) },
  })
}

/** Relative paths start from the folder. */
function atFolder({ checkpointFile, packDir }: Settings['log'], cwd: string): Partial<Settings['log']> {
  const at = (path: string) => resolve(cwd, path)
  return {
    ...(checkpointFile === undefined ? {} : { checkpointFile: at(checkpointFile) }),
    ...(packDir === undefined ? {} : { packDir: at(packDir) }),
  }
}

function toTree({ values }: Found): Record<string, Record<string, unknown>> {
  const tree: Record<string, Record<string, unknown>> = {}
  for (const { env, path } of SETTINGS) {
    const section = (tree[path[0]] ??= {})
    const value = values.get(env)
    if (value !== undefined) section[path[1]] = value
  }
  return tree
}

function wrongValues(found: Found): ConfigProblem[] {
  const issues = schema.safeParse(toTree(found)).error?.issues ?? []
  const paths = new Set(issues.map(({ path }) => path.slice(0, 2).join('.')))
  return SETTINGS.filter(({ path }) => paths.has(path.join('.'))).map((setting) => {
    const { env, wanted, secret } = setting
    const source = found.sources.get(env)
    const got = showValue(found.values.get(env), secret)
    return {
      setting: env,
      got: source === undefined || source === 'environment' ? got : `${got} from ${source}`,
      wanted,
      example: `${env}=${setting.example}`,
    }
  })
}

/** What no single setting shows: values that are good alone and wrong together. */
function contradictions({
  server: { host: name, ...own },
  database: store,
  keys: { master },
  mail: { smtpUrl, from },
  oidc: provider,
  ldap,
}: Settings): ConfigProblem[] {
  const problems: ConfigProblem[] = [...halfProvider(provider), ...halfDirectory(ldap)]
  const address = own.publicUrl ?? ownAddress({ host: name, port: own.port })
  const local = isLoopback(name) && isLoopback(new URL(address).hostname)
  if (address.startsWith('http:') && !own.allowHttp && !local) {
    const reach = isLoopback(name) ? '' : ` because HOST ${name} is reached from other machines`
    problems.push({
      setting: 'PUBLIC_URL',
      got: own.publicUrl === undefined ? `nothing, which means ${address}` : JSON.stringify(address),
      wanted: `an https:// address${reach}, or ALLOW_HTTP=true where something else protects the traffic (RFC 7644 §7.2)`,
      example: 'PUBLIC_URL=https://rollcall.example.com',
    })
  }
  if (store.url !== undefined && master === undefined) {
    problems.push({
      setting: 'ROLLCALL_MASTER_KEY',
      got: 'nothing',
      wanted:
        'it (or ROLLCALL_MASTER_KEY_FILE) beside DATABASE_URL, the same for every instance and kept outside the database',
      example: 'ROLLCALL_MASTER_KEY=$(openssl rand -hex 32)',
    })
  }
  if (smtpUrl !== undefined && from === undefined) {
    problems.push({
      setting: 'MAIL_FROM',
      got: 'nothing',
      wanted: 'a plain e-mail address beside SMTP_URL, one that the mail server lets this gateway send from',
      example: 'MAIL_FROM=rollcall@example.com',
    })
  }
  return problems
}

/** The address of the listener itself. All interfaces have no address of their own; this machine reaches them as localhost. */
function ownAddress({ host: name, port }: { host: string; port: number }): string {
  const reachable = name === '0.0.0.0' || name === '::' ? 'localhost' : name
  return `http://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${port}`
}

function freeze(config: Config): Config {
  for (const section of Object.values(config)) Object.freeze(section)
  return Object.freeze(config)
}
