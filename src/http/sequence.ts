import type { RequestHandler } from 'express'

/**
 * Handlers one after the other as one layer. What every request passes through is put together so: Express matches and
 * wraps each layer it is given, which costs more than most of these handlers do. An error, thrown, rejected or handed
 * to `next`, goes to the error handlers behind the layer.
 */
export function inSequence(...handlers: readonly RequestHandler[]): RequestHandler {
  return (req, res, next) => {
    const run = (at: number): void => {
      const handler = handlers[at]
      if (handler === undefined) {
        next()
        return
      }
      try {
        const running: unknown = handler(req, res, (error?: unknown) => {
          if (error === undefined) run(at + 1)
          else next(error)
        })
        if (running instanceof Promise) running.catch(next)
      } catch (error) {
        next(error)
      }
    }
    run(0)
  }
}
