import type { Answer, ScimClient } from '../support/scim-client.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

/** A body for POST /Users. */
export function person(userName: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { schemas: [USER], userName, active: true, ...more }
}

/** A body for POST /Groups. */
export function team(displayName: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { schemas: [GROUP], displayName, ...more }
}

/** The id of a resource that must have been made. */
export function madeId({ status, text, body }: Answer): string {
  if (status !== 201) throw new Error(`201 was expected, not ${status}: ${text}`)
  return body['id'] as string
}

export async function makePeople(client: ScimClient, prefix: string, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}@example.com`)
  return (await Promise.all(names.map((name) => client.post('/Users', person(name))))).map(madeId)
}

/** The version in an answer's ETag, `W/"7"` being 7 (RFC 7644 §3.14). */
export function versionOf(answer: Answer): number {
  const version = /^W\/"(\d+)"$/.exec(answer.headers['etag'] ?? '')?.[1]
  if (version === undefined) throw new Error(`An ETag was expected: ${answer.status} ${answer.text}`)
  return Number(version)
}

export const add = (id: string): object => ({ op: 'add', path: 'members', value: [{ value: id }] })
export const removal = (id: string): object => ({ op: 'remove', path: `members[value eq "${id}"]` })
export const activation = (active: boolean): object => ({ op: 'replace', path: 'active', value: active })

/** Member ids of a group, sorted. */
export async function membersOf(client: ScimClient, group: string): Promise<readonly string[]> {
  const { body } = await client.get(`/Groups/${group}`)
  return ((body['members'] ?? []) as { value: string }[]).map(({ value }) => value).sort()
}

/** How many answers have each status. */
export function statusCounts(answers: readonly Answer[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
