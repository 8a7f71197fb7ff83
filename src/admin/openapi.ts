import { z } from 'zod'
import { TITLES } from './problem.ts'
import type { Route, Who } from './route.ts'

/** What a credential must be for each `who`, for readers of the document. */
export const CALLERS: Readonly<Record<Who, string>> = {
  operator: 'operator keys',
  orgAdmin: 'organisation admins',
  billing: 'organisation admins and billing admins',
  reader: 'organisation admins and auditors',
  teamAdmin: 'organisation admins and admins of the team',
  teamReader: 'organisation admins, auditors and people in the team',
  self: 'organisation admins, auditors and the person',
  anybody: 'every key of the organisation',
}

type Json = Readonly<Record<string, unknown>>

const problem = z.object({
  type: z.string().meta({ description: 'Where the problem is explained' }),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().meta({ description: 'What to fix' }),
  code: z.string().meta({ description: 'Stable reason, for programs' }),
  requestId: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  fork: z.object({ epoch: z.number().int(), seq: z.number().int(), after: z.string() }).optional().meta({
    description: 'Of 410 for a cursor of the log: where what it read ended, and the cursor that goes on there',
  }),
})

/**
 * The OpenAPI 3.1 document of a route table, out of the schemas that check requests.
 * @param publicUrl the address clients use, without a slash at the end
 */
export function openApiDocument(routes: readonly Route[], publicUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const one of routes) (paths[one.path] ??= {})[one.method.toLowerCase()] = operationOf(one)
  return {
    openapi: '3.1.0',
    info: { title: 'Rollcall admin API', version: '1' },
    servers: [{ url: `${publicUrl}/api/v1` }],
    security: [{ key: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key of the admin API' } },
      schemas: { Problem: schemaOf(problem, 'output') },
      responses: {
        Problem: {
          description: 'Why the request was refused (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  }
}

/** A stable name of a route, e.g. `patch_teams_team`. */
export function operationIdOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method.toLowerCase()}${path.replaceAll(/[{}]/g, '').replaceAll(/[^A-Za-z0-9]+/g, '_')}`
}

function operationOf(one: Route): Json {
  const { body } = one
  return {
    operationId: operationIdOf(one),
    tags: [one.tag],
    summary: one.summary,
    description: `For ${CALLERS[one.who]}.`,
    parameters: [...pathParameters(one), ...queryParameters(one), ...headerParameters(one)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: { [one.answer.status]: successOf(one), default: { $ref: '#/components/responses/Problem' } },
  }
}

function pathParameters({ path, texts = [] }: Route): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true },
    schema: texts.includes(name) ? { type: 'string' } : { type: 'string', format: 'uuid' },
  }))
}

function queryParameters({ query }: Route): readonly Json[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemaOf(query, 'input') as {
    readonly properties?: Readonly<Record<string, { readonly description?: string }>>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
    ...(description === undefined ? {} : { description }),
  }))
}

function headerParameters({ method }: Route): readonly Json[] {
  const header = (name: string, description: string): Json => ({
    ...{ name, in: 'header', required: false, schema: { type: 'string' }, description },
  })
  if (method === 'POST') {
    return [header('Idempotency-Key', 'Sent again within a day with the same request, the first answer is given')]
  }
  if (method === 'GET') return [header('If-None-Match', 'Entity tag of what is known: 304 where it is still so')]
  return [header('If-Match', 'Entity tag of what was read: 412 where it has changed since')]
}

function successOf({ answer: { schema, media = 'application/json' }, summary }: Route): Json {
  if (schema === undefined && media === 'application/json') return { description: summary }
  const content = schema === undefined ? { type: 'string' } : schemaOf(schema, 'output')
  return { description: summary, content: { [media]: { schema: content } } }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

/** The problems a client meets at any route, for the page. */
export function statusTitles(): readonly (readonly [status: string, title: string])[] {
  return Object.entries(TITLES)
}
