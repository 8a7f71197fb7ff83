import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Viewer } from '../domain/connection.ts'
import type { OrgId } from '../domain/ids.ts'
import { CUSTOM_URN, ENTERPRISE_URN, OWNER_PATH, ROLLCALL_URN, STATUS_PATH } from '../domain/schema-urns.ts'
import { rowPlace } from './json-sql.ts'

/** What a filter or sort is compiled for: a query over `table` under its own name, of one org, seen by one client. */
export interface FilterScope {
  readonly dialect: Dialect
  readonly table: 'user' | 'scim_group'
  readonly orgId: OrgId
  readonly viewer: Viewer
  /** The query goes from row to row: what belongs to each is looked up for it, and leads to no others. */
  readonly rowsLead?: boolean
}

/** A scalar attribute that has a column of its own, or is made of columns. Null where unassigned. */
export interface AttributeColumn {
  readonly value: RawBuilder<unknown>
  /** `key` holds folded text, `text` text as sent, `time` epoch milliseconds, `flag` 0 or 1. */
  readonly kind: 'key' | 'text' | 'time' | 'flag'
  /** What else must hold for the value to count, or undefined. */
  readonly only?: RawBuilder<SqlBool>
}

type ColumnMaker = (scope: FilterScope) => AttributeColumn

/** Paths are joined by a character no attribute name holds. */
function nameOf(path: readonly string[]): string {
  return path.join(' ')
}

function column(kind: AttributeColumn['kind'], name: string): ColumnMaker {
  return ({ table }) => ({ kind, value: sql.ref(`${table}.${name}`) })
}

/** A client sees its own `externalId` only (RFC 7643 §3.1): an identity provider's, or what scripts gave. */
function externalId({ table, viewer }: FilterScope): AttributeColumn {
  const owner = sql.ref(`${table}.owner_connection_id`)
  const only =
    viewer.kind === 'script' ? sql<SqlBool>`${owner} is null` : sql<SqlBool>`${owner} = ${viewer.connectionId ?? ''}`
  return { kind: 'text', value: sql.ref(`${table}.external_id`), only }
}

/** The entity tag, as `meta.version` shows it. */
function version({ table }: FilterScope): AttributeColumn {
  return { kind: 'text', value: sql`('W/"' || ${sql.ref(`${table}.version`)} || '"')` }
}

/** The name of the manager, where that is a live person of the org. */
function managerName({ dialect }: FilterScope): AttributeColumn {
  const manager = rowPlace(dialect).text([ENTERPRISE_URN, 'manager', 'value'], true)
  return {
    kind: 'key',
    value: sql`(select coalesce(manager.display_name_key, manager.username_key) from "user" as manager
      where manager.org_id = "user".org_id and manager.id = ${manager} and manager.deleted_at is null)`,
  }
}

/** The seat that is held of a product. */
function seat(product: string): ColumnMaker {
  return () => ({
    kind: 'key',
    value: sql`(select s.given from user_seat as s
      where s.org_id = "user".org_id and s.user_id = "user".id and s.product = ${product})`,
  })
}

const BOTH: readonly (readonly [string, ColumnMaker])[] = [
  ['id', column('text', 'id')],
  ['externalId', externalId],
  ['meta created', column('time', 'created')],
  ['meta lastModified', column('time', 'updated')],
  ['meta version', version],
]

const COLUMNS: Readonly<Record<FilterScope['table'], ReadonlyMap<string, ColumnMaker>>> = {
  user: new Map<string, ColumnMaker>([
    ...BOTH,
    ['userName', column('key', 'username_key')],
    ['displayName', column('key', 'display_name_key')],
    ['active', column('flag', 'active')],
    [STATUS_PATH, column('text', 'status')],
    [
      OWNER_PATH,
      ({ table }) => ({ kind: 'text', value: sql`coalesce(${sql.ref(`${table}.owner_connection_id`)}, '')` }),
    ],
    [nameOf([ENTERPRISE_URN, 'department']), column('key', 'department_key')],
    [nameOf([ENTERPRISE_URN, 'employeeNumber']), column('key', 'employee_number_key')],
    [nameOf([ENTERPRISE_URN, 'manager', 'displayName']), managerName],
    [nameOf([ROLLCALL_URN, 'organizationRole']), () => ({ kind: 'key', value: sql`nullif("user".org_role, 'none')` })],
    [nameOf([ROLLCALL_URN, 'accountType']), column('text', 'account_type')],
    [nameOf([ROLLCALL_URN, 'modelsSeat']), seat('models')],
    [nameOf([ROLLCALL_URN, 'weaveRole']), seat('weave')],
  ]),
  scim_group: new Map<string, ColumnMaker>([...BOTH, ['displayName', column('key', 'name_key')]]),
}

/** The column of an attribute, by its canonical path; undefined where it is read from the JSON. */
export function columnOf(scope: FilterScope, path: readonly string[]): AttributeColumn | undefined {
  return COLUMNS[scope.table].get(nameOf(path))?.(scope)
}

/** Folded text with an index: found by equality, beginning and range. */
const TEXT_INDEXED: readonly string[] = [
  'userName',
  'displayName',
  'emails value',
  nameOf([ENTERPRISE_URN, 'department']),
  nameOf([ENTERPRISE_URN, 'employeeNumber']),
]
const TIME_INDEXED: readonly string[] = ['meta created', 'meta lastModified']
const EQ_INDEXED: ReadonlySet<string> = new Set([
  ...TEXT_INDEXED,
  ...TIME_INDEXED,
  'id',
  'externalId',
  'active',
  'members value',
  'groups value',
])
const PREFIX_INDEXED: ReadonlySet<string> = new Set(TEXT_INDEXED)
/** Addresses are many to a person, and asked for by what they are or begin with. */
const RANGE_INDEXED: ReadonlySet<string> = new Set(
  [...TEXT_INDEXED, ...TIME_INDEXED].filter((each) => each !== 'emails value'),
)
const RANGES: ReadonlySet<string> = new Set(['gt', 'ge', 'lt', 'le'])

/** Whether an index finds the rows of this comparison. */
export function hasIndex(path: readonly string[], op: string): boolean {
  if (path[0] === CUSTOM_URN) return op === 'eq' || op === 'sw' || RANGES.has(op)
  const name = nameOf(path)
  if (op === 'eq') return EQ_INDEXED.has(name)
  return op === 'sw' ? PREFIX_INDEXED.has(name) : RANGES.has(op) && RANGE_INDEXED.has(name)
}
