import type { Request, Response } from 'express'

/** What an answer that goes on for long asks of its request meanwhile. */
export interface LiveRequest {
  /** `Last-Event-ID` of a stream that is taken up again. */
  readonly lastEventId: string | undefined
  /** Aborted once the client has gone. */
  gone(): AbortSignal
  /** Resolves as long as the credential is good and may still do this. @throws what a new request would be refused with */
  mayGoOn(): Promise<void>
}

/** @param mayGoOn looks the credential up again */
export function liveRequest(req: Request, res: Response, mayGoOn: () => Promise<void>): LiveRequest {
  let controller: AbortController | undefined
  return {
    lastEventId: req.get('last-event-id'),
    mayGoOn,
    gone() {
      if (controller !== undefined) return controller.signal
      const fresh = new AbortController()
      controller = fresh
      if (res.destroyed) fresh.abort()
      else
        res.once('close', () => {
          fresh.abort()
        })
      return fresh.signal
    },
  }
}
