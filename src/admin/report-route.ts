import { z } from 'zod'
import { csvReport, htmlReport, jsonReport, REPORT_STYLE_HASH } from '../audit/render-report.ts'
import type { AskedAt } from '../audit/report-time.ts'
import type { Report } from '../audit/report.ts'
import { type TimeZone, timeZone } from '../audit/time-zone.ts'
import type { OrgId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import { recordReading } from '../provisioning/record-log-use.ts'
import type { AdminPorts } from './ports.ts'
import { type Route, route, type RouteAnswer, type RouteRequest } from './route.ts'

const cell = z.union([z.string(), z.number(), z.null()])

const shownReport = z.object({
  ...{ report: z.string(), title: z.string(), timeZone: z.string(), asked: z.record(z.string(), cell) },
  rows: z.array(z.record(z.string(), cell)),
  summary: z.record(z.string(), cell),
})

/** What every report may be asked with. */
const shown = {
  tz: z
    .string()
    .max(64)
    .default('UTC')
    .meta({ description: 'IANA time zone that times are shown in, and days are of' }),
}

/** What is asked of a report, beside its own query. */
export interface Asking {
  readonly ports: AdminPorts
  readonly orgId: OrgId
  readonly clock: AskedAt
}

export interface ReportShape<Query extends z.ZodRawShape> {
  readonly path: `/reports/${string}`
  /** As a route's, without the form it is shown in. */
  readonly summary: string
  readonly query: Query
  /** Refuses what cannot be asked; nothing of the answer is sent before. */
  build(asking: Asking, query: z.output<z.ZodObject<Query>>): Report | Promise<Report>
}

/** A report as JSON at its path, as CSV under `.csv`, and as a page to print under `.html`. */
export function reportRoutes<Query extends z.ZodRawShape>(shape: ReportShape<Query>): readonly Route[] {
  const { path, summary } = shape
  const query = z.strictObject({ ...shape.query, ...shown })
  const withBom = z.strictObject({
    ...shape.query,
    ...shown,
    bom: z.stringbool().default(false).meta({ description: 'Begin with U+FEFF, for spreadsheets that need it' }),
  })
  type Asked = z.output<z.ZodObject<Query>> & { readonly tz: string }
  const built = async (request: RouteRequest, asked: Asked): Promise<[Report, TimeZone]> => {
    const { ports, orgId, provisioning, caller } = request
    const zone = timeZone(asked.tz)
    const report = await shape.build({ ports, orgId, clock: { zone, now: ports.now() } }, asked)
    await recordReading(provisioning, ports.reads.records, caller, { report: report.name, asked: questionOf(asked) })
    return [report, zone]
  }
  const common = { method: 'GET', tag: 'Reports', who: 'reader' } as const
  return [
    route({
      ...{ ...common, path, summary, query },
      answer: { status: 200, schema: shownReport },
      async handle(request) {
        const asked = request.query as unknown as Asked
        const [report, zone] = await built(request, asked)
        return { pieces: jsonReport(report, zone) }
      },
    }),
    route({
      ...{ ...common, path: `${path}.csv`, summary: `${summary}, as CSV`, query: withBom },
      answer: { status: 200, media: 'text/csv; charset=utf-8; header=present' },
      async handle(request) {
        const asked = request.query as unknown as Asked
        const [report, zone] = await built(request, asked)
        const { bom } = asked as unknown as { readonly bom: boolean }
        return asFile(`attachment; filename="${report.name}.csv"`, csvReport(report, zone, { bom }))
      },
    }),
    route({
      ...{ ...common, path: `${path}.html`, summary: `${summary}, as a page to print`, query },
      answer: { status: 200, media: 'text/html; charset=utf-8' },
      async handle(request) {
        const asked = request.query as unknown as Asked
        const [report, zone] = await built(request, asked)
        return asFile(`inline; filename="${report.name}.html"`, htmlReport(report, zone), {
          'Content-Security-Policy':
            `default-src 'none'; style-src '${REPORT_STYLE_HASH}'; base-uri 'none'; form-action 'none'; ` +
            "frame-ancestors 'none'",
        })
      },
    }),
  ]
}

/** What was asked, whatever form the answer has. */
function questionOf(asked: Readonly<Record<string, unknown>>): JsonObject {
  const { tz: _tz, bom: _bom, ...question } = asked
  return question as JsonObject
}

function asFile(
  disposition: string,
  pieces: AsyncIterable<string>,
  headers: Readonly<Record<string, string>> = {},
): RouteAnswer<never> {
  return { pieces, headers: { 'Content-Disposition': disposition, ...headers } }
}
