import { z } from 'zod'
import { ACTIVITY_KINDS, ACTIVITY_UNITS, type Deed } from '../domain/activity.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import { ACTIVITY_RANGES, activeUsers, shownDay } from '../provisioning/active-users.ts'
import { shownActivity } from '../provisioning/shown-activity.ts'
import { getUser } from './known-user.ts'
import { type Route, route, textOf, time } from './route.ts'

const MOST_EVENTS = 1_000
const MOST_COUNT = 1_000_000
/** How far ahead the product's clock may be, in milliseconds. */
const AHEAD_MS = 5 * 60_000

const event = z.strictObject({
  user: textOf(256).meta({ description: 'The person, by id or userName' }),
  kind: z.enum(ACTIVITY_KINDS),
  time: z.iso.datetime({ offset: true }).optional().meta({ description: 'When it was done; now if absent' }),
  count: z.number().int().min(1).max(MOST_COUNT).optional().meta({ description: 'How often, 1 if absent' }),
})

const events = z.strictObject({ events: z.array(event).min(1).max(MOST_EVENTS) })

const took = z.object({
  accepted: z.number().int(),
  unknown: z
    .array(z.string())
    .meta({ description: 'Names of nobody in this organisation; their events are passed over' }),
})

const person = z.object({
  user: z.uuid(),
  added: time,
  lastActive: time.nullable(),
  lastSignIn: time.nullable().meta({ description: 'Null where they never signed in here' }),
  ...{ daysActive: z.number().int(), signIns: z.number().int(), views: z.number().int() },
  ...{ runs: z.number().int(), reports: z.number().int(), apiCalls: z.number().int() },
})

const activeQuery = z.strictObject({
  by: z.enum(ACTIVITY_UNITS).default('day'),
  range: z.enum(ACTIVITY_RANGES).default('3m'),
})

const active = z.object({
  by: z.enum(ACTIVITY_UNITS),
  range: z.enum(ACTIVITY_RANGES),
  total: z.number().int().meta({ description: 'Different people who were active within the range' }),
  series: z.array(z.object({ start: z.iso.date(), users: z.number().int() })),
})

/** What people do: told by the product, and shown by person and over time. */
export const activityRoutes: readonly Route[] = [
  route({
    ...{ method: 'POST', path: '/activity', tag: 'Activity', who: 'anybody' },
    summary: 'Report what people did in the product; others than oneself with a key of an org admin',
    body: events.meta({ examples: [{ events: [{ user: 'ada@example.com', kind: 'run' }] }] }),
    answer: { status: 202, schema: took },
    async handle({ ports, orgId, account, body }) {
      const names = [...new Set(body.events.map(({ user }) => user))]
      const found = await ports.reads.activity.named(orgId, names)
      if (!account.isOrgAdmin) requireSelf(names, found, account.user)
      const now = ports.now()
      const deeds = body.events.flatMap((each, at): Deed[] => {
        const user = found.get(each.user)
        const done = { kind: each.kind, at: timeOf(each.time, now, at), count: each.count ?? 1 }
        return user === undefined ? [] : [{ orgId, user, ...done }]
      })
      ports.reportActivity(deeds)
      return { body: { accepted: deeds.length, unknown: names.filter((name) => !found.has(name)) } }
    },
  }),
  route({
    ...{ method: 'GET', path: '/activity/users', tag: 'Activity', who: 'reader' },
    summary: 'Show how many people were active over time',
    query: activeQuery,
    answer: { status: 200, schema: active },
    async handle({ ports, orgId, query: { by, range } }) {
      const { total, series } = await activeUsers(ports.reads, orgId, { unit: by, range }, ports.now())
      return {
        body: { by, range, total, series: series.map(({ start, users }) => ({ start: shownDay(start), users })) },
      }
    },
  }),
  route({
    ...{ method: 'GET', path: '/users/{user}/activity', tag: 'Activity', who: 'self' },
    summary: 'Show what a person did',
    answer: { status: 200, schema: person },
    async handle({ ports, orgId, params }) {
      const user = await getUser(ports, orgId, params.user)
      return { body: shownActivity(user, (await ports.reads.activity.of(orgId, [user.id])).get(user.id)) }
    },
  }),
]

function requireSelf(names: readonly string[], found: ReadonlyMap<string, UserId>, self: UserId | undefined): void {
  // Names of nobody count as others: the answer would else tell who is there.
  if (self !== undefined && names.every((name) => found.get(name) === self)) return
  throw new DomainError('forbidden', 'Activity of other people is reported with a key of an org admin', {
    reason: 'right.activity',
  })
}

function timeOf(text: string | undefined, now: number, index: number): number {
  if (text === undefined) return now
  const at = Date.parse(text)
  if (at >= 0 && at <= now + AHEAD_MS) return at
  throw new DomainError('invalid-value', 'The time is no time in the past; check the clock of the product', {
    params: { path: `events.${index}.time` },
  })
}
