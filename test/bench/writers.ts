import { newId } from '../../src/domain/ids.ts'
import type { Server } from './servers.ts'

/** Orgs beside the directory's own, each with one connection that writes into it. */
const WRITERS = 16

/**
 * Makes organisations with a connection each, over the admin API.
 * @param adminKey of an operator
 * @returns the connections' tokens
 */
export async function makeWriters(server: Pick<Server, 'port'>, adminKey: string): Promise<readonly string[]> {
  const post = async (key: string, path: string, body: object): Promise<Readonly<Record<string, string>>> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': newId(Date.now()),
      },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (answer.status !== 201) throw new Error(`POST ${path} was answered by ${answer.status}: ${text}`)
    return JSON.parse(text) as Readonly<Record<string, string>>
  }
  const tokens: string[] = []
  for (let n = 0; n < WRITERS; n++) {
    const { adminKey: own } = await post(adminKey, '/orgs', { name: `writer-${n}` })
    const { token } = await post(own!, '/connections', { name: 'idp', kind: 'idp' })
    tokens.push(token!)
  }
  return tokens
}
