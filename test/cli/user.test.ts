import { parse } from 'csv-parse/sync'
import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const BOOTSTRAP = { ROLLCALL_BOOTSTRAP_ADMIN_KEY: 'bootstrap-admin-key-of-32-characters' }

forEachDialect('people and keys by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>

  before(async () => {
    gateway = await startTestGateway(dialect, BOOTSTRAP)
    env = gateway.env
    for (const userName of ['ann@example.com', 'bob@example.com', '=sum(1)']) {
      expect((await api('POST', '/users', BOOTSTRAP.ROLLCALL_BOOTSTRAP_ADMIN_KEY, { userName })).status).to.equal(201)
    }
  })
  after(() => gateway.stop())

  async function api(method: string, path: string, key: string, body?: object): Promise<Response> {
    return fetch(`${gateway.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  it('lists, shows and exports people as the admin API does', async () => {
    const listed = await askRollcall<{ userName: string }[]>(['user', 'list', '--search', 'EXAMPLE'], env)
    expect(listed.map(({ userName }) => userName)).to.deep.equal(['ann@example.com', 'bob@example.com'])
    const shown = await askRollcall<{ id: string }>(['user', 'show', 'ann@example.com'], env)
    const answer = await api('GET', `/users/${shown.id}`, BOOTSTRAP.ROLLCALL_BOOTSTRAP_ADMIN_KEY)
    expect(shown).to.deep.equal(await answer.json())
    const csv = await runRollcall(['user', 'export'], env)
    const fromApi = await api('GET', '/users.csv', BOOTSTRAP.ROLLCALL_BOOTSTRAP_ADMIN_KEY)
    expect(csv).to.deep.equal({ status: 0, stdout: await fromApi.text(), stderr: '' })
    const names = parse<Record<string, string>>(csv.stdout, { columns: true }).map((row) => row['user name'])
    expect(names).to.deep.equal(['ann@example.com', 'bob@example.com', "'=sum(1)"])
    const few = await runRollcall(['user', 'list', '--limit', '1'], env)
    expect(few.stderr).to.equal('2 more; narrow it down, or raise --limit\n')
    const none = await runRollcall(['user', 'show', 'nobody'], env)
    expect([none.status, none.stderr]).to.deep.equal([
      1,
      'rollcall: There is no user "nobody" in "default"; see: rollcall user list --search\n',
    ])
  })

  it('makes keys that work at once, shows them once, and ends them at once', async () => {
    const before = await actionsOf(env)
    const admin = await askRollcall<{ id: string; key: string }>(['token', 'create', '--admin', '--name', 'ci'], env)
    const own = await askRollcall<{ key: string; user: string }>(['token', 'create', '--user', 'ann@example.com'], env)
    const auditor = await runRollcall(['token', 'create', '--auditor', '--expires', '1'], env)
    expect(auditor.stdout).to.match(/^Key \S+ \(auditor, auditor\), expires 20\S+Z, shown this once: rollcall_\S+\n$/)
    expect((await api('GET', '/users', admin.key)).status).to.equal(200)
    expect((await api('GET', '/users', own.key)).status).to.equal(403)
    expect((await api('GET', `/users/${own.user}`, own.key)).status).to.equal(200)
    const listed = await runRollcall(['token', 'list'], env)
    expect(listed.stdout).to.include(admin.id).and.not.to.include(admin.key)
    expect((await runRollcall(['token', 'revoke', admin.id], env)).status).to.equal(0)
    expect((await api('GET', '/users', admin.key)).status).to.equal(401)
    expect((await actionsOf(env)).slice(before.length)).to.deep.equal([
      ...['key.create', 'key.create', 'key.create', 'key.revoke'],
    ])
    const wrong = await runRollcall(['token', 'create', '--admin', '--user', 'ann@example.com'], env)
    expect(wrong.status).to.equal(1)
    expect((await runRollcall(['token', 'create', '--name', 'x'], env)).stderr).to.match(
      /^rollcall: --name is for keys/,
    )
  })

  it('makes, changes, deactivates, brings back and deletes people, and flags them', async () => {
    const made = await askRollcall<{ id: string }>(
      ['user', 'create', 'cli@example.com', '--name', 'Cli', '--org-role', 'admin', '--seat', 'models=viewer'],
      env,
    )
    expect(made).to.deep.include({ name: 'Cli', orgRole: 'admin', seats: { models: 'viewer', weave: 'full' } })
    const deputy = await runRollcall(['user', 'create', 'deputy@example.com', '--org-role', 'admin'], env)
    expect(deputy.stdout).to.match(/^Made user deputy@example\.com \(\S+\)\n$/)
    const changed = ['user', 'change', 'cli@example.com', '--org-role', 'default', '--seat', 'models=default']
    expect(await askRollcall<object>(changed, env)).to.deep.include({
      orgRole: 'member',
      seats: { models: 'full', weave: 'full' },
    })
    expect((await runRollcall(['user', 'flag', 'cli@example.com', '--auditor'], env)).status).to.equal(0)
    const { key } = await askRollcall<{ key: string }>(['token', 'create', '--user', made.id], env)
    expect((await api('GET', '/users', key)).status).to.equal(200)
    const off = await runRollcall(['user', 'deactivate', made.id], env)
    expect(off.stdout).to.equal(`User ${made.id} is deactivated\n`)
    expect((await api('GET', '/users', key)).status).to.equal(401)
    expect(await askRollcall<object>(['user', 'reactivate', made.id], env)).to.include({ status: 'active' })
    const last = await runRollcall(['user', 'change', 'deputy@example.com', '--org-role', 'viewer'], env)
    expect([last.status, last.stderr]).to.deep.equal([
      1,
      'rollcall: deputy@example.com is the last active admin of the organization; make somebody else an admin first\n',
    ])
    expect((await runRollcall(['user', 'delete', made.id], env)).stdout).to.equal(`User ${made.id} is deleted\n`)
    expect(await askRollcall<object>(['user', 'restore', made.id], env)).to.include({ id: made.id, status: 'active' })
    const live = await runRollcall(['user', 'restore', made.id], env)
    expect([live.status, live.stderr]).to.deep.equal([1, `rollcall: There is no deleted person ${made.id}\n`])
    expect((await runRollcall(['user', 'restore', 'cli@example.com'], env)).stderr).to.include('Wanted is the id')
    const wrong = await runRollcall(['user', 'create', 'x', '--seat', 'models=half'], env)
    expect([wrong.status, wrong.stderr.includes('Wanted is product=type')]).to.deep.equal([1, true])
  })

  it('marks groups as protected and ends it', async () => {
    const { id } = await askRollcall<{ id: string }>(['team', 'create', 'vault'], env)
    expect(await askRollcall<object>(['group', 'protect', 'Vault'], env)).to.deep.equal({
      ...{ id, displayName: 'vault', protected: true, changed: true },
    })
    expect((await runRollcall(['group', 'unprotect', id], env)).stdout).to.equal(
      `Group vault (${id}) is not marked as protected\n`,
    )
    expect((await runRollcall(['group', 'protect', 'vaults'], env)).status).to.equal(1)
  })

  it('changes connections, hands over what they manage, and reports what may not work tomorrow', async () => {
    const made = await askRollcall<{ id: string }>(['connection', 'create', '--name', 'entra'], env)
    const changed = ['connection', 'change', 'entra', '--name', 'Entra ID', '--may-grant-admin', '--scope', 'users']
    expect(await askRollcall<object>(changed, env)).to.deep.equal({
      ...{ id: made.id, name: 'Entra ID', mayGrantAdmin: true, scopes: ['users'] },
    })
    const single = ['connection', 'hand-over', '--user', 'bob@example.com', '--to', 'Entra ID']
    expect(await askRollcall<object>(single, env)).to.deep.equal({ users: 1, groups: 0 })
    const all = await runRollcall(['connection', 'hand-over', 'Entra ID', '--to', 'default'], env)
    expect(all.stdout).to.equal('Handed over 1 users and 0 groups\n')
    expect((await runRollcall(['connection', 'waiting'], env)).stdout).to.equal('Nothing waits\n')
    const none = await runRollcall(['connection', 'reject', 'default', made.id], env)
    expect([none.status, none.stderr]).to.deep.equal([1, 'rollcall: Nothing waits for confirmation under this id\n'])
    const found = await askRollcall<{ code: string; org: string }[]>(['doctor'], env)
    expect(found.map(({ code, org }) => `${org} ${code}`)).to.deep.equal(['default org.single-admin'])
  })
})
