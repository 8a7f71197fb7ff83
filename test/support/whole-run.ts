import { endShared, startShared } from './postgres.ts'

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
