import { DomainError } from '../../../src/domain/errors.ts'

/** Runs what must be refused and hands back the refusal; anything but a DomainError fails the test. */
export function refusalOf(run: () => unknown): DomainError {
  try {
    run()
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
