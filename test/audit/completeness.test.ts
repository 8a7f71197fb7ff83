import { randomBytes } from 'node:crypto'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'chai'
import { sql } from 'kysely'
import { RECORD_SCHEMA } from '../../src/audit/record-schema.ts'
import type { Caller } from '../../src/domain/caller.ts'
import { type GroupId, newId, type KeyId, type TokenId, type UserId } from '../../src/domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'
import type { StoredRecord } from '../../src/domain/ports.ts'
import { createKey, revokeKey } from '../../src/provisioning/api-keys.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeLicence } from '../../src/provisioning/change-licence.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { addToken } from '../../src/provisioning/connection-tokens.ts'
import { createConnection } from '../../src/provisioning/create-connection.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { renameOrg } from '../../src/provisioning/rename-org.ts'
import { restoreUser } from '../../src/provisioning/restore-user.ts'
import { revokeConnection } from '../../src/provisioning/revoke-connection.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { createFaults, failAtEach } from '../support/faults.ts'
import { foundTenant, operation, type Tenant } from '../support/tenant.ts'
import { troublesOf } from '../system/beside.ts'

interface Acts {
  readonly test: TestStore
  readonly tenant: Tenant
  readonly admin: Caller
  user: UserId
  group: GroupId
}

interface Act {
  readonly title: string
  readonly run: (acts: Acts) => Promise<unknown>
  /** The actions of the records it leaves, and what the first of them says was changed. */
  readonly leaves: readonly string[]
  readonly changes?: readonly string[]
}

const ACTS: readonly Act[] = [
  {
    title: 'makes a person',
    run: async (acts) => {
      acts.user = (await acts.tenant.user('ada', { attributes: { displayName: 'Ada' } })).id
    },
    leaves: ['user.create'],
    changes: ['active', 'userName'],
  },
  {
    title: 'makes a group with a member',
    run: async (acts) => {
      const draft = { displayName: 'research', externalId: 'g-1', members: [{ value: acts.user }] }
      acts.group = (await createGroup(acts.tenant.provisioning, acts.tenant.idp, draft).durable).id
    },
    leaves: ['group.create'],
    changes: ['displayName', 'members'],
  },
  {
    title: 'makes a rule and applies it',
    run: ({ tenant, admin }) =>
      createRule(tenant.provisioning, admin, {
        match: { kind: 'name', value: 'research' },
        grants: [{ seat: 'weave', type: 'viewer' }],
      }).durable,
    leaves: ['rule.create'],
  },
  {
    title: 'deactivates a person',
    run: ({ tenant, user }) =>
      changeUser(tenant.provisioning, tenant.idp, user, {
        change: (now) => ({ ...now, active: false }),
        method: 'PATCH',
      }).durable,
    leaves: ['user.deactivate'],
    changes: ['active'],
  },
  {
    title: 'activates a person again',
    run: ({ tenant, user }) =>
      changeUser(tenant.provisioning, tenant.idp, user, {
        change: (now) => ({ ...now, active: true }),
        method: 'PATCH',
      }).durable,
    leaves: ['user.reactivate'],
    changes: ['active'],
  },
  {
    title: 'renames a group',
    run: ({ tenant, group }) =>
      changeGroup(tenant.provisioning, tenant.idp, group, {
        plan: { displayName: 'science', steps: [] },
        method: 'PATCH',
      }).durable,
    leaves: ['group.update'],
    changes: ['displayName'],
  },
  {
    title: 'takes a member out',
    run: ({ tenant, group, user }) =>
      changeGroup(tenant.provisioning, tenant.idp, group, {
        plan: { steps: [{ do: 'remove', members: [{ value: user }] }] },
        method: 'PATCH',
      }).durable,
    leaves: ['group.update'],
    changes: ['members'],
  },
  {
    title: 'makes a team by hand',
    run: ({ tenant, admin }) => createTeam(tenant.provisioning, admin, { name: 'crew' }).durable,
    leaves: ['team.create'],
  },
  {
    title: 'makes a custom role',
    run: ({ tenant, admin }) =>
      createRole(tenant.provisioning, admin, {
        name: 'curator',
        description: undefined,
        base: 'member',
        permissions: [],
      }).durable,
    leaves: ['role.create'],
  },
  {
    title: 'changes a setting',
    run: ({ tenant, admin }) =>
      changeOrgSettings(tenant.provisioning, admin, { settings: { 'breaker.mode': 'hold' } }).durable,
    leaves: ['org.settings'],
  },
  {
    title: 'states a licence',
    run: ({ tenant, admin }) => changeLicence(tenant.provisioning, admin, { seats: { models: { full: 5 } } }).durable,
    leaves: ['org.licence'],
  },
  {
    title: 'renames the organisation',
    run: ({ tenant, admin }) => renameOrg(tenant.provisioning, admin, `renamed ${tenant.orgId}`).durable,
    leaves: ['org.rename'],
  },
  {
    title: 'makes and revokes an admin key',
    run: async ({ tenant }) => {
      const id = newId<KeyId>(Date.now())
      const draft = { id, secretHash: randomBytes(32), scope: 'admin', user: undefined, name: 'k' } as const
      await createKey(tenant.provisioning, operation(), tenant.orgId, {
        ...draft,
        origin: 'minted',
        expires: undefined,
      }).durable
      await revokeKey(tenant.provisioning, operation(), tenant.orgId, id).durable
    },
    leaves: ['key.create', 'key.revoke'],
  },
  {
    title: 'makes a connection with a token and revokes it',
    run: async ({ tenant }) => {
      const draft = { name: 'other', kind: 'idp', mayGrantAdmin: false, scopes: ['users'], trust: undefined } as const
      const made = await createConnection(tenant.provisioning, operation(), tenant.orgId, draft).durable
      const id = newId<TokenId>(Date.now())
      const token = {
        id,
        connectionId: made.id,
        secretHash: randomBytes(32),
        origin: 'minted',
        expires: undefined,
      } as const
      await addToken(tenant.provisioning, operation(), tenant.orgId, token).durable
      await revokeConnection(tenant.provisioning, operation(), tenant.orgId, made.id).durable
    },
    leaves: ['connection.create', 'token.create', 'connection.revoke'],
  },
  {
    title: 'deletes a group',
    run: ({ tenant, group }) => deleteGroup(tenant.provisioning, tenant.idp, group, { method: 'DELETE' }).durable,
    leaves: ['group.delete'],
  },
  {
    title: 'deletes a person',
    run: ({ tenant, user }) => deleteUser(tenant.provisioning, tenant.idp, user, { method: 'DELETE' }).durable,
    leaves: ['user.delete'],
  },
  {
    title: 'brings a person back',
    run: ({ tenant, admin, user }) => restoreUser(tenant.provisioning, admin, user).durable,
    leaves: ['user.restore'],
  },
]

forEachDialect('every change and its record (R03, C01)', (dialect) => {
  const faults = createFaults()
  let test: TestStore
  let acts: Acts
  const validate = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': true } }).compile(
    RECORD_SCHEMA,
  )

  before(async () => {
    test = await openTestStore(dialect, faults.onQuery)
    const tenant = await foundTenant(test)
    const admin: Caller = { ...operation(), orgId: tenant.orgId, connection: undefined }
    acts = { test, tenant, admin, user: '' as UserId, group: '' as GroupId }
  })
  after(async () => {
    faults.end()
    await test.close()
  })

  const since = async (seq: number): Promise<readonly StoredRecord[]> =>
    test.store.reads.records.page(acts.tenant.orgId, seq, Number.MAX_SAFE_INTEGER, 1_000)
  const headSeq = async (): Promise<number> => (await test.store.reads.records.head(acts.tenant.orgId))!.seq

  for (const act of ACTS) {
    it(`${act.title}: at whichever statement it fails, state and log are never apart`, async function () {
      this.timeout(120_000)
      const { orgId } = acts.tenant
      const settled = () => acts.tenant.jobs()
      await failAtEach({ test, faults, orgId, settled }, () => act.run(acts))
    })
  }

  it('leaves the records that each change is to leave, each object named in one, as the published schema says', async () => {
    const tenant = await foundTenant(test)
    const admin: Caller = { ...operation(), orgId: tenant.orgId, connection: undefined }
    acts = { test, tenant, admin, user: '' as UserId, group: '' as GroupId }
    const found: (readonly [string, readonly string[]])[] = []
    for (const act of ACTS) {
      const seq = await headSeq()
      await act.run(acts)
      await tenant.jobs()
      const records = await since(seq)
      found.push([act.title, records.map(({ action }) => action)])
      for (const { body, result } of records) {
        expect(validate(JSON.parse(body)), `${act.title}: ${JSON.stringify(validate.errors)}`).to.equal(true)
        expect(result).to.equal('success')
      }
      const named = records.flatMap(({ body }) => targetsIn(body))
      expect(new Set(named).size, `${act.title}: an object is named twice`).to.equal(named.length)
      expect(changesIn(records[0]!.body), act.title).to.include.members([...(act.changes ?? [])])
    }
    expect(found).to.deep.equal(ACTS.map(({ title, leaves }) => [title, leaves]))
    expect(await troublesOf(test, tenant.orgId)).to.deep.equal([])
  })

  it("shows every record to the product's own SQL in the view v_event", async () => {
    const { orgId } = acts.tenant
    const { rows } = await sql<{ seq: number; action: string; record: string }>`
      select seq, action, record from v_event where org_id = ${orgId} order by seq`.execute(test.connections.reader)
    const stored = await since(0)
    expect(rows).to.deep.equal(stored.map(({ seq, action, body }) => ({ seq, action, record: body })))
  })

  it('refuses by its schema what is no record', () => {
    const record = { action: 'user.create', actor: { type: 'idp' }, id: 'x', org: 'o', outcome: { result: 'success' } }
    const whole = { ...record, receivedAt: '2026-01-01T00:00:00.000Z', targets: [], v: 1 }
    expect(validate(whole)).to.equal(true)
    for (const wrong of [
      { ...whole, v: 2 },
      { ...whole, more: true },
      { ...whole, action: 'usercreate' },
      { ...whole, actor: { type: 'god' } },
      { ...whole, outcome: { result: 'maybe' } },
      { ...whole, targets: [{ type: 'user' }] },
      { ...whole, latencyUs: 1.5 },
      record,
    ]) {
      expect(validate(wrong), JSON.stringify(wrong)).to.equal(false)
    }
  })
})

/** What a record is about, with what it does: a token that is made and one that is revoked are two things. */
function targetsIn(body: string): readonly string[] {
  const { action, targets } = JSON.parse(body) as { readonly action: string; readonly targets: readonly JsonObject[] }
  return targets.map(({ type, id }) => `${action} ${String(type as string)} ${String(id as string)}`)
}

function changesIn(body: string): readonly string[] {
  const { changes } = JSON.parse(body) as JsonObject
  const list = Array.isArray(changes) ? (changes as readonly Json[]) : []
  return list.filter(isJsonObject).map(({ path }) => String(path as string))
}
