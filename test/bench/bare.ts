/*
 * What the gateway is measured against: the same rows and answers by hand, as short as Express 5 and better-sqlite3
 * allow. Prepared statements, one commit a request, no provisioning log, no history of access, no checking of bodies.
 * Run as: bare.ts <database file> <port>
 */
import { createHash, randomUUID } from 'node:crypto'
import Sqlite from 'better-sqlite3'
import express, { type Request, type Response } from 'express'
import { fold } from '../../src/domain/fold.ts'
import { ENTERPRISE_URN, USER_URN } from '../../src/domain/schema-urns.ts'
import { searchDocument } from '../../src/domain/search-document.ts'
import type { UserAttributes } from '../../src/domain/user.ts'

interface UserRow {
  readonly id: string
  readonly version: number
  readonly created: number
  readonly updated: number
  readonly status: string
  readonly external_id: string | null
  readonly body: string
}

const [file = '', port = ''] = process.argv.slice(2)
const db = new Sqlite(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.pragma('foreign_keys = ON')
db.pragma('secure_delete = ON')

const org = (db.prepare(`SELECT id FROM org WHERE name = 'default'`).get() as { id: string }).id
const connection = (db.prepare(`SELECT id FROM connection WHERE name = 'default'`).get() as { id: string }).id
const seats = Object.entries(
  JSON.parse((db.prepare('SELECT default_seats FROM org_policy').get() as { default_seats: string }).default_seats) as {
    [product: string]: string
  },
)
const base = `http://127.0.0.1:${port}/scim/v2`

const COLUMNS = 'id, version, created, updated, status, external_id, body'
const LIVE = 'org_id = ? AND deleted_at IS NULL'
const sql = {
  token: db.prepare('SELECT 1 FROM connection_token WHERE secret_hash = ? AND revoked IS NULL'),
  byId: db.prepare<[string, string], UserRow>(`SELECT ${COLUMNS} FROM "user" WHERE ${LIVE} AND id = ?`),
  byName: db.prepare<[string, string], UserRow>(`SELECT ${COLUMNS} FROM "user" WHERE ${LIVE} AND username_key = ?`),
  page: db.prepare<[string, number, number], UserRow>(
    `SELECT ${COLUMNS} FROM "user" WHERE ${LIVE} ORDER BY ord LIMIT ? OFFSET ?`,
  ),
  total: db.prepare<[string], { value: number }>(`SELECT value FROM org_counter WHERE org_id = ? AND name = 'user'`),
  groups: db.prepare<[string, string], { id: string; display_name: string }>(
    `SELECT g.id, g.display_name FROM group_member m JOIN scim_group g ON g.org_id = m.org_id AND g.id = m.group_id
     WHERE m.org_id = ? AND m.user_id = ? AND g.deleted_at IS NULL ORDER BY g.id`,
  ),
  insert: db.prepare(
    `INSERT INTO "user" (org_id, id, ord, username, username_key, display_name, display_name_key, status, account_type,
       owner_connection_id, external_id, org_role, billing_admin, department, department_key, employee_number,
       employee_number_key, body, search, version, created, updated)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'active', 'USER', ?, ?, 'member', 0, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
  ),
  insertEmail: db.prepare('INSERT INTO user_email VALUES (?, ?, ?, ?, ?, ?, ?)'),
  insertSeat: db.prepare('INSERT INTO user_seat VALUES (?, ?, ?, ?, ?, ?, ?)'),
  deleteSeats: db.prepare('DELETE FROM user_seat WHERE org_id = ? AND user_id = ?'),
  count: db.prepare<[number, string, string], { value: number }>(
    'UPDATE org_counter SET value = value + ? WHERE org_id = ? AND name = ? RETURNING value',
  ),
  countSeat: db.prepare('UPDATE seat_counter SET used = used + ? WHERE org_id = ? AND product = ? AND type = ?'),
  setActive: db.prepare(
    'UPDATE "user" SET status = ?, org_role = ?, version = version + 1, updated = ? WHERE org_id = ? AND id = ?',
  ),
  leaveTeams: db.prepare('DELETE FROM team_membership WHERE org_id = ? AND user_id = ?'),
  joinTeams: db.prepare(
    `INSERT INTO team_membership SELECT org_id, user_id, group_id, 'member', '', 'member', group_id
     FROM group_member WHERE org_id = ? AND user_id = ?`,
  ),
}

function resourceOf(row: UserRow): object {
  const attributes = JSON.parse(row.body) as UserAttributes
  const groups = sql.groups.all(org, row.id)
  return {
    schemas: [USER_URN, ...Object.keys(attributes).filter((key) => key.startsWith('urn:'))],
    id: row.id,
    externalId: row.external_id ?? undefined,
    ...attributes,
    active: row.status !== 'deactivated',
    groups: groups.map(({ id, display_name: display }) => ({
      value: id,
      $ref: `${base}/Groups/${id}`,
      display,
      type: 'direct',
    })),
    meta: {
      resourceType: 'User',
      created: new Date(row.created).toISOString(),
      lastModified: new Date(row.updated).toISOString(),
      location: `${base}/Users/${row.id}`,
      version: `W/"${row.version}"`,
    },
  }
}

function answer(res: Response, status: number, body: object): void {
  res.status(status).type('application/scim+json').send(JSON.stringify(body))
}

function giveSeats(id: string, now: number): void {
  for (const [product, type] of seats) {
    sql.insertSeat.run(org, id, product, type, type, now, `default:${product}`)
    if (type !== 'none') sql.countSeat.run(1, org, product, type)
  }
}

const create = db.transaction((id: string, now: number, body: Record<string, unknown>) => {
  const { schemas: _schemas, active: _active, externalId, ...rest } = body
  const attributes = rest as unknown as UserAttributes
  const enterprise = attributes[ENTERPRISE_URN] as { department: string; employeeNumber: string }
  const name = attributes.userName
  const display = attributes['displayName'] as string
  const ord = sql.count.get(1, org, 'ord.user')!.value
  const { department, employeeNumber: number } = enterprise
  const texts = [name, fold(name), display, fold(display), connection, externalId]
  const keys = [department, fold(department), number, fold(number)]
  const documents = [JSON.stringify(attributes), searchDocument(attributes)]
  sql.insert.run(org, id, ord, ...texts, ...keys, ...documents, now, now)
  ;(attributes['emails'] as { value: string; type: string; primary: boolean }[]).forEach((email, at) => {
    sql.insertEmail.run(org, id, at, email.value, fold(email.value), email.type, email.primary ? 1 : 0)
  })
  sql.count.get(1, org, 'user')
  giveSeats(id, now)
})

const setActive = db.transaction((row: UserRow, active: boolean, now: number) => {
  sql.setActive.run(active ? 'active' : 'deactivated', active ? 'member' : 'none', now, org, row.id)
  if (active === (row.status === 'active')) return
  if (active) {
    giveSeats(row.id, now)
    sql.joinTeams.run(org, row.id)
    return
  }
  for (const [product, type] of seats) if (type !== 'none') sql.countSeat.run(-1, org, product, type)
  sql.deleteSeats.run(org, row.id)
  sql.leaveTeams.run(org, row.id)
})

const app = express()
app.disable('etag')
app.disable('x-powered-by')
app.use((req, res, next) => {
  const token = /^Bearer (.+)$/.exec(req.get('authorization') ?? '')?.[1] ?? ''
  if (sql.token.get(createHash('sha256').update(token).digest()) === undefined) res.status(401).end()
  else next()
})
app.use(express.json({ type: 'application/scim+json' }))

app.get('/scim/v2/Users/:id', (req, res) => {
  const row = sql.byId.get(org, req.params.id)
  if (row === undefined) res.status(404).end()
  else answer(res, 200, resourceOf(row))
})

app.get('/scim/v2/Users', (req, res) => {
  const { filter, startIndex = '1', count = '100' } = req.query as Record<string, string>
  const name = filter === undefined ? undefined : /^userName eq "(.+)"$/.exec(filter)?.[1]
  const rows =
    name === undefined
      ? sql.page.all(org, Number(count), Number(startIndex) - 1)
      : [sql.byName.get(org, fold(name))].filter((row) => row !== undefined)
  answer(res, 200, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: name === undefined ? sql.total.get(org)!.value : rows.length,
    startIndex: Number(startIndex),
    itemsPerPage: rows.length,
    Resources: rows.map(resourceOf),
  })
})

app.post('/scim/v2/Users', (req: Request, res) => {
  const id = randomUUID()
  create.immediate(id, Date.now(), req.body as Record<string, unknown>)
  answer(res, 201, resourceOf(sql.byId.get(org, id)!))
})

app.patch('/scim/v2/Users/:id', (req, res) => {
  const row = sql.byId.get(org, req.params.id)
  if (row === undefined) {
    res.status(404).end()
    return
  }
  const { Operations } = req.body as { Operations: { value: boolean }[] }
  setActive.immediate(row, Operations[0]!.value, Date.now())
  answer(res, 200, resourceOf(sql.byId.get(org, row.id)!))
})

app.get('/readyz', (_req, res) => {
  res.end()
})

app.listen(Number(port), '127.0.0.1')
