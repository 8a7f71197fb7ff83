import { expect } from 'chai'
import { CUSTOM_URN } from '../../src/domain/schema-urns.ts'
import { actionsOf, askRollcall, recordsOf, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'

forEachDialect('attributes of an organisation by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  let client: ScimClient

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
    client = new ScimClient(gateway.base, gateway.token)
  })
  after(async () => {
    client.close()
    await gateway.stop()
  })

  /** The one sentence of a command that must be refused with status 1. */
  async function refused(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await runRollcall(['attribute', ...args], env)
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.match(/^rollcall: [^\n]+\n$/)
    return stderr
  }

  it('declares, changes, lists and removes, and the server knows with the next request', async () => {
    const none = await runRollcall(['attribute', 'list'], env)
    expect(none.stdout).to.equal('No attributes yet\n')
    const options = ['--type', 'integer', '--multi-valued', '--description', 'Pay grades']
    const made = await askRollcall(['attribute', 'declare', 'grades', ...options], env)
    const grades = {
      ...{ name: 'grades', type: 'integer', multiValued: true, caseExact: false },
      ...{ description: 'Pay grades', state: 'live' },
    }
    expect(made).to.deep.equal({ ...grades, outcome: 'declared' })
    const answer = await client.post('/Users', { schemas: [USER], userName: 'u', [CUSTOM_URN]: { grades: [3, 5] } })
    expect(answer.body[CUSTOM_URN]).to.deep.equal({ grades: [3, 5] })
    const again = await runRollcall(['attribute', 'declare', 'grades', '--description', 'Grades'], env)
    expect(again.stdout).to.equal(`Changed grades, integer with several values; its path is ${CUSTOM_URN}:grades\n`)
    expect(await askRollcall(['attribute', 'list'], env)).to.deep.equal([{ ...grades, description: 'Grades' }])
    const listed = await runRollcall(['attribute', 'list'], env)
    expect(listed.stdout).to.match(
      /^name +type +values +case +state +description\ngrades +integer +several +any +live +Grades\n$/,
    )
    expect(await refused('declare', 'grades', '--no-multi-valued')).to.include(
      'its multiValued cannot change from true',
    )
    expect(await refused('declare', 'Grades')).to.include('"Grades" differs from "grades" in case only')
    const removed = await runRollcall(['attribute', 'remove', 'GRADES'], env)
    expect(removed.stdout).to.equal('Removed grades; people who had a value of it: 1\n')
    expect((await client.get('/Users')).text).not.to.include('grades')
    expect(await refused('remove', 'grades')).to.include('There is no attribute "grades"')
    expect((await actionsOf(env)).filter((action) => action.startsWith('attribute.'))).to.deep.equal([
      'attribute.declare',
      'attribute.change',
      'attribute.remove',
    ])
    const last = (await recordsOf(env)).at(-1)
    expect(last?.record.targets[0]).to.deep.include({ type: 'attribute', id: 'grades' })
    expect(last?.record.actor).to.deep.equal({ type: 'cli', id: `uid:${process.getuid!()}` })
  })

  it('says what is wrong with a name, and which organisation is not there', async () => {
    expect(await refused('declare', 'cost centre')).to.include('An attribute name begins with a letter')
    expect(await refused('declare', 'a\u001b[2Jb')).to.include('An attribute name begins with a letter')
    expect(await refused('remove', 'a\u001b[2Jb')).to.include('There is no attribute "a\\u001b[2Jb"')
    expect(await refused('list', '--org', 'nowhere')).to.include('There is no organisation "nowhere"')
  })
})
