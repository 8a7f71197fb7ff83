import { z } from 'zod'
import { accessReport } from '../audit/access-report.ts'
import { EXCEPTIONS, exceptionsReport } from '../audit/exceptions-report.ts'
import { grantsReport } from '../audit/grants-report.ts'
import { historyReport } from '../audit/history-report.ts'
import { leaversReport } from '../audit/leavers-report.ts'
import { reviewReport } from '../audit/review-report.ts'
import { instantOf, rangeOf } from '../audit/report-time.ts'
import { seatUseReport } from '../audit/seat-use-report.ts'
import { DomainError } from '../domain/errors.ts'
import type { HistorySubject } from '../domain/history-ports.ts'
import type { GroupId, ReviewId, UserId } from '../domain/ids.ts'
import { reportRoutes } from './report-route.ts'
import type { Route } from './route.ts'

const instant = z.string().max(40)

const range = {
  from: instant.optional().meta({ description: 'RFC 3339 with an offset, or a day. Default: 30 days before to' }),
  to: instant.optional().meta({ description: 'The same; a day is in it to its last moment. Default: now' }),
}

const about = {
  user: z.uuid().optional().meta({ description: 'Of this person, deleted ones too' }),
  team: z.uuid().optional().meta({ description: 'Of this team, archived and deleted ones too' }),
}

interface About {
  readonly user?: string | undefined
  readonly team?: string | undefined
}

function subjectOf({ user, team }: About): Exclude<HistorySubject, { readonly everybody: true }> | undefined {
  if (user !== undefined && team !== undefined) {
    throw new DomainError('invalid-value', 'Ask about a person or about a team, not both', { params: { path: 'team' } })
  }
  if (user !== undefined) return { user: user as UserId }
  return team === undefined ? undefined : { team: team as GroupId }
}

/** Reports over the provisioning log and what it has led to. */
export const reportsRoutes: readonly Route[] = [
  ...reportRoutes({
    path: '/reports/access',
    summary: 'Show who had which account, role, seat and team at an instant',
    query: {
      at: instant.optional().meta({ description: 'RFC 3339 with an offset, or a day: its last moment. Default: now' }),
      ...about,
    },
    build({ ports, orgId, clock }, { at, ...asked }) {
      const of: HistorySubject = subjectOf(asked) ?? { everybody: true }
      return accessReport(ports.reads.history, orgId, { at: instantOf('at', at, clock), of })
    },
  }),
  ...reportRoutes({
    path: '/reports/grants',
    summary: 'List what was given in a period, by whom, and through which group and rule',
    query: range,
    build: ({ ports, orgId, clock }, asked) => grantsReport(ports.reads, orgId, rangeOf(asked, clock)),
  }),
  ...reportRoutes({
    path: '/reports/leavers',
    summary: 'List who lost their account in a period, and how fast',
    query: {
      ...range,
      limitSeconds: z.coerce
        .number()
        .int()
        .min(0)
        .max(31_536_000)
        .default(86_400)
        .meta({ description: 'How long a removal may take' }),
    },
    build({ ports, orgId, clock }, { limitSeconds, ...asked }) {
      return leaversReport(ports.reads, orgId, { ...rangeOf(asked, clock), limitMs: limitSeconds * 1_000 })
    },
  }),
  ...reportRoutes({
    path: '/reports/history',
    summary: 'List all that a person ever held, or who ever was in a team',
    query: about,
    build({ ports, orgId }, asked) {
      const of = subjectOf(asked)
      if (of !== undefined) return historyReport(ports.reads.history, orgId, of)
      throw new DomainError('invalid-value', 'Say whose history: user or team', { params: { path: 'user' } })
    },
  }),
  ...reportRoutes({
    path: '/reports/seats',
    summary: 'Show how many seats were in use at the end of each day',
    query: range,
    build: ({ ports, orgId, clock }, asked) => seatUseReport(ports.reads, orgId, rangeOf(asked, clock), clock),
  }),
  ...reportRoutes({
    path: '/reports/exceptions',
    summary: 'List accounts to look at: admins, unused ones, ones that no identity provider or owner stands for',
    query: {
      kind: z.enum(EXCEPTIONS).optional(),
      dormantDays: z.coerce
        .number()
        .int()
        .min(1)
        .max(3_650)
        .default(90)
        .meta({ description: 'Days without activity after which somebody is dormant' }),
    },
    build({ ports, orgId, clock }, { kind, dormantDays }) {
      return exceptionsReport(ports.reads, orgId, { kind, dormantDays, now: clock.now })
    },
  }),
  ...reportRoutes({
    path: '/reports/review',
    summary: 'Show an access review with every item and what was decided of it',
    query: { review: z.uuid() },
    build: ({ ports, orgId }, { review }) => reviewReport(ports.reads, orgId, review as ReviewId),
  }),
]
