import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { printable, printableLines } from './cli/output.ts'
import type { CommandPorts, Started } from './cli/ports.ts'
import { createProgram } from './cli/program.ts'
import { keyMadeText } from './cli/store-commands.ts'
import { describeConfig } from './config-text.ts'
import { type Config, ConfigError, EXIT_CONFIG, loadConfig, packageRoot } from './config.ts'
import { DomainError } from './domain/errors.ts'
import { assertStoreExists, connect, listMigrations, migrateChecked } from './opened-store.ts'
import { operation, withOperator } from './operator.ts'
import { restoreBackup } from './restore.ts'
import { StartError } from './start-error.ts'
import type { StoreConnections } from './storage/store.ts'

const EXIT_FAILURE = 1

/** What a command line is given by the process that runs it. */
export interface CommandLineHost {
  /** Where the settings are read; the environment of the process if absent. */
  readonly env?: NodeJS.ProcessEnv
  /** Writes text to standard output as it is. */
  readonly out: (text: string) => void
  /** Writes text to standard error as it is. */
  readonly err: (text: string) => void
  /** Writes a piece of a file to standard output as it is; resolves when the reader has room for the next one. */
  readonly write: (text: string) => Promise<void>
  /** Serves until the process is told to stop. @param show told once what the operator needs after the start */
  readonly serve: (config: Config, show: (started: Started) => void) => Promise<void>
}

/**
 * Runs `rollcall <args>` to its end. What an operator can mend is a sentence on standard error instead of a stack.
 *
 * @returns the exit status: 0, what commander asks for on wrong usage, that of a bad setting or a refused start, else 1
 */
export async function runCommandLine(args: readonly string[], host: CommandLineHost): Promise<number> {
  try {
    await createProgram(portsOf(host), version()).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    host.err(`${printableLines(`rollcall: ${reason(error)}`)}\n`)
    if (error instanceof StartError) return error.exitCode
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILURE
  }
}

function reason(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (isExpected(error)) return printable(error.message)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error instanceof StartError || error instanceof DomainError || error.name === 'DemoError'
}

function portsOf({ env, write, serve, ...host }: CommandLineHost): CommandPorts {
  const config = lazily(() => loadConfig(env))
  const out = (text: string): void => host.out(`${printableLines(text)}\n`)
  const err = (text: string): void => host.err(`${printableLines(text)}\n`)
  const warn = (error: Error): void => err(`warning: ${error.message}`)
  const withConnections = async <T>(run: (connections: StoreConnections) => Promise<T>): Promise<T> => {
    const connections = connect(config(), warn)
    try {
      return await run(connections)
    } finally {
      await connections.close()
    }
  }
  return {
    ...{ out, err, write },
    settings: () => describeConfig(config()),
    publicUrl: () => config().server.publicUrl,
    serve: (show) => serve(config(), show),
    migrate: () => withConnections((connections) => migrateChecked(config(), connections)),
    async migrationStatus() {
      assertStoreExists(config())
      return withConnections((connections) => listMigrations(config(), connections))
    },
    restore: (request) => restoreBackup(config(), operation(), request),
    async withStore(run, use) {
      if (use?.mayCreate !== true) assertStoreExists(config())
      return withOperator(config(), { warn, keyMade: (file) => err(keyMadeText(file)) }, run)
    },
  }
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return text
}
