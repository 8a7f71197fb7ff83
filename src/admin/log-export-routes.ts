import { z } from 'zod'
import { type ExportForm, EXPORT_FORMS, exportLog } from '../audit/export-log.ts'
import type { LogQuery } from '../audit/log-query.ts'
import { createPack } from '../audit/pack.ts'
import { rangeOf } from '../audit/report-time.ts'
import { timeZone } from '../audit/time-zone.ts'
import { recordExport } from '../provisioning/record-log-use.ts'
import { type Route, route, type RouteRequest } from './route.ts'

const query = {
  from: z
    .string()
    .max(40)
    .optional()
    .meta({ description: 'RFC 3339 with an offset, or a day (UTC). Default: the first' }),
  to: z.string().max(40).optional().meta({ description: 'The same; a day is in it to its last moment. Default: now' }),
  about: z.uuid().optional().meta({ description: 'Only records that mention this id' }),
  action: z
    .string()
    .regex(/^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)?$/, 'is an action such as user.create, or all of a thing: user')
    .max(60)
    .optional()
    .meta({ description: 'Only this action, or all of a thing: `user.create`, `user`' }),
  personal: z
    .stringbool()
    .default(true)
    .meta({ description: 'Whether names, addresses and the like are disclosed; commitments otherwise' }),
}

interface Asked {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly about?: string | undefined
  readonly action?: string | undefined
  readonly personal: boolean
  readonly bom?: boolean
}

const MEDIA: Readonly<Record<ExportForm, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
  ocsf: 'application/x-ndjson',
  cef: 'text/plain; charset=utf-8',
}

const SUMMARIES: Readonly<Record<ExportForm, string>> = {
  ndjson: 'Export records with their place in the chain, a line each: what `rollcall log verify` can check',
  csv: 'Export records as CSV, a row for each change',
  ocsf: 'Export records as events of the Open Cybersecurity Schema Framework, a line each',
  cef: 'Export records in the Common Event Format, a line each',
}

/** Copies of the log for other systems and for auditors. Each is a record of the log itself. */
export const logExportRoutes: readonly Route[] = [
  ...EXPORT_FORMS.map((form) =>
    route({
      method: 'GET',
      path: `/log/export.${form}`,
      tag: 'Log',
      summary: SUMMARIES[form],
      who: 'reader',
      query: z.strictObject(
        form === 'csv'
          ? {
              ...query,
              bom: z.stringbool().default(false).meta({ description: 'Begin with U+FEFF, for spreadsheets' }),
            }
          : query,
      ),
      answer: { status: 200, media: MEDIA[form] },
      async handle(request) {
        const { ports, orgId } = request
        const asked = request.query as unknown as Asked
        const wanted = await noted(request, form, asked)
        const values = asked.personal ? ports.log.values : undefined
        const pieces = exportLog(ports.reads.records, { orgId, form, query: wanted, values, bom: asked.bom === true })
        return { pieces, headers: { 'Content-Disposition': `attachment; filename="log.${form}"` } }
      },
    }),
  ),
  route({
    method: 'GET',
    path: '/log/pack.zip',
    tag: 'Log',
    summary: 'Make an evidence pack: a ZIP that verifies with no database, with `rollcall log verify --pack`',
    who: 'reader',
    query: z.strictObject(query),
    answer: { status: 200, media: 'application/zip' },
    async handle(request) {
      const { ports, orgId, caller } = request
      const wanted = await noted(request, 'pack', request.query)
      const pack = await createPack(ports.log.checkpoints, {
        ...{ orgId, orgName: (await ports.reads.orgs.find(orgId))?.name ?? orgId, query: wanted },
        values: request.query.personal ? ports.log.values : undefined,
        by: `${caller.actor.type} ${caller.actor.id ?? ''}`.trim(),
      })
      return { pieces: pack, headers: { 'Content-Disposition': 'attachment; filename="evidence.zip"' } }
    },
  }),
]

/** What is asked for, once who took it is in the log. @throws DomainError `invalid-value` for a range that is none */
async function noted(
  { ports, orgId, caller, provisioning }: Pick<RouteRequest, 'ports' | 'orgId' | 'caller' | 'provisioning'>,
  form: string,
  asked: Asked,
): Promise<LogQuery> {
  const wanted = queryOf(asked, ports.now())
  await recordExport(provisioning, caller, orgId, { form, personal: asked.personal, ...wanted }).durable
  return wanted
}

function queryOf({ from, to, about, action }: Asked, now: number): LogQuery {
  const range =
    from === undefined && to === undefined ? undefined : rangeOf({ from: from ?? '1970-01-01', to }, clock(now))
  return {
    ...(from === undefined ? {} : { from: range!.from }),
    // Both ends of a range are in it, the end of a query is not.
    ...(to === undefined ? {} : { to: range!.to + 1 }),
    ...(about === undefined ? {} : { about }),
    ...(action === undefined ? {} : { action }),
  }
}

function clock(now: number): { readonly zone: ReturnType<typeof timeZone>; readonly now: number } {
  return { zone: timeZone('UTC'), now }
}
