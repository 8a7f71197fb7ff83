import { relative } from 'node:path'
import type { Context } from 'mocha'
import { endShared, startShared } from './postgres.ts'

let file = 'a file that is being loaded'

function failTheTest(reason: unknown): void {
  throw reason
}

/**
 * Before each file (a root hook of mocha's). By itself mocha passes over rejections that nobody listens to, which would
 * end a gateway; thrown, they fail the test that runs.
 */
export const mochaHooks = {
  beforeAll(this: Context): void {
    file = relative(process.cwd(), this.test?.parent?.suites[0]?.file ?? file)
    if (!process.listeners('unhandledRejection').includes(failTheTest)) process.on('unhandledRejection', failTheTest)
  },
}

// What comes when a file is done, and mocha listens no more, ends its process and takes the next file with it.
process.on('uncaughtExceptionMonitor', (error, origin) => {
  if (process.listenerCount('uncaughtException') === 0) console.error(`!!!! after ${file} (${origin}):`, error)
})

/**
 * Before the first file of a run (one of mocha's global fixtures). Of several processes, each would start a PostgreSQL of
 * its own; a single one does so when a test asks for it.
 */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.argv.includes('--parallel') && process.env['TEST_DATABASE'] !== 'sqlite') await startShared()
}

/** After the last file. */
export async function mochaGlobalTeardown(): Promise<void> {
  await endShared()
}
