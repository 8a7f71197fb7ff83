/** Statuses of a start that another process, an outage or a broken file forbids (sysexits.h). */
export const EXIT_UNAVAILABLE = 69
export const EXIT_DATA = 65

/** A start that cannot go on: a sentence for the operator, and the exit status of `sysexits.h`. */
export class StartError extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StartError'
    this.exitCode = exitCode
  }
}
