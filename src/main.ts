#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import type { CommandPorts } from './cli/ports.ts'
import { createProgram } from './cli/program.ts'
import { describeConfig } from './config-text.ts'
import { type Config, ConfigError, EXIT_CONFIG, loadConfig, packageRoot } from './config.ts'
import { DomainError } from './domain/errors.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { createLogger } from './http/logging.ts'
import { checkMasterKey, connect } from './opened-store.ts'
import { withOperator } from './operator.ts'
import { StartError } from './start-error.ts'

const EXIT_FAILURE = 1

function out(text: string): void {
  process.stdout.write(`${text}\n`)
}

function err(text: string): void {
  process.stderr.write(`${text}\n`)
}

const config = lazily(() => loadConfig())

const ports: CommandPorts = {
  out,
  err,
  settings: () => describeConfig(config()),
  publicUrl: () => config().server.publicUrl,
  serve: () => serve(config()),
  async migrate() {
    const connections = connect(config(), warn)
    try {
      await checkMasterKey(config(), connections)
      return await connections.migrate()
    } finally {
      await connections.close()
    }
  },
  async migrationStatus() {
    const connections = connect(config(), warn)
    try {
      return await connections.migrationStatus()
    } finally {
      await connections.close()
    }
  },
  withStore: (run) => withOperator(config(), warn, run),
}

function warn(error: Error): void {
  err(`warning: ${error.message}`)
}

/** Serves until the first SIGTERM or SIGINT, then drains; the second one cuts what is left. */
async function serve(settings: Config): Promise<void> {
  const logger = createLogger(settings.log.level)
  process.on('unhandledRejection', (error) => {
    // Nothing is half-applied, since every change is a transaction; the supervisor starts a fresh process.
    logger.fatal({ err: error }, 'unhandled rejection')
    process.exit(EXIT_FAILURE)
  })
  const gateway = await startGateway(settings, logger)
  announce(gateway)
  await new Promise<void>((resolve, reject) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        logger.info({ signal }, 'stopping')
        gateway.stop().then((result) => {
          logger.info({ result }, 'stopped')
          resolve()
        }, reject)
      })
    }
  })
}

/** What a person needs after a start; the token is shown this once and is nowhere in the log. */
function announce({ publicUrl, firstToken, opened }: Gateway): void {
  out(`SCIM base URL: ${publicUrl}/scim/v2`)
  if (opened.keyMadeAt !== undefined) {
    out(`Master key made in ${opened.keyMadeAt} (mode 600): keep a copy apart from the store; without it the store cannot be read`)
  }
  if (firstToken !== undefined) out(`First token, shown this once: ${firstToken}`)
}

/** Ends with the status that the error asks for, and a sentence instead of a stack for what the operator can mend. */
function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode
    return
  }
  process.exitCode = error instanceof StartError ? error.exitCode : error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILURE
  const expected = [StartError, ConfigError, DomainError].some((kind) => error instanceof kind)
  if (expected || (error instanceof Error && error.name === 'DemoError')) err(`rollcall: ${(error as Error).message}`)
  else err(`rollcall: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return text
}

try {
  await createProgram(ports, version()).exitOverride().parseAsync()
} catch (error) {
  fail(error)
}
