import { z } from 'zod'
import type { JsonObject } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { SeatUse, WaitingForSeat, WaitingPerson } from '../domain/seat-allocation.ts'
import { changeLicence } from '../provisioning/change-licence.ts'
import { afterOf, cutPage, pageOf, pageQuery } from './page.ts'
import { type Route, route, shownTime, time } from './route.ts'

const count = z.number().int()
const seatType = z.enum(['full', 'viewer', 'none'])

const seatUse = z.object({
  ...{ product: z.string(), type: z.enum(['full', 'viewer']) },
  bought: count.nullable().meta({ description: 'null where the licence states no number: unlimited' }),
  used: count,
  reserved: count.meta({ description: 'Held by invited people who have not arrived' }),
  left: count.nullable().meta({ description: 'Negative while more are in use than were bought' }),
  over: count.meta({ description: 'How many more are in use than were bought' }),
  waiting: count.meta({ description: 'People who want one and have less' }),
})

const waitingPerson = z.object({
  ...{ user: z.uuid(), userName: z.string(), wanted: seatType, given: seatType, since: time },
})

const caps = z.object({ full: count.nullable(), viewer: count.nullable() })
const licence = z.object({ products: z.record(z.string(), caps) })

const newLicence = z
  .strictObject({ products: z.record(z.string(), z.union([z.record(z.string(), z.json()), z.null()])) })
  .meta({
    examples: [{ products: { models: { full: 25 } } }],
    description: 'Products and types that are not named stay; null is unlimited',
  })

/** Seats in use, who waits for one, and the licence. */
export const seatRoutes: readonly Route[] = [
  route({
    ...{ method: 'GET', path: '/seats', tag: 'Seats', summary: 'Show seats bought, used, reserved and left' },
    who: 'anybody',
    answer: { status: 200, schema: z.object({ items: z.array(seatUse) }) },
    async handle({ ports, orgId }) {
      return { body: { items: (await ports.reads.seats.use(orgId)).map(shownUse) } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/seats/{product}/waiting', tag: 'Seats', who: 'reader', texts: ['product'] },
    summary: 'List who waits for more of a product than they have, the longest first',
    query: z.strictObject(pageQuery),
    answer: { status: 200, schema: pageOf(waitingPerson) },
    async handle(request) {
      const { ports, orgId, params, query } = request
      const list = `waiting ${params.product}`
      const after = afterOf<WaitingPerson>(request, list)
      const rows = await ports.reads.seats.waiting(orgId, params.product, after, query.limit + 1)
      const keyOf = ({ since, user }: WaitingForSeat): WaitingPerson => ({ since, user })
      return { body: cutPage(request, list, rows, { keyOf, show: shownWaiting }) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/licence', tag: 'Seats', summary: 'Show how many seats were bought', who: 'anybody' },
    answer: { status: 200, schema: licence },
    async handle({ ports, orgId }) {
      const policy = await ports.reads.orgs.policy(orgId)
      return { body: shownLicence(policy), version: policy.version }
    },
  }),
  route({
    ...{
      method: 'PATCH',
      path: '/licence',
      tag: 'Seats',
      summary: 'Change how many seats were bought',
      who: 'billing',
    },
    body: newLicence,
    answer: { status: 200, schema: licence },
    async handle({ provisioning, caller, body, ifMatch }) {
      const change = { seats: body.products as JsonObject, ...(ifMatch === undefined ? {} : { ifMatch }) }
      const { value } = await changeLicence(provisioning, caller, change).durable
      return { body: shownLicence(value), version: value.version }
    },
  }),
]

function shownUse({ product, type, bought, used, reserved, left, waiting }: SeatUse): z.input<typeof seatUse> {
  const over = Math.max(0, -(left ?? 0))
  return { product, type, bought: bought ?? null, used, reserved, left: left ?? null, over, waiting }
}

function shownWaiting({ user, userName, wanted, given, since }: WaitingForSeat): z.input<typeof waitingPerson> {
  return { user, userName, wanted, given, since: shownTime(since) }
}

function shownLicence({ defaultSeats, licence: bought }: OrgPolicy): z.input<typeof licence> {
  const products = Array.from(defaultSeats.keys(), (product) => {
    const of = bought.get(product)
    return [product, { full: of?.get('full') ?? null, viewer: of?.get('viewer') ?? null }] as const
  })
  return { products: Object.fromEntries(products) }
}
