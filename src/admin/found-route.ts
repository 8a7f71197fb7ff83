import type { Response } from 'express'
import type { Route } from './route.ts'

const KEY = 'adminRoute'

/** Keeps which route a request is for; it goes with the answer it belongs to. */
export function keepRoute(res: Response, found: Route): void {
  res.locals[KEY] = found
}

/** The route that was found for a request. @throws Error outside the admin API */
export function foundRoute(res: Response): Route {
  const found = res.locals[KEY] as Route | undefined
  if (found === undefined) throw new Error('This request is not behind the route table')
  return found
}
