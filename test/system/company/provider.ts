import { setTimeout as pause } from 'node:timers/promises'
import type { JsonObject } from '../../../src/domain/json.ts'
import { type Answer, type Call, ScimClient } from '../../support/scim-client.ts'
import type { Idp, Person, Team } from './plan.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** How long a provider goes on asking a gateway that does not answer, milliseconds. */
const PATIENCE_MS = 60_000
/** Members in one PATCH: Entra sends no more. */
const MEMBERS_PER_PATCH = 20

/**
 * An identity provider that pushes in its own forms, asks again when no answer comes or a 503 does, and now and then
 * repeats what was answered, as if the answer had been lost.
 */
export class Provider {
  readonly #idp: Idp
  readonly #client: ScimClient
  readonly #random: () => number

  constructor(idp: Idp, base: string, token: string, random: () => number) {
    this.#idp = idp
    this.#client = new ScimClient(base, token)
    this.#random = random
  }

  close(): void {
    this.#client.close()
  }

  async join(person: Person): Promise<void> {
    const body = {
      schemas: [USER],
      userName: person.userName,
      externalId: person.externalId,
      active: true,
      displayName: person.userName,
      emails: [{ primary: true, type: 'work', value: person.userName }],
    }
    const answer = await this.#send('/Users', { method: 'POST', body }, [201, 409])
    person.id = answer.status === 201 ? idOf(answer.body) : await this.#find('/Users', person.externalId)
  }

  async setActive(person: Person, active: boolean): Promise<void> {
    const operation =
      this.#idp === 'okta'
        ? { op: 'replace', value: { active } }
        : { op: 'Replace', path: 'active', value: active ? 'True' : 'False' }
    await this.#patch(`/Users/${person.id}`, [operation])
    person.active = active
  }

  async remove(person: Person): Promise<void> {
    await this.#send(`/Users/${person.id}`, { method: 'DELETE' }, [204, 404])
  }

  async createTeam(team: Team): Promise<void> {
    const body = { schemas: [GROUP], displayName: team.displayName, externalId: team.externalId, members: [] }
    const answer = await this.#send('/Groups', { method: 'POST', body }, [201, 409])
    team.id = answer.status === 201 ? idOf(answer.body) : await this.#find('/Groups', team.externalId)
    await this.add(team, [...team.members])
  }

  async deleteTeam(team: Team): Promise<void> {
    await this.#send(`/Groups/${team.id}`, { method: 'DELETE' }, [204, 404])
  }

  async rename(team: Team, displayName: string): Promise<void> {
    const operation =
      this.#idp === 'okta'
        ? { op: 'replace', value: { id: team.id, displayName } }
        : { op: 'Replace', path: 'displayName', value: displayName }
    await this.#patch(`/Groups/${team.id}`, [operation])
    team.displayName = displayName
  }

  async add(team: Team, people: readonly Person[]): Promise<void> {
    for (let at = 0; at < people.length; at += MEMBERS_PER_PATCH) {
      const value = people.slice(at, at + MEMBERS_PER_PATCH).map(({ id }) => ({ value: id }))
      await this.#patch(`/Groups/${team.id}`, [{ op: this.#idp === 'okta' ? 'add' : 'Add', path: 'members', value }])
    }
    for (const person of people) team.members.add(person)
  }

  async take(team: Team, person: Person): Promise<void> {
    const operation =
      this.#idp === 'okta'
        ? { op: 'remove', path: `members[value eq "${person.id}"]` }
        : { op: 'Remove', path: 'members', value: [{ value: person.id }] }
    await this.#patch(`/Groups/${team.id}`, [operation])
    team.members.delete(person)
  }

  async #patch(path: string, operations: readonly JsonObject[]): Promise<void> {
    const body = { schemas: [PATCH_OP], Operations: operations }
    await this.#send(path, { method: 'PATCH', body }, [200, 204])
  }

  async #find(path: string, externalId: string): Promise<string> {
    const filter = encodeURIComponent(`externalId eq "${externalId}"`)
    const { body } = await this.#send(`${path}?filter=${filter}`, {}, [200])
    const [found] = body['Resources'] as readonly JsonObject[]
    if (found === undefined) throw new Error(`${path} has nothing with the externalId ${externalId}`)
    return idOf(found)
  }

  async #send(path: string, call: Call, expected: readonly number[]): Promise<Answer> {
    const answer = await this.#persist(path, call, expected)
    if (call.method === undefined || this.#random() > 0.05) return answer
    const again = await this.#persist(path, call, expected)
    return call.method === 'POST' ? answer : again
  }

  async #persist(path: string, call: Call, expected: readonly number[]): Promise<Answer> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const answer = await this.#client.call(path, call).catch((error: unknown) => {
        if (Date.now() > deadline) throw error
        return undefined
      })
      if (answer !== undefined && expected.includes(answer.status)) return answer
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${call.method ?? 'GET'} ${path} answered ${answer.status}: ${answer.text}`)
      }
      if (Date.now() > deadline) throw new Error(`${path} was not answered in ${PATIENCE_MS} ms`)
      await pause(25)
    }
  }
}

/** The id of a resource. */
export function idOf({ id }: JsonObject): string {
  if (typeof id !== 'string') throw new Error('A resource without an id')
  return id
}

/** Runs work on each of a list, so many at a time. */
export async function inParallel<T>(list: readonly T[], most: number, work: (one: T) => Promise<void>): Promise<void> {
  const left = [...list]
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one)
  }
  await Promise.all(Array.from({ length: most }, worker))
}
