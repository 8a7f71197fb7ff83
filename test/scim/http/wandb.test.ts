import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { type Answer, fresh, GROUP, idOf, makeUser, type ScimClient } from './scim-client.ts'

interface Transcript {
  readonly headers: Readonly<Record<string, string>>
  readonly requests: readonly {
    readonly method: string
    readonly path: string
    readonly body?: unknown
    readonly status: number
  }[]
}

function transcript(name: string): Transcript {
  const file = new URL(`../../fixtures/wandb/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Transcript
}

forEachDialect("the requests of W&B's public client, replayed", (dialect) => {
  let gateway: Gateway
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = (await gateway.connect({ kind: 'script', mayGrantAdmin: true })).at('/api/scim')
    await makeUser(client, { organizationRole: 'admin' })
  })
  after(async () => {
    expect(gateway.failures).to.deep.equal([])
    client.close()
    await gateway.close()
  })

  /** Sends every request in order; the id is that of the first answer. */
  async function replay(name: string, values: Readonly<Record<string, string>>): Promise<readonly Answer[]> {
    const { headers, requests } = transcript(name)
    const answers: Answer[] = []
    for (const { method, path, body, status } of requests) {
      const all = { ...values, id: answers[0] === undefined ? '' : idOf(answers[0]) }
      const filled = (text: string): string =>
        text.replace(/\{(id|team|member|other)\}/g, (_, key: string) => all[key as 'id'])
      const call = body === undefined ? { headers } : { headers, body: filled(JSON.stringify(body)) }
      const answer = await client.send(method, client.mount + filled(path), call)
      expect(answer.status, `${method} ${path}: ${answer.text}`).to.equal(status)
      // The client reads JSON from every answer but that of DELETE, and takes 204 to a PATCH for a failure.
      if (method !== 'DELETE') expect(answer.json, `${method} ${path}`).to.have.property('schemas')
      answers.push(answer)
    }
    return answers
  }

  it('makes, finds, promotes, deactivates, activates and deletes a user (wandb-scim/users.py)', async () => {
    const team = fresh('team')
    await client.post('/Groups', { schemas: [GROUP], displayName: team })
    const answers = await replay('users', { team })
    expect(answers[3]?.json).to.include({ totalResults: 1 })
    expect(answers[4]?.json['organizationRole']).to.equal('admin')
    expect(answers[5]?.json['teamRoles']).to.deep.equal([{ teamName: team, roleName: 'admin' }])
    expect(answers[6]?.json['registryRoles']).to.deep.equal([{ registryName: 'hello-registry', roleName: 'admin' }])
    expect(answers[7]?.json).to.not.have.property('registryRoles')
    expect(answers[8]?.json['active']).to.equal(false)
    expect(answers[9]?.json).to.include({ active: true, organizationRole: 'admin' })
    expect(answers[9]?.json['teamRoles']).to.deep.equal([{ teamName: team, roleName: 'admin' }])
  })

  it('makes a team, and adds, removes and removes all of its members (wandb-scim/teams.py)', async () => {
    const [member, other] = [(await makeUser(client)).id, (await makeUser(client)).id]
    const answers = await replay('teams', { member, other })
    const members = answers.map(({ json }) =>
      ((json['members'] ?? []) as { value: string }[]).map(({ value }) => value),
    )
    expect(members[3]).to.have.members([member, other])
    expect(members[4]).to.deep.equal([other])
    expect(members[5]).to.deep.equal([])
  })
})
