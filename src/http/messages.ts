import { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'

/** What a server makes its requests and answers of. */
export interface Messages {
  readonly IncomingMessage: typeof IncomingMessage
  readonly ServerResponse: typeof ServerResponse
  /** From now on they are born with what the app gives its own. */
  bearFor(app: Express): void
}

/**
 * Requests and answers of one server, born with the prototypes of the Express app that handles them.
 *
 * Express gives both to each message as it comes in. To the engine an object whose prototype is changed has a shape that
 * nothing else has: whatever is done with it is done slowly, and all that a request leaves behind survives the quick
 * collections of garbage. Setting the prototype that an object has does nothing. Of a small answer this is nearly half of
 * the cost.
 */
export function createMessages(): Messages {
  class AppRequest extends IncomingMessage {}
  class AppResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {}
  return {
    IncomingMessage: AppRequest,
    ServerResponse: AppResponse,
    bearFor(app) {
      Object.setPrototypeOf(AppRequest.prototype, app.request)
      Object.setPrototypeOf(AppResponse.prototype, app.response)
      app.request = AppRequest.prototype as typeof app.request
      app.response = AppResponse.prototype as typeof app.response
    },
  }
}
