import fc from 'fast-check'
import { ENDPOINTS } from '../../src/scim/endpoint.ts'
import { MOUNTS } from '../../src/scim/location.ts'
import { ENTERPRISE, GROUP, USER } from './orgs.ts'

/** One request as it goes out. */
export interface WildRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

const HOSTILE = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'constructor.prototype.polluted'],
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\u0001',
    '\r\nX-Evil: 1',
    '\ud800',
    '\u202e',
    'İıKﬀ',
    '💥',
    "' OR 1=1 --",
    '"; DROP TABLE "user"; --',
  ],
  ...[
    '%',
    '%%',
    '%00',
    '%zz',
    '%E0%A4%A',
    '..',
    '.',
    '../../etc/passwd',
    '${7*7}',
    '{{7*7}}',
    '<script>',
    '\\',
    '$ref',
    '*',
  ],
  ...['null', 'undefined', 'NaN', '-1', '1e999', '9007199254740993', 'true', 'False', '[]', '{}'],
]

const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 20_000 }).map((length) => 'x'.repeat(length)) },
)

const CORE = [
  'id',
  'externalId',
  'userName',
  'displayName',
  'active',
  'password',
  'title',
  'nickName',
  'meta',
  'schemas',
]
const NESTED = [
  'emails',
  'name',
  'members',
  'groups',
  'phoneNumbers',
  'roles',
  'entitlements',
  'addresses',
  'x509Certificates',
]
const SUB = ['value', 'type', 'primary', 'display', '$ref', 'givenName', 'familyName', 'formatted']
const URNS = [USER, GROUP, ENTERPRISE, `${ENTERPRISE}:manager`, `${ENTERPRISE}:manager.value`, 'urn:none']
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...CORE, ...NESTED, ...SUB, ...URNS) },
  { weight: 1, arbitrary: text },
)

const path = fc.oneof(
  key,
  fc
    .tuple(fc.constantFrom(...NESTED, ...URNS), fc.constantFrom('.', ':', '..', '[]'), key)
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom(...NESTED), fc.constantFrom(...SUB), text)
    .map(([a, b, c]) => `${a}[${b} eq ${JSON.stringify(c)}].value`),
)

const { filter } = fc.letrec<{ filter: string; term: string }>((tie) => ({
  term: fc.oneof(
    fc
      .tuple(
        path,
        fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'lt', 'ge', 'le', 'EQ', 'xx'),
        fc.oneof(
          text.map((value) => JSON.stringify(value)),
          text,
          fc.constantFrom('true', 'null', '1', '"'),
        ),
      )
      .map((parts) => parts.join(' ')),
    path.map((attribute) => `${attribute} pr`),
  ),
  filter: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('term'),
    fc.tuple(tie('filter'), fc.constantFrom(' and ', ' or ', ' '), tie('filter')).map((parts) => parts.join('')),
    tie('filter').map((inner) => `(${inner})`),
    tie('filter').map((inner) => `not (${inner})`),
    fc.tuple(fc.constantFrom(...NESTED), tie('filter')).map(([attribute, inner]) => `${attribute}[${inner}]`),
    fc.nat({ max: 300 }).map((depth) => '('.repeat(depth) + 'userName pr' + ')'.repeat(depth)),
    fc.nat({ max: 300 }).map((count) => Array<string>(count).fill('title eq "x"').join(' or ')),
    text,
  ),
}))

/** JSON as text, so that members may be named `__proto__`, twice, or badly. */
const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
  object: fc
    .array(fc.tuple(key, tie('json')), { maxLength: 6 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text.map((value) => JSON.stringify(value)),
    fc.constantFrom('null', 'true', 'false', '0', '-1', '1e308', '1.5', '[]', '{}', '"\\u0000"', '"\\ud800"'),
    tie('object'),
    fc.array(tie('json'), { maxLength: 4 }).map((values) => `[${values.join(',')}]`),
  ),
}))

const rest = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.tuple(key, json), { maxLength: 6 })
      .map((members) => members.map(([name, value]) => `,${JSON.stringify(name)}:${value}`).join('')),
  },
)

const named = (name: string, urn: string) =>
  fc
    .tuple(fc.oneof(fc.uuid(), text), rest)
    .map(([value, more]) => `{"schemas":["${urn}"],"${name}":${JSON.stringify(value)}${more}}`)

const operation = fc
  .tuple(fc.constantFrom('add', 'Replace', 'remove', 'REMOVE', 'move', ''), fc.option(path), fc.option(json))
  .map(([op, at, value]) => {
    const target = at === null ? '' : `,"path":${JSON.stringify(at)}`
    return `{"op":"${op}"${target}${value === null ? '' : `,"value":${value}`}}`
  })

const patch = fc
  .array(operation, { maxLength: 5 })
  .map((all) => `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[${all.join(',')}]}`)

const DEEP = 20_000
const LARGE = Buffer.from(`{"schemas":["${GROUP}"],"displayName":"big","x":"${'x'.repeat(3 * 1024 * 1024)}"}`)
const bytes = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.oneof(named('userName', USER), named('displayName', GROUP)).map((body) => Buffer.from(body)),
  },
  { weight: 12, arbitrary: patch.map((body) => Buffer.from(body)) },
  { weight: 4, arbitrary: json.map((body) => Buffer.from(body)) },
  { weight: 2, arbitrary: fc.tuple(patch, fc.nat()).map(([body, at]) => Buffer.from(body.slice(0, at % body.length))) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }).map((body) => Buffer.from(body)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      Buffer.from('['.repeat(DEEP) + ']'.repeat(DEEP)),
      Buffer.from('{"a":'.repeat(DEEP)),
      Buffer.from(`{"schemas":["${USER}"],"userName":"deep","x":${'[{"a":'.repeat(DEEP)}`),
      LARGE,
      Buffer.from(`{"schemas":["${GROUP}"],"displayName":"many","members":[${'{"value":"x"},'.repeat(30_000)}{}]}`),
    ),
  },
)

/** The text with U+FFFD for each half of a surrogate pair: no address can hold one. */
const wellFormed = (value: string): string => Buffer.from(value).toString('utf8')

/** What http.request takes as it is; all else is percent-encoded. */
const inTarget = (value: string): string => wellFormed(value).replace(/[^\x21\x24-\x3e\x40-\x7e]/gu, encodeURIComponent)

/** With the headers below it stays under the 48 KiB of a request's head, above which Node's parser answers and closes. */
const LONGEST_TARGET = 40_000

const PARAMETERS = [
  'filter',
  'sortBy',
  'sortOrder',
  'startIndex',
  'count',
  'attributes',
  'excludedAttributes',
  'aadOptscim062020',
]
const query = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: filter.map((value) => `filter=${encodeURIComponent(wellFormed(value))}`) },
      {
        weight: 3,
        arbitrary: fc.tuple(fc.constantFrom(...PARAMETERS), text).map(([name, value]) => `${name}=${inTarget(value)}`),
      },
      { weight: 1, arbitrary: path.map((value) => `attributes=${inTarget(value)}`) },
    ),
    { maxLength: 3 },
  )
  .map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`))

const headers = fc.record(
  {
    'content-type': fc.constantFrom('application/scim+json', 'application/json; charset=utf-8', 'text/plain', 'x', ''),
    'content-encoding': fc.constantFrom('gzip', 'br', 'identity', 'compress'),
    'if-match': fc.constantFrom('*', 'W/"1"', '"x"', 'W/"', ',,,', '"' + 'x'.repeat(5000)),
    'if-none-match': fc.constantFrom('*', 'W/"1"', 'x'),
    'x-request-id': fc.constantFrom('ok-1', '<script>', 'x'.repeat(200)),
    accept: fc.constantFrom('text/html', '*/*;q=0', 'x'),
    authorization: fc.constantFrom('Bearer wrong', 'Basic', 'Bearer a.b.c', 'Digest x', 'Basic OnVzZXI='),
  },
  { requiredKeys: [] },
)

/** What chance finds too seldom to rely on: a request that makes somebody, and one of a type that is not read. */
export function rareRequests(): readonly WildRequest[] {
  const body = Buffer.from(JSON.stringify({ schemas: [USER], userName: 'rare@example.com' }))
  const post = { method: 'POST', target: '/scim/v2/Users', body } as const
  return [
    { ...post, headers: {} },
    { ...post, headers: { 'content-type': 'text/plain' } },
  ]
}

/**
 * Any request, likely or not.
 * @param ids of people and groups that there are
 */
export function wildRequest(ids: readonly string[]): fc.Arbitrary<WildRequest> {
  const id = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 2, arbitrary: text.map(inTarget) },
  )
  const endpoint = fc
    .tuple(
      fc.constantFrom(...ENDPOINTS.map(({ template }) => template), '/Users/:id', '/Groups/:id', '/Users', '/Groups'),
      id,
    )
    .map(([template, value]) => template.replace(':id', () => value))
  const stray = fc
    .tuple(fc.constantFrom('/', '//', '/.', '/Users/', '/Groups/', '/%', ';'), text.map(inTarget))
    .map((parts) => parts.join(''))
  const mount = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...MOUNTS) },
    { weight: 1, arbitrary: fc.constantFrom('', '/SCIM/V2', '/scim/v3', '/%73cim', '/oauth/token') },
  )
  // Node's parser itself refuses a target that begins otherwise, and closes.
  const target = fc
    .tuple(mount, fc.oneof({ weight: 6, arbitrary: endpoint }, { weight: 1, arbitrary: stray }), query)
    .map((parts) =>
      parts
        .join('')
        .replace(/^(?!\/)/, '/')
        .slice(0, LONGEST_TARGET),
    )
  const method = fc.constantFrom(
    'GET',
    'GET',
    'POST',
    'POST',
    'PUT',
    'PATCH',
    'PATCH',
    'PATCH',
    'DELETE',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
  )
  const any = fc.record({
    ...{ method, target },
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: headers }),
    body: fc.option(bytes, { nil: undefined, freq: 6 }),
  })
  // Too large, to the place where a large one hurts: seldom, for each costs as much as a hundred others.
  const large = fc.record({
    method: fc.constantFrom('POST', 'PUT', 'PATCH'),
    target: fc.constantFrom(...MOUNTS).map((prefix) => `${prefix}/Users`),
    headers: fc.constant({}),
    body: fc.constant(LARGE),
  })
  return fc.oneof({ weight: 80, arbitrary: any }, { weight: 1, arbitrary: large })
}
