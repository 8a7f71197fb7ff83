/**
 * Why a directory could not answer: never the person's doing. `settings`: what was configured is refused by the
 * directory. `too-much`: it said more than a sign-in may cost.
 */
export type DirectoryFault = 'unreachable' | 'timeout' | 'tls' | 'settings' | 'too-much' | 'busy'

/** A directory that cannot be asked. The message is for the operator; it holds no password and no person. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
  readonly fault: DirectoryFault

  constructor(fault: DirectoryFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}
