import { expect } from 'chai'
import { sql } from 'kysely'
import { expectedState } from '../../src/cli/demo/plan.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { forEachDialect, type TestStore } from '../support/databases.ts'
import {
  type GatewayEnvironment,
  gatewayEnvironment,
  type GatewayProcess,
  serveProcess,
  spawnRollcall,
} from '../support/gateway.ts'
import { allRecords, lookBeside, troublesOf } from './beside.ts'

const EXPECTED = expectedState()

async function runDemo(environment: GatewayEnvironment): Promise<{ readonly mismatches: readonly string[] }> {
  const demo = spawnRollcall(
    ['demo', '--url', `${environment.url}/scim/v2`, '--token', environment.token, '--json'],
    environment.env,
  )
  const status = await demo.exited
  if (status !== 0) throw new Error(`rollcall demo ended with ${status}: ${demo.output()}`)
  return JSON.parse(/^\{[\s\S]*^\}/m.exec(demo.output())?.[0] ?? '{}') as { mismatches: string[] }
}

/** People as pushed: name and whether active. */
async function peopleOf(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const rows = await test.connections.reader
    .selectFrom('user')
    .select(['username', 'status'])
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .execute()
  return rows.map(({ username, status }) => `${username} ${status}`).sort()
}

/** Facts: every member of every group, by name. */
async function membersOf(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const { rows } = await sql<{ line: string }>`select g.display_name || ': ' || u.username as line from group_member m
    join scim_group g on g.org_id = m.org_id and g.id = m.group_id and g.deleted_at is null
    join team t on t.org_id = g.org_id and t.id = g.id and t.archived_at is null
    join "user" u on u.org_id = m.org_id and u.id = m.user_id where m.org_id = ${orgId}`.execute(
    test.connections.reader,
  )
  return rows.map(({ line }) => line).sort()
}

/** What the product reads, whole lines of `v_access`. */
async function accessOf(test: TestStore, orgId: OrgId): Promise<readonly string[]> {
  const { rows } = await sql<{
    user_name: string
    active: number
    org_role: string
    seats: string | null
    team_name: string | null
    team_role: string | null
    org_name: string
  }>`select * from v_access where org_id = ${orgId}`.execute(test.connections.reader)
  return rows
    .map((row) => {
      const seats = Object.entries(JSON.parse(row.seats ?? '{}') as Record<string, string>).sort()
      return [row.org_name, row.user_name, row.active, row.org_role, seats, row.team_name, row.team_role]
    })
    .map((line) => JSON.stringify(line))
    .sort()
}

function expectedAccess(): readonly string[] {
  const seats = [
    ['models', 'full'],
    ['weave', 'full'],
  ]
  return EXPECTED.users
    .flatMap(({ userName, active }) => {
      if (!active) return [['default', userName, 0, 'none', [], null, null]]
      const teams = EXPECTED.groups.filter(({ members }) => members.includes(userName))
      const held = teams.map(({ displayName }) => ['default', userName, 1, 'member', seats, displayName, 'member'])
      return held.length > 0 ? held : [['default', userName, 1, 'member', seats, null, null]]
    })
    .map((line) => JSON.stringify(line))
    .sort()
}

async function compare(environment: GatewayEnvironment): Promise<void> {
  await lookBeside(environment, async (test, orgId) => {
    expect(await peopleOf(test, orgId)).to.deep.equal(
      EXPECTED.users.map(({ userName, active }) => `${userName} ${active ? 'active' : 'deactivated'}`).sort(),
    )
    expect(await membersOf(test, orgId)).to.deep.equal(
      EXPECTED.groups
        .flatMap(({ displayName, members }) => members.map((userName) => `${displayName}: ${userName}`))
        .sort(),
    )
    expect(await accessOf(test, orgId)).to.deep.equal(expectedAccess())
    expect(await troublesOf(test, orgId)).to.deep.equal([])
  })
}

forEachDialect('the first slice, end to end', (dialect) => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess

  before(async () => {
    environment = await gatewayEnvironment(dialect)
    gateway = await serveProcess(environment)
  })
  after(async () => {
    await gateway.end('SIGKILL')
  })

  it('holds exactly what a second process pushed: people, teams, memberships, log and chain agree', async () => {
    expect((await runDemo(environment)).mismatches).to.deep.equal([])
    await compare(environment)
  })

  it('holds the same after a stop and a start, and a second push leaves it so', async () => {
    const before = await lookBeside(environment, allRecords)
    expect(await gateway.end('SIGTERM'), gateway.output()).to.equal(0)
    gateway = await serveProcess(environment)
    await compare(environment)
    expect((await runDemo(environment)).mismatches).to.deep.equal([])
    await compare(environment)
    const after = await lookBeside(environment, allRecords)
    expect(after.slice(0, before.length)).to.deep.equal(before)
    expect(after.filter(({ action }) => /\.create$/.test(action))).to.deep.equal(
      before.filter(({ action }) => /\.create$/.test(action)),
    )
  })
})
