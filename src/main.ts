#!/usr/bin/env node
import { once } from 'node:events'
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
import type { Gateway } from './gateway.ts'
import { assertStoreExists, connect, listMigrations, migrateChecked } from './opened-store.ts'
import { withOperator } from './operator.ts'
import { StartError } from './start-error.ts'
import type { StoreConnections } from './storage/store.ts'

const EXIT_FAILURE = 1

function out(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`)
}

function err(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`)
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

const config = lazily(() => loadConfig())

const ports: CommandPorts = {
  out,
  err,
  write,
  settings: () => describeConfig(config()),
  publicUrl: () => config().server.publicUrl,
  serve: (show) => serve(config(), show),
  migrate: () => withConnections((connections) => migrateChecked(config(), connections)),
  async migrationStatus() {
    assertStoreExists(config())
    return withConnections((connections) => listMigrations(config(), connections))
  },
  async withStore(run, use) {
    if (use?.mayCreate !== true) assertStoreExists(config())
    return withOperator(config(), { warn, keyMade: (file) => err(keyMadeText(file)) }, run)
  },
}

async function withConnections<T>(run: (connections: StoreConnections) => Promise<T>): Promise<T> {
  const connections = connect(config(), warn)
  try {
    return await run(connections)
  } finally {
    await connections.close()
  }
}

function warn(error: Error): void {
  err(`warning: ${error.message}`)
}

/** Serves until the first SIGTERM or SIGINT, then drains; the second one cuts what is left. */
async function serve(settings: Config, show: (started: Started) => void): Promise<void> {
  // Only a server needs what is behind these, and loading it takes longer than most commands.
  const { createLogger } = await import('./http/logging.ts')
  const { startGateway } = await import('./gateway.ts')
  const logger = createLogger(settings.log.level)
  process.on('unhandledRejection', (error) => {
    // Nothing is half-applied, since every change is a transaction; the supervisor starts a fresh process.
    logger.fatal({ err: error }, 'unhandled rejection')
    process.exit(EXIT_FAILURE)
  })
  // Asked for before the start is through, it is answered once it is: the first process of a container gets no
  // signal that it has not asked for.
  const signals = signalQueue()
  const gateway = await startGateway(settings, logger)
  show(startedOf(gateway))
  await new Promise<void>((resolve, reject) => {
    signals.onEach((signal) => {
      logger.info({ signal }, 'stopping')
      gateway.stop().then((result) => {
        logger.info({ result }, 'stopped')
        resolve()
      }, reject)
    })
  })
}

interface SignalQueue {
  /** Hears the signals that came before, too. */
  onEach(hear: (signal: string) => void): void
}

function signalQueue(): SignalQueue {
  const early: string[] = []
  let hear: (signal: string) => void = (signal) => early.push(signal)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => hear(signal))
  return {
    onEach(listener) {
      hear = listener
      early.forEach(listener)
    },
  }
}

function startedOf({ publicUrl, opened, firstToken, notice, firstKey, keyNotice }: Gateway): Started {
  return {
    ...{ scimUrl: `${publicUrl}/scim/v2`, masterKeyFile: opened.keyMadeAt },
    ...{ firstToken, notice, firstKey, keyNotice },
  }
}

/** Ends with the status that the error asks for, and a sentence instead of a stack for what the operator can mend. */
function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode
    return
  }
  process.exitCode =
    error instanceof StartError ? error.exitCode : error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILURE
  if (error instanceof ConfigError) err(`rollcall: ${error.message}`)
  else if (isExpected(error)) err(`rollcall: ${printable(error.message)}`)
  else err(`rollcall: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
}

function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error instanceof StartError || error instanceof DomainError || error.name === 'DemoError'
}

/** A reader that has seen enough, such as `head`, ends a command without an error; a gateway serves on. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (process.argv[2] !== 'serve') process.exit()
    })
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

endWithReader()
try {
  await createProgram(ports, version()).parseAsync()
} catch (error) {
  fail(error)
}
