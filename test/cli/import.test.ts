import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { askRollcall, runRollcall, runRollcallProcess } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

forEachDialect('importing people and running service accounts by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-import-'))

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
  })
  after(() => gateway.stop())

  const file = (name: string, ...lines: readonly string[]): string => {
    const path = join(folder, name)
    writeFileSync(path, `${lines.join('\n')}\n`)
    return path
  }

  it('previews, imports with progress, and has nothing to do when it is run again', async () => {
    const people = Array.from({ length: 200 }, (_, index) => `person-${index},Person ${index}`)
    const path = file('people.csv', 'user name,name', ...people)
    const preview = await runRollcall(['import', path, '--preview'], env)
    expect(preview.stdout).to.equal('200 to be made, 0 to be changed, 0 as they are\n')
    expect(await askRollcall(['user', 'list'], env)).to.deep.equal([])
    const done = await runRollcallProcess(['import', path], env)
    expect(done.stdout).to.equal('200 made, 0 changed, 0 as they were, 0 refused\n')
    expect(done.stderr).to.match(/^50 % 100\/200 \d+\/s ETA \d+ s$/m)
    // Half of it is there: what a run that was cut off leaves behind.
    const more = file('more.csv', 'user name,name', ...people, 'one-more,One More')
    expect(await askRollcall(['import', more], env)).to.deep.include({ created: 1, changed: 0, same: 200, left: 0 })
  })

  it('says what is wrong line by line, and imports nothing of such a file', async () => {
    const path = file('wrong.csv', 'user name,teams', 'zoe,Nowhere', ',x', 'yan,')
    const { status, stdout, stderr } = await runRollcall(['import', path], env)
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr.split('\n').slice(0, 3)).to.deep.equal([
      'line 2: there is no team "Nowhere"',
      'line 3: user name is empty',
      'rollcall: 2 lines are wrong; nothing was imported',
    ])
    expect(await askRollcall(['user', 'list', '--search', 'yan'], env)).to.deep.equal([])
    const none = await runRollcall(['import', join(folder, 'none.csv')], env)
    expect(none.stderr).to.contain('cannot be read: ENOENT')
  })

  it('makes a service account with keys, and ends both', async () => {
    await askRollcall(['team', 'create', 'Bots'], env)
    const options = ['--team', 'bots', '--owner', 'person-1']
    const { id } = await askRollcall<{ id: string }>(['service-account', 'create', 'sa-deploy', ...options], env)
    const made = await askRollcall<{ id: string; key: string }>(
      ['service-account', 'key', 'create', 'sa-deploy', '--name', 'nightly', '--expires', '30'],
      env,
    )
    const status = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${made.key}` }
      return (await fetch(`${new URL(gateway.base).origin}/api/v1/permissions`, { headers })).status
    }
    expect(await status()).to.equal(200)
    expect(await askRollcall(['service-account', 'owner', id, 'person-2'], env)).to.deep.equal({ changed: true })
    expect((await runRollcall(['service-account', 'list'], env)).stdout).to.match(/sa-deploy +team +Bots +person-2 +no/)
    await askRollcall(['service-account', 'key', 'revoke', 'sa-deploy', made.id], env)
    expect(await status()).to.equal(401)
    expect((await runRollcall(['service-account', 'key', 'list', id], env)).stdout).to.contain('nightly')
    const wrong = await runRollcall(['service-account', 'delete', 'person-1'], env)
    expect(wrong.stderr).to.contain('"person-1" is a person')
    expect(await askRollcall(['service-account', 'delete', 'sa-deploy'], env)).to.deep.equal({ id, deleted: true })
  })
})
