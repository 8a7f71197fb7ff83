import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { callerOf, foundTenant, problemsOf, refusal, type Tenant } from '../support/tenant.ts'
import { operatorOf } from '../support/callers.ts'

const ADMINS = 50

/** Each way in which an admin of the org can be one no more. */
type Removal = (tenant: Tenant, caller: Caller, user: User) => Promise<unknown>

const patched = (change: (state: UserState) => UserState): Removal => {
  return (tenant, caller, { id }) => changeUser(tenant.provisioning, caller, id, { method: 'PATCH', change }).durable
}

const REMOVALS: Readonly<Record<string, Removal>> = {
  deactivation: patched((state) => ({ ...state, active: false })),
  deletion: (tenant, caller, { id }) => deleteUser(tenant.provisioning, caller, id, { method: 'DELETE' }).durable,
  demotion: patched((state) => ({ ...state, wishes: [{ kind: 'org_role', value: 'member' }] })),
  'a cleared role': patched((state) => ({ ...state, wishes: [{ kind: 'org_role', value: undefined }] })),
}

forEachDialect('the last active admin', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let trusted: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    trusted = callerOf({ ...tenant.idp.connection!, mayGrantAdmin: true })
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const admins = async (): Promise<readonly string[]> => {
    const { rows } = await test.store.reads.users.page(tenant.orgId, {
      ...{ filter: undefined, sort: undefined, startIndex: 1, count: 200 },
      viewer: { connectionId: undefined, kind: 'script' },
    })
    return rows.filter(({ status, orgRole }) => status === 'active' && orgRole === 'admin').map(({ id }) => id)
  }
  const people = async (): Promise<readonly User[]> =>
    Promise.all(Array.from({ length: ADMINS }, (_, index) => tenant.user(`admin-${index}`)))
  const promote = patched((state) => ({ ...state, wishes: [{ kind: 'org_role', value: 'admin' }] }))

  for (const [route, remove] of Object.entries(REMOVALS)) {
    it(`stays, alone, of ${ADMINS} whose ${route} is asked for at once`, async () => {
      const users = await people()
      for (const user of users) await promote(tenant, trusted, user)
      const outcomes = await Promise.all(users.map((user) => refusal(remove(tenant, trusted, user))))
      expect(outcomes.filter((outcome) => outcome === 'last-admin admin.last')).to.have.length(1)
      expect(outcomes.filter((outcome) => outcome === '')).to.have.length(ADMINS - 1)
      expect(await admins()).to.have.length(1)
    })
  }

  it('stays when each of them is removed by another route at once', async () => {
    const users = await people()
    for (const user of users) await promote(tenant, trusted, user)
    const routes = Object.values(REMOVALS)
    const outcomes = await Promise.all(
      users.map((user, index) => refusal(routes[index % routes.length]!(tenant, trusted, user))),
    )
    expect(outcomes.filter((outcome) => outcome !== '')).to.deep.equal(['last-admin admin.last'])
    expect(await admins()).to.have.length(1)
  })

  it('stays where a group makes the admins: those who would all leave it are refused as a whole', async () => {
    const users = await people()
    const members = users.map(({ id }) => ({ value: id }))
    const draft = { displayName: 'Admins', externalId: undefined, members }
    const group = await createGroup(tenant.provisioning, trusted, draft).durable
    const rule = { match: { kind: 'name', value: 'Admins' }, grants: [{ orgRole: 'admin' }] } as const
    await createRule(tenant.provisioning, operatorOf(tenant.orgId), rule).durable
    expect(await admins()).to.have.length(ADMINS)
    const leave = (value: string) => {
      const plan = { steps: [{ do: 'remove', members: [{ value }] }] } as const
      return changeGroup(tenant.provisioning, trusted, group.id, { plan, method: 'PATCH' }).durable
    }
    const all = changeGroup(tenant.provisioning, trusted, group.id, {
      ...{ plan: { steps: [{ do: 'removeAll' }] }, method: 'PATCH' },
    }).durable
    expect(await refusal(all)).to.equal('last-admin admin.last')
    const gone = deleteGroup(tenant.provisioning, trusted, group.id, { method: 'DELETE' }).durable
    expect(await refusal(gone)).to.equal('last-admin admin.last')
    expect(await admins()).to.have.length(ADMINS)
    const outcomes = await Promise.all(users.map(({ id }) => refusal(leave(id))))
    expect(outcomes.filter((outcome) => outcome !== '')).to.deep.equal(['last-admin admin.last'])
    expect(await admins()).to.have.length(1)
  })
})
