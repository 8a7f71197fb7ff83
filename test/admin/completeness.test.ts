import { expect } from 'chai'
import { sql } from 'kysely'
import { ROUTES } from '../../src/admin/routes.ts'
import { forEachDialect } from '../support/databases.ts'
import { openDnsServer } from '../support/dns-server.ts'
import { openAdminGateway } from './api.ts'
import { type Gateway, type Ids, scim, type Step, STEPS } from './changes.ts'

interface Sent {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** What changes nothing that the log is about. */
const NO_CHANGE = ['POST /previews', 'POST /activity', 'POST /sinks/{sink}/test']

/** Tables of what people and programs have, and the column that names whose or which each row is. */
const OBJECTS: readonly (readonly [table: string, id: string])[] = [
  ...(['org', 'connection', 'connection_token', 'jwt_trust', 'api_key', 'session', 'invite'] as const).map(byId),
  ...(['user', 'scim_group', 'custom_role', 'mapping_rule', 'signin_provider', 'access_review', 'team'] as const).map(
    byId,
  ),
  ...(['explicit_grant', 'team_membership', 'user_seat', 'group_member', 'local_password'] as const).map(byUser),
  ...(['service_account', 'identity', 'access_period', 'removed_access', 'withheld_admin'] as const).map(byUser),
  ...[['org_policy', 'org_id'] as const, ['link_request', 'subject_id'] as const],
  ...[['breaker_batch', 'id'] as const, ['one_time_link', 'user_id'] as const],
  ...[['access_review_item', 'review_id'] as const, ['custom_role_permission', 'role_id'] as const],
  ...[['rule_grant', 'rule_id'] as const, ['domain_claim', 'domain_key'] as const, ['legal_hold', 'id'] as const],
  ...[['sink', 'id'] as const, ['sink_dead', 'sink_id'] as const],
]

function byId(table: string): readonly [string, string] {
  return [table, 'id']
}

function byUser(table: string): readonly [string, string] {
  return [table, 'user_id']
}

/**
 * Columns that are no state of the thing: when it was used, what is counted elsewhere, which of its reasons an access
 * that stays as it was is now given for, and words that are blanked with the person they are of.
 */
const PASSING = new Set([
  ...['last_used', 'last_seen', 'updated', 'version', 'member_count', 'rules_version'],
  ...['source', 'source_kind', 'source_id'],
  ...['invite.email_key', 'access_review_item.reason'],
])

forEachDialect('every change over HTTP (C01)', (dialect) => {
  let gateway: Gateway
  const ids: Ids = { right: 'auditor', domain: 'people.example' }

  before(async () => {
    const dns = await openDnsServer()
    gateway = { ...(await openAdminGateway(dialect, undefined, { ROLLCALL_DNS_SERVERS: dns.address })), dns }
    ids['operator'] = await gateway.key('operator')
    ids['reviewer'] = await gateway.key('admin')
    ids['scim'] = await gateway.scimToken()
    ids['idp'] = gateway.tenant.idp.connection!.id
    for (const name of ['p0', 'p1', 'p2', 'p3', 'p4', 'p5']) ids[name] = (await gateway.tenant.user(name)).id
  })
  after(async () => {
    await gateway.close()
    await gateway.dns.close()
  })

  it('is in the table of this test', () => {
    const known = new Set([...STEPS.map(({ route }) => route), ...NO_CHANGE])
    const missing = ROUTES.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)
    expect(missing.filter((route) => !known.has(route))).to.deep.equal([])
  })

  for (const step of STEPS) {
    it(`${step.route} names each thing it changes in exactly one record`, async () => {
      await step.arrange?.(gateway, ids)
      await gateway.tenant.jobs()
      const [before, from] = [await objects(), await lastSeqs()]
      await send(step)
      await gateway.tenant.jobs()
      const changed = changedIds(before, await objects())
      expect(changed, 'nothing was changed').not.to.have.length(0)
      const named = await namedSince(from)
      const wrong = changed.filter((id) => !isNamedOnce(named.get(id)))
      const told = wrong.map((id) => `${whatIs(id)} in [${(named.get(id) ?? []).join(', ')}]`)
      expect(told.join('; ')).to.equal('')
    })
  }

  function whatIs(id: string): string {
    const [name = id] = Object.entries(ids).find(([, value]) => value === id) ?? []
    return name
  }

  async function send(step: Step): Promise<void> {
    const [method = '', path = ''] = step.route.split(' ')
    const known = { ...ids, ...step.with?.(ids) }
    const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => known[name] ?? `no ${name}`)
    const body = step.body?.(ids)
    const text = filled.startsWith('/scim/v2')
      ? await scim(gateway, ids, method, filled.slice('/scim/v2'.length), body)
      : await admin(ids[step.as ?? 'operator']!, { method, path: filled, body })
    if (step.makes !== undefined) ids[step.makes] = String((JSON.parse(text) as { id: string }).id)
  }

  async function admin(key: string, { method, path, body }: Sent): Promise<string> {
    const answer = await gateway.client(key).send(method, path, body === undefined ? {} : { body })
    expect(answer.status, answer.text).to.be.within(200, 299)
    return answer.text
  }

  /** Every row by table, naming id and place, as text. */
  async function objects(): Promise<ReadonlyMap<string, string>> {
    const rows = new Map<string, string>()
    for (const [table, id] of OBJECTS) {
      const found = await sql<Record<string, unknown>>`select * from ${sql.id(table)}`.execute(
        gateway.test.connections.writer,
      )
      for (const row of found.rows) {
        // What was revoked is over: that its row goes with a person's is no change.
        if ((row['revoked'] ?? null) !== null) continue
        const state = Object.entries(row).filter(
          ([column]) => !PASSING.has(column) && !PASSING.has(`${table}.${column}`),
        )
        const text = JSON.stringify(state, (_key, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        )
        rows.set(`${table}|${text}`, String(row[id]))
      }
    }
    return rows
  }

  async function lastSeqs(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await sql<{ org_id: string; seq: number | string }>`select org_id, seq from org_chain`.execute(
      gateway.test.connections.writer,
    )
    return new Map(rows.map(({ org_id, seq }) => [org_id, Number(seq)]))
  }

  /** The actions of the new records that name each id. */
  async function namedSince(from: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, readonly string[]>> {
    const { rows } = await sql<{ org_id: string; seq: number | string; target_id: string; action: string }>`
      select t.org_id, t.seq, t.target_id, e.action from event_target t
      join provisioning_event e on e.org_id = t.org_id and e.seq = t.seq`.execute(gateway.test.connections.writer)
    const named = new Map<string, readonly string[]>()
    for (const { org_id, seq, target_id, action } of rows) {
      if (Number(seq) > (from.get(org_id) ?? 0)) named.set(target_id, [...(named.get(target_id) ?? []), action])
    }
    return named
  }
})

/** One request may do several things to one object, such as invite whom it makes; never one thing twice. */
function isNamedOnce(actions: readonly string[] = []): boolean {
  return actions.length > 0 && new Set(actions).size === actions.length
}

function changedIds(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  const made = [...after].filter(([row]) => !before.has(row))
  const gone = [...before].filter(([row]) => !after.has(row))
  return [...new Set([...made, ...gone].map(([, id]) => id))]
}
