import { z } from 'zod'
import { isAsked } from '../audit/log-query.ts'
import { DomainError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import type { Sink, SinkKind } from '../domain/sink.ts'
import type { SyslogSettings } from './syslog.ts'

const actions = z
  .array(
    z.string().regex(/^[a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)?$/, 'is no action such as user.create, or a thing: user'),
  )
  .max(50)
  .optional()
  .meta({ description: 'Only these actions, or all of a thing: user.create, user. Default: every record' })

const url = z.string().max(2_048)
const audience = z.string().min(1).max(500).optional().meta({ description: '`aud` of the tokens' })

/** The config of a receiver, by kind, as admins give it. */
export const SINK_CONFIGS = {
  webhook: z.strictObject({ url, actions }),
  syslog: z.strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9_.:-]+$/, 'is no host name and no address'),
    port: z.number().int().min(1).max(65_535).default(6_514),
    tls: z.boolean().default(true),
    ca: z.string().max(100_000).optional().meta({ description: 'PEM of the authority of its certificate' }),
    form: z.enum(['json', 'cef']).default('json'),
    facility: z.number().int().min(0).max(23).default(13),
    actions,
  }),
  push: z.strictObject({ url, audience, actions }),
  poll: z.strictObject({ audience, actions }),
} as const satisfies Readonly<Record<SinkKind, z.ZodType>>

/**
 * The config of a receiver in its full form.
 * @param addressProblem what is wrong with an address, before its name is resolved
 * @throws DomainError `invalid-value` naming what is wrong
 */
export function checkedSinkConfig(
  kind: SinkKind,
  given: JsonObject,
  addressProblem: (url: string) => string | undefined,
): JsonObject {
  const result = SINK_CONFIGS[kind].safeParse(given)
  if (!result.success) {
    const [issue] = result.error.issues
    const path = issue?.path.join('/') ?? ''
    const unknown = issue?.code === 'unrecognized_keys' ? `There is no ${issue.keys[0]} here` : undefined
    throw invalid(path, unknown ?? `${path}: ${issue?.message ?? 'is not valid'}`)
  }
  const config = result.data
  const problem = 'url' in config ? addressProblem(config.url) : undefined
  if (problem !== undefined) throw invalid('url', `url: ${problem}`)
  return JSON.parse(JSON.stringify(config)) as JsonObject
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('invalid-value', message, { reason: 'sink.invalid', params: { path: `/config/${path}` } })
}

/** Whether a receiver asked for a record. */
export function isWanted({ config }: Pick<Sink, 'config'>, record: Pick<StoredRecord, 'action' | 'body'>): boolean {
  const wanted = config['actions'] as readonly string[] | undefined
  return wanted === undefined || wanted.some((action) => isAsked({ action }, record))
}

/** The address of a receiver that is posted to. */
export function urlOf({ config }: Pick<Sink, 'config'>): string {
  return config['url'] as string
}

/** How a syslog server is reached. */
export function syslogOf({ config }: Pick<Sink, 'config'>): SyslogSettings {
  return config as unknown as SyslogSettings
}
