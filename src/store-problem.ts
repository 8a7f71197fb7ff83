import { type Config, EXIT_CONFIG } from './config.ts'
import { EXIT_DATA, EXIT_UNAVAILABLE, StartError } from './start-error.ts'

/** What PostgreSQL says of settings that cannot work, by SQLSTATE. */
const REFUSED: Readonly<Record<string, string>> = {
  '28P01': 'refused the password of DATABASE_URL',
  '28000': 'refused the user of DATABASE_URL',
  '3D000': 'has no such database; make it first',
  '42501': 'does not allow the user of DATABASE_URL what is needed; grant it',
}

/**
 * An error of opening the store as a sentence for the operator: what cannot be opened, why, and which setting says so.
 * @returns a StartError, or the error as it is when it is none that an operator can mend
 */
export function explainStoreError(config: Config, error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined || error instanceof StartError) return error
  return config.database.url === undefined
    ? explainFile(config.database.dataDir, code, error)
    : explainServer(new URL(config.database.url), code, error)
}

/** A store that is served no more: what is wrong with it. */
export function damagedStore(dataDir: string, problem: string, cause?: unknown): StartError {
  return new StartError(
    EXIT_DATA,
    `The store in ${dataDir} is damaged and is not served: ${problem}. Restore a backup`,
    cause,
  )
}

/** The driver's or the system's code, also where a domain error stands before it. */
function codeOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && /^[A-Z0-9_]+$/.test(code)) return code
    // pg's own time-outs and lost sockets have no code.
    if (/timeout|terminated/i.test(at.message)) return 'ETIMEDOUT'
  }
  return undefined
}

function explainFile(dataDir: string, code: string, error: unknown): unknown {
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return damagedStore(dataDir, 'it is not a SQLite database or is damaged', error)
  }
  if (/^SQLITE_BUSY/.test(code)) {
    return new StartError(EXIT_UNAVAILABLE, `The store in ${dataDir} is in use by another process; try again`, error)
  }
  if (!/^(SQLITE_(CANTOPEN|READONLY|PERM|FULL|IOERR)|E[A-Z]+$)/.test(code)) return error
  return new StartError(
    EXIT_CONFIG,
    `The store in ${dataDir} cannot be opened (${code}): check ROLLCALL_DATA_DIR and who may write there`,
    error,
  )
}

function explainServer(url: URL, code: string, error: unknown): unknown {
  const server = `PostgreSQL at ${url.host}${url.pathname}`
  const refused = REFUSED[code]
  if (refused !== undefined) return new StartError(EXIT_CONFIG, `${server} ${refused} (${code})`, error)
  if (!/^(E(?!RR_)[A-Z_]+|CONNECTION_LOST|08...|57P..|53...)$/.test(code)) return error
  return new StartError(
    EXIT_UNAVAILABLE,
    `${server} cannot be reached (${code}): check DATABASE_URL and whether the server runs`,
    error,
  )
}
