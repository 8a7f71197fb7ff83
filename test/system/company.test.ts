import { expect } from 'chai'
import { sql } from 'kysely'
import { loadConfig } from '../../src/config.ts'
import type { Operator } from '../../src/cli/ports.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json.ts'
import type { OrgId, RuleId, UserId } from '../../src/domain/ids.ts'
import { withOperator } from '../../src/operator.ts'
import { changeLicence } from '../../src/provisioning/change-licence.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { explainPerson } from '../../src/provisioning/explain-person.ts'
import { askRollcall } from '../support/cli.ts'
import { forEachDialect, type TestStore } from '../support/databases.ts'
import { gatewayEnvironment, type GatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { lookBeside, troublesOf } from './beside.ts'
import { type Expected, expectedOf } from './company/expected.ts'
import {
  type CompanyRule,
  foundCompany,
  type Idp,
  joinTeams,
  newPerson,
  type Person,
  pick,
  randomOf,
  SIZE,
  type Team,
} from './company/plan.ts'
import { idOf, inParallel, Provider } from './company/provider.ts'
import { eventually } from './waiting.ts'

const ROLLCALL = 'urn:ietf:params:scim:schemas:extension:rollcall:2.0:User'
const AT_ONCE = 8

forEachDialect('a company with two identity providers, rules and a licence that runs out', (dialect) => {
  const random = randomOf(SIZE.seed)
  const company = foundCompany(SIZE, random)
  let environment: GatewayEnvironment
  let running: GatewayProcess
  let providers: Readonly<Record<Idp, Provider>>

  before(async () => {
    environment = await gatewayEnvironment(dialect)
    running = await serveProcess(environment)
    providers = { okta: await connect('okta', []), entra: await connect('entra', ['--may-grant-admin']) }
    await act((operator, caller) => changeOrgSettings(operator.provisioning, caller, downgrading).durable)
  })
  after(async () => {
    for (const provider of Object.values(providers)) provider.close()
    await running.end('SIGTERM')
  })

  const downgrading = { settings: { seatPolicy: 'downgrade' } }

  async function connect(name: Idp, flags: readonly string[]): Promise<Provider> {
    const args = ['connection', 'create', '--kind', 'idp', '--name', name, ...flags]
    const { token } = await askRollcall<{ token: string }>(args, environment.env)
    return new Provider(name, `${environment.url}/scim/v2`, token, random)
  }

  /** What an admin does, beside the running gateway. */
  async function act<T>(run: (operator: Operator, caller: Caller) => Promise<T>): Promise<T> {
    const unexpected = { warn: (error: Error) => void expect.fail(error.message), keyMade: () => undefined }
    return withOperator(loadConfig(environment.env), unexpected, async (operator) => {
      const org = await operator.reads.orgs.find('default')
      return run(operator, { ...operator.operation(), orgId: org!.id, connection: undefined })
    })
  }

  async function restart(signal: NodeJS.Signals): Promise<void> {
    await running.end(signal)
    running = await serveProcess(environment)
  }

  const of = (one: Person | Team): Provider => providers[one.idp]

  it('is pushed and gets its rules', async function () {
    this.timeout(1_800_000)
    await inParallel([...company.people], AT_ONCE, (person) => of(person).join(person))
    await inParallel(company.teams, AT_ONCE, (team) => of(team).createTeam(team))
    for (const rule of company.rules) await makeRule(rule)
    await setLicence(0.4)
  })

  async function makeRule(rule: CompanyRule): Promise<void> {
    const grants = rule.draft.grants.map((grant) =>
      'team' in grant ? { ...grant, team: company.teams.find((team) => team.displayName === grant.team)!.id } : grant,
    )
    rule.draft = { ...rule.draft, grants }
    const { id } = await act((operator, caller) => createRule(operator.provisioning, caller, rule.draft).durable)
    rule.id = id
  }

  /** A licence for a share of the people, so that some wait. */
  async function setLicence(share: number): Promise<void> {
    const full = Math.round(company.people.size * share)
    const seats = { models: { full } }
    await act((operator, caller) => changeLicence(operator.provisioning, caller, { seats }).durable)
  }

  it('goes through its days, with retries and restarts', async function () {
    this.timeout(3_600_000)
    for (let day = 1; day <= SIZE.days; day++) {
      const interrupted = day % 3 === 0 ? restart(day % 2 === 0 ? 'SIGTERM' : 'SIGKILL') : undefined
      await Promise.all([peopleOfDay(), interrupted])
      await teamsOfDay(day)
      await adminsOfDay(day)
    }
  })

  async function peopleOfDay(): Promise<void> {
    const joiners = Array.from({ length: SIZE.turnover }, () => newPerson(random() < 0.5 ? 'okta' : 'entra'))
    const others = [...company.people].filter((person) => person !== company.founder)
    const changes = new Set(Array.from({ length: 2 * SIZE.turnover }, () => pick(others, random)))
    await inParallel(joiners, AT_ONCE, (person) => of(person).join(person))
    for (const person of joiners) company.people.add(person)
    await inParallel([...changes], AT_ONCE, async (person) => {
      if (!person.active && person.idp === 'entra' && random() < 0.3) {
        await of(person).remove(person)
        company.people.delete(person)
        for (const team of company.teams) team.members.delete(person)
      } else await of(person).setActive(person, !person.active)
    })
    for (const person of joiners) await joining(person)
  }

  /** A joiner's groups are decided in the model, then pushed. */
  async function joining(person: Person): Promise<void> {
    const before = company.teams.filter(({ members }) => members.has(person))
    joinTeams(company.teams, person, random)
    for (const team of company.teams) {
      if (team.members.has(person) && !before.includes(team)) await of(team).add(team, [person])
    }
  }

  async function teamsOfDay(day: number): Promise<void> {
    const plain = company.teams.filter(({ displayName }) => displayName !== 'entra-leads')
    for (let n = 0; n < SIZE.turnover; n++) {
      const team = pick(plain, random)
      const [leaver] = team.members
      if (leaver !== undefined) {
        await of(team).take(team, leaver)
        await joining(leaver)
      }
    }
    const entra = plain.filter(({ idp }) => idp === 'entra')
    const deleted = pick(entra, random)
    await of(deleted).deleteTeam(deleted)
    // Not everybody is in it again when it is pushed anew.
    const [left] = deleted.members
    if (left !== undefined) deleted.members.delete(left)
    await of(deleted).createTeam(deleted)
    const renamed = pick(plain, random)
    const isOld = renamed.displayName.endsWith(' (old)')
    const name = isOld ? renamed.displayName.slice(0, -' (old)'.length) : `${renamed.displayName} (old)`
    await of(renamed).rename(renamed, name)
    await leadsOfDay(day)
  }

  /** Somebody becomes a lead, and so an admin, and another day is none any more. */
  async function leadsOfDay(day: number): Promise<void> {
    const leads = company.teams[0]!
    const guest = [...leads.members].find((person) => person !== company.founder)
    if (guest === undefined) {
      const candidates = [...company.people].filter(({ idp, active }) => idp === 'entra' && active)
      await of(leads).add(leads, [pick(candidates, random)])
    } else if (day % 2 === 0) await of(leads).take(leads, guest)
  }

  async function adminsOfDay(day: number): Promise<void> {
    const rule = pick(company.rules.slice(1), random)
    rule.enabled = !rule.enabled
    const draft = { ...rule.draft, enabled: rule.enabled }
    await act(
      (operator, caller) =>
        changeRule(operator.provisioning, caller, rule.id as RuleId, { draft, method: 'PUT' }).durable,
    )
    await setLicence(day % 2 === 0 ? 0.3 : 0.5)
  }

  it('agrees in the end: tables, views, SCIM, explain and the replayed log, for everybody', async function () {
    this.timeout(1_800_000)
    await restart('SIGTERM')
    await eventually(() => lookBeside(environment, noJobs), 300_000)
    const wanted = expectedOf(company)
    await lookBeside(environment, async (test, orgId) => {
      expect(await troublesOf(test, orgId)).to.deep.equal([])
      expect(await differencesOfTables(test, orgId, wanted)).to.deep.equal([])
      expect(await differencesOfExplain(test, orgId, wanted)).to.deep.equal([])
      const { waiting, troubles } = await seatsOf(test, orgId)
      expect(troubles).to.deep.equal([])
      expect(waiting, 'the licence must have run out').to.be.greaterThan(0)
    })
    expect(await differencesOverScim(wanted)).to.deep.equal([])
  })

  async function differencesOverScim(wanted: ReadonlyMap<Person, Expected>): Promise<readonly string[]> {
    const { token } = await askRollcall<{ token: string }>(
      ['connection', 'create', '--kind', 'script', '--name', 'reader'],
      environment.env,
    )
    const client = new ScimClient(`${environment.url}/scim/v2`, token)
    const shown = new Map<string, string>()
    for (let startIndex = 1; ; startIndex += 100) {
      const { body } = await client.get(`/Users?startIndex=${startIndex}&count=100`)
      const resources = (body['Resources'] ?? []) as readonly JsonObject[]
      for (const resource of resources) shown.set(idOf(resource), overScim(resource))
      if (resources.length < 100) break
    }
    client.close()
    return differences(wanted, shown, ({ active }, expected) => wordsOf(active, expected.orgRole, expected.teamRoles))
  }
})

async function noJobs(test: TestStore): Promise<boolean> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from reconcile_job where state = 'running'`.execute(
    test.connections.reader,
  )
  return Number(rows[0]?.n) === 0
}

function wordsOf(active: boolean, orgRole: string | undefined, roles: ReadonlyMap<string, string>): string {
  const teams = [...roles].map(([team, role]) => `${team}=${role}`).sort()
  return [active ? 'active' : 'off', orgRole ?? 'none', ...teams].join(' ')
}

function overScim(resource: JsonObject): string {
  const extension = resource[ROLLCALL]
  const access = isJsonObject(extension) ? extension : {}
  const roles = (access['teamRoles'] ?? []) as readonly { readonly teamName: string; readonly roleName: string }[]
  const named = new Map(roles.map(({ teamName, roleName }) => [teamName, roleName]))
  return wordsOf(resource['active'] === true, access['organizationRole'] as string | undefined, named)
}

/** People whose words are not those that are due, and people that should not be there. */
function differences(
  wanted: ReadonlyMap<Person, Expected>,
  shown: ReadonlyMap<string, string>,
  due: (person: Person, expected: Expected) => string,
): readonly string[] {
  const found: string[] = []
  for (const [person, expected] of wanted) {
    const [is, should] = [shown.get(person.id), due(person, expected)]
    if (is !== should) found.push(`${person.userName} has "${is ?? 'nothing'}", not "${should}"`)
  }
  const known = new Set([...wanted.keys()].map(({ id }) => id))
  for (const id of shown.keys()) if (!known.has(id)) found.push(`${id} should not be there`)
  return found
}

/** `v_access` for roles and teams, `user_seat` for the seats that are wanted. */
async function differencesOfTables(
  test: TestStore,
  orgId: OrgId,
  wanted: ReadonlyMap<Person, Expected>,
): Promise<readonly string[]> {
  const db = test.connections.reader
  const { rows } = await sql<{ user_id: string; active: number; org_role: string; team: string; role: string }>`
    select user_id, active, org_role, coalesce(team_name, '') as team, coalesce(team_role, '') as role
    from v_access where org_id = ${orgId}`.execute(db)
  const roles = new Map<string, Map<string, string>>()
  const heads = new Map<string, { readonly active: boolean; readonly orgRole: string | undefined }>()
  for (const row of rows) {
    const teams = roles.get(row.user_id) ?? new Map<string, string>()
    if (row.team !== '') teams.set(row.team, row.role)
    roles.set(row.user_id, teams)
    heads.set(row.user_id, { active: row.active === 1, orgRole: row.org_role === 'none' ? undefined : row.org_role })
  }
  const shown = new Map([...heads].map(([id, { active, orgRole }]) => [id, wordsOf(active, orgRole, roles.get(id)!)]))
  const access = differences(wanted, shown, ({ active }, { orgRole, teamRoles }) => wordsOf(active, orgRole, teamRoles))
  const { rows: seatRows } = await sql<{ user_id: string; product: string; wanted: string }>`
    select user_id, product, wanted from user_seat where org_id = ${orgId}`.execute(db)
  const seats = new Map<string, Map<string, string>>([...wanted.keys()].map(({ id }) => [id, new Map()]))
  for (const row of seatRows) seats.get(row.user_id)?.set(row.product, row.wanted)
  const words = (of: ReadonlyMap<string, string>): string =>
    [...of]
      .map(([product, type]) => `${product}=${type}`)
      .sort()
      .join(' ')
  const texts = new Map([...seats].map(([id, of]) => [id, words(of)]))
  return [...access, ...differences(wanted, texts, (_person, expected) => words(expected.seats))]
}

/** What explain says is due is what is held, nothing is pending, and it is what the rules come to. */
async function differencesOfExplain(
  test: TestStore,
  orgId: OrgId,
  wanted: ReadonlyMap<Person, Expected>,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const [person, { orgRole, teamRoles }] of wanted) {
    if (!person.active) continue
    const { values, pending } = await explainPerson(test.store.reads, orgId, person.id as UserId)
    if (pending) found.push(`${person.userName} is pending`)
    const stale = values.filter(({ kind, value, held, capped }) => kind !== 'seat' && held !== value && capped === null)
    if (stale.length > 0) found.push(`${person.userName}: ${JSON.stringify(stale)}`)
    const teams = values
      .filter(({ kind }) => kind === 'team_role')
      .map(({ targetName, value }) => [targetName, value] as const)
    const role = values.find(({ kind }) => kind === 'org_role')?.value
    const [is, should] = [wordsOf(true, role, new Map(teams)), wordsOf(true, orgRole, teamRoles)]
    if (is !== should) found.push(`${person.userName} is explained as "${is}", not "${should}"`)
  }
  return found
}

const TYPES = ['none', 'viewer', 'full']

interface Seats {
  readonly waiting: number
  /** Seats above what is wanted, and people who wait while a seat is free. */
  readonly troubles: readonly string[]
}

async function seatsOf(test: TestStore, orgId: OrgId): Promise<Seats> {
  const db = test.connections.reader
  const { rows } = await sql<{ user_id: string; product: string; wanted: string; given: string }>`
    select user_id, product, wanted, given from user_seat where org_id = ${orgId}`.execute(db)
  const { rows: counters } = await sql<{ product: string; used: number; cap: number | null }>`
    select product, used, cap from seat_counter where org_id = ${orgId} and type = 'full'`.execute(db)
  const isFree = (of: string): boolean =>
    counters.some(({ product, used, cap }) => product === of && (cap === null || used < cap))
  const waiting = rows.filter(({ wanted, given }) => wanted !== given)
  const troubles = waiting
    .filter(({ wanted, given, product }) => TYPES.indexOf(given) > TYPES.indexOf(wanted) || isFree(product))
    .map((row) => JSON.stringify(row))
  return { waiting: waiting.length, troubles }
}
