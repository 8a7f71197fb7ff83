/**
 * Aborted by the first SIGINT or SIGTERM, so that a command ends in order, with its undoing done. A second one ends the
 * process as if none of this were here.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  const signals = ['SIGINT', 'SIGTERM'] as const
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop)
    controller.abort()
  }
  for (const signal of signals) process.on(signal, stop)
  return controller.signal
}
