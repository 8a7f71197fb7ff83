#!/usr/bin/env node
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import type { Started } from './cli/ports.ts'
import { runCommandLine } from './command-line.ts'
import type { Config } from './config.ts'

const EXIT_FAILURE = 1

/**
 * How much the heap may grow on what was in use before it is collected, percent. Left to itself the engine takes two to
 * four times that on a machine with much memory, nearly all of it garbage of requests long answered, or of lines long read.
 */
const HEAP_GROWING_PERCENT = 60

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Serves until the first SIGTERM or SIGINT, then drains; the second one cuts what is left. */
async function serve(settings: Config, show: (started: Started) => void): Promise<void> {
  // Only a server needs what is behind these, and loading it takes longer than most commands.
  const { createLogger } = await import('./http/logging.ts')
  const { startedOf, startGateway } = await import('./gateway.ts')
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

/** A reader that has seen enough, such as `head`, ends a command without an error; a gateway serves on. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (process.argv[2] !== 'serve') process.exit()
    })
  }
}

endWithReader()
setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
process.exitCode = await runCommandLine(process.argv.slice(2), {
  out: (text) => {
    process.stdout.write(text)
  },
  err: (text) => {
    process.stderr.write(text)
  },
  write,
  serve,
})
