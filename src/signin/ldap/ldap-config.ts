import * as z from 'zod'
import { DomainError } from '../../domain/errors.ts'
import type { JsonObject } from '../../domain/json.ts'
import { ldapProblem, type LdapSettings, ldapSettings, type LdapWishes } from './ldap-settings.ts'

/** What is known of a directory beside its secret, as it is stored: in its full form. */
export type LdapConfig = Omit<LdapSettings, 'bindPassword'>

const MOST_TEXT = 1_000
const MOST_CA = 64 * 1024
const MOST_GROUPS = 500

const line = z
  .string()
  .trim()
  .min(1)
  .max(MOST_TEXT)
  .regex(/^\P{Cc}*$/u, 'holds a control character')

const wishes = z.strictObject({
  url: line,
  startTls: z.boolean().optional(),
  ca: z.string().max(MOST_CA).includes('-----BEGIN CERTIFICATE-----').optional(),
  bindDn: line.optional(),
  baseDn: line,
  filter: line.optional(),
  attributes: z
    .strictObject({
      ...{ id: line.optional(), userName: line.optional(), email: line.optional(), displayName: line.optional() },
      group: z.union([z.literal(''), line]).optional(),
    })
    .optional(),
  groupSearch: z.strictObject({ baseDn: line, filter: line, name: line }).optional(),
  allowedGroups: z.array(line).max(MOST_GROUPS).optional(),
  groupSync: z.boolean().optional(),
  emailVerified: z.boolean().optional(),
  timeoutMs: z.number().int().min(500).max(60_000).optional(),
})

/**
 * A config as it is stored, in its full form.
 * @param allowPlain permits passwords in the clear to another machine
 * @throws DomainError `invalid-value` naming the key
 */
export function readLdapConfig(given: JsonObject, allowPlain = false): LdapConfig {
  const read = wishes.safeParse(given)
  if (!read.success) {
    const [issue] = read.error.issues
    throw invalid(issue?.path.join('.') ?? '', issue?.message ?? 'is not right')
  }
  const settings = ldapSettings(read.data as LdapWishes)
  const problem = ldapProblem(settings, allowPlain)
  if (problem !== undefined) throw invalid(problem.split(/[ .]/)[0] ?? '', problem, '')
  return settings
}

function invalid(path: string, why: string, before = `${path}: `): DomainError {
  return new DomainError('invalid-value', `${before}${why}`, { reason: 'provider.invalid', params: { path } })
}
