import { DomainError } from '../domain/errors.ts'

/** Unique indexes a client's input can run into, by index name, and by SQLite's list of columns. */
const CONFLICTS: Readonly<Record<string, { readonly reason: string; readonly message: string }>> = {
  user_name: { reason: 'user.name-taken', message: 'A user with this userName exists already in this organisation' },
  user_owner_external: {
    reason: 'user.external-id-taken',
    message: 'A user with this externalId exists already for this connection',
  },
  group_name: {
    reason: 'group.name-taken',
    message: 'A group with this displayName exists already in this organisation',
  },
  group_owner_external: {
    reason: 'group.external-id-taken',
    message: 'A group with this externalId exists already for this connection',
  },
  custom_role_name: {
    reason: 'role.name-taken',
    message: 'A custom role of this name exists already in this organisation',
  },
  mapping_rule_match: {
    reason: 'rule.match-taken',
    message: 'A rule for this match exists already in this organisation',
  },
  connection_name: { reason: 'connection.name-taken', message: 'A connection of this name exists already' },
  org_name: { reason: 'org.name-taken', message: 'An organisation of this name exists already' },
  signin_provider_name: { reason: 'provider.name-taken', message: 'A way to sign in of this name exists already' },
  sink_name: { reason: 'sink.name-taken', message: 'A receiver of the log of this name exists already' },
  domain_claim_proved: {
    reason: 'domain.taken',
    message: 'Another organisation has proved that this domain is its own; ask its administrators to release it',
  },
  jwt_trust_pins: {
    reason: 'trust.taken',
    message: 'Another connection trusts this issuer and audience with the same pinned claims; pin another claim',
  },
}

const SQLITE_COLUMNS: Readonly<Record<string, string>> = {
  'user.org_id, user.username_key': 'user_name',
  'user.org_id, user.owner_connection_id, user.external_id': 'user_owner_external',
  'scim_group.org_id, scim_group.name_key': 'group_name',
  'scim_group.org_id, scim_group.owner_connection_id, scim_group.external_id': 'group_owner_external',
  'custom_role.org_id, custom_role.name': 'custom_role_name',
  'mapping_rule.org_id, mapping_rule.match_kind, mapping_rule.match_key, mapping_rule.connection_id':
    'mapping_rule_match',
  'connection.org_id, connection.name_key': 'connection_name',
  'org.name_key': 'org_name',
  'signin_provider.org_id, signin_provider.name_key': 'signin_provider_name',
  'sink.org_id, sink.name_key': 'sink_name',
  'domain_claim.domain_key': 'domain_claim_proved',
  'jwt_trust.issuer, jwt_trust.audience, jwt_trust.pin_key': 'jwt_trust_pins',
}

interface DriverError {
  readonly code: string
  readonly message: string
  readonly constraint?: string
}

function driverError(error: unknown): DriverError | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return error as Error & DriverError
  // pg gives its own time-outs and lost sockets no code.
  const lost =
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/
  return lost.test(error.message) ? { code: 'CONNECTION_LOST', message: error.message } : undefined
}

/** Whether the transaction may be run again as it is: a serialisation failure, a deadlock or a plan of an older schema. */
export function isRetryable(error: unknown): boolean {
  const code = driverError(error)?.code
  return code === '40001' || code === '40P01' || isStalePlan(error)
}

/** Whether a prepared statement would answer other columns than when it was prepared: its table was migrated since. */
export function isStalePlan(error: unknown): boolean {
  const driver = driverError(error)
  return driver?.code === '0A000' && driver.message.includes('cached plan')
}

/** Whether another process holds SQLite's write lock. */
export function isBusy(error: unknown): boolean {
  return driverError(error)?.code.startsWith('SQLITE_BUSY') ?? false
}

const OUTAGE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'CONNECTION_LOST',
  '25P03', // idle_in_transaction_session_timeout
  '53300', // too_many_connections
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
])

function isOutage(code: string): boolean {
  return (
    OUTAGE_CODES.has(code) ||
    code.startsWith('08') ||
    code.startsWith('57P') ||
    code === '40001' ||
    code === '40P01' ||
    /^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN|READONLY|CORRUPT|NOTADB)/.test(code)
  )
}

/**
 * The only reader of driver codes: unique violations become `uniqueness`, an outage or a lost race `unavailable`. Any
 * other error comes back as it is, since it is a bug.
 */
export function toDomainError(error: unknown): unknown {
  const driver = driverError(error)
  if (driver === undefined || error instanceof DomainError) return error
  const conflict = CONFLICTS[conflictName(driver) ?? '']
  if (conflict !== undefined) {
    return new DomainError('uniqueness', conflict.message, { reason: conflict.reason, cause: error })
  }
  return isOutage(driver.code) ? storeUnavailable(error) : error
}

/** What a client is told of an outage, whatever its cause. */
export function storeUnavailable(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The store is not available at the moment; try again', {
    reason: 'store.unavailable',
    retryAfter: 5,
    cause,
  })
}

function conflictName(error: DriverError): string | undefined {
  if (error.code === '23505') return error.constraint
  if (error.code !== 'SQLITE_CONSTRAINT_UNIQUE') return undefined
  const columns = /UNIQUE constraint failed: (.*)$/.exec(error.message)?.[1]
  return columns === undefined ? undefined : SQLITE_COLUMNS[columns]
}

type Method = (...parameters: unknown[]) => Promise<unknown>

/** The same group of stores, whose methods' driver errors leave as domain errors. */
export function translatingErrors<T extends object>(store: T): T {
  const members = Object.entries(store).map(([name, member]: readonly [string, unknown]) => {
    return [name, typeof member === 'function' ? translating(store, member as Method) : member] as const
  })
  return Object.fromEntries(members) as T
}

function translating(store: object, method: Method): Method {
  return async (...parameters) => {
    try {
      return await method.apply(store, parameters)
    } catch (error) {
      throw toDomainError(error)
    }
  }
}
