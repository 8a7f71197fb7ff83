import { expect } from 'chai'
import { askRollcall, runRollcallProcess, statusOf } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment, serveProcess } from '../support/gateway.ts'

forEachDialect('commands beside a server in another process', (dialect) => {
  it('write and read while it goes on answering reads and writes, none of which fails', async function () {
    this.timeout(120_000)
    const environment = await gatewayEnvironment(dialect)
    const { env, url, token } = environment
    const server = await serveProcess(environment)
    let done = false
    const answers: number[] = []
    const load = async (client: number): Promise<void> => {
      for (let count = 0; !done; count++) {
        answers.push(await createUser(url, token, `user-${client}-${count}@example.com`))
        answers.push(await statusOf(url, token))
      }
    }
    const clients = [1, 2, 3].map(load)
    const commands = [
      ...['one', 'two', 'three', 'four'].map((name) => ['connection', 'create', '--name', name]),
      ...['five', 'six'].map((name) => ['org', 'create', name]),
      ...[['migrate'], ['log', 'tail'], ['token', 'rotate'], ['connection', 'list']],
    ]
    const results = await Promise.all(commands.map((command) => runRollcallProcess(command, env)))
    done = true
    await Promise.all(clients)
    expect(results.map(({ status, stderr }) => (status === 0 ? '' : stderr))).to.deep.equal(commands.map(() => ''))
    expect(answers.length).to.be.greaterThan(20)
    expect([...new Set(answers)].sort()).to.deep.equal([200, 201])
    expect(await server.end('SIGTERM')).to.equal(0)
    expect(await askRollcall(['org', 'list'], env)).to.have.length(3)
    expect(await askRollcall(['connection', 'list'], env)).to.have.length(5)
  })
})

async function createUser(url: string, token: string, userName: string): Promise<number> {
  const answer = await fetch(`${url}/scim/v2/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName }),
  })
  await answer.arrayBuffer()
  return answer.status
}
