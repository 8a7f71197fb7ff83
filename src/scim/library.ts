import { type Request, type RequestHandler } from 'express'
import { SCIMMY, SCIMMYRouters } from 'scimmy-routers'
import { contextOf } from './context.ts'
import { RollcallGroup } from './group.ts'
import { RollcallRole } from './role.ts'
import { RollcallUser } from './user.ts'

let routers: RequestHandler | undefined

/**
 * The library's routers over our resource classes, made once a process: each further set would add to the library's
 * process-wide configuration. They hold no state of ours; everything comes with the context of the request.
 */
export function libraryRoutes(): RequestHandler {
  routers ??= createRouters()
  return routers
}

function createRouters(): RequestHandler {
  SCIMMY.Resources.declare(RollcallUser, 'User')
  SCIMMY.Resources.declare(RollcallGroup, 'Group')
  SCIMMY.Resources.declare(RollcallRole, 'Role')
  return new SCIMMYRouters({
    type: 'bearer',
    // Authentication has passed; whatever this threw would be answered as 401.
    handler: () => '',
    context: ({ res }: Request) => {
      if (res === undefined) throw new Error('The request has no response')
      return contextOf(res)
    },
    baseUri: () => '',
  })
}
