import { resourcesOf, textOf, DemoError, type DemoClient, type Resource } from './client.ts'
import { DEMO_TEAM, DEMO_USER, type ExpectedState } from './plan.ts'

const PAGE_SIZE = 100

/** What the gateway holds beside what it should: a sentence for each difference, none when all is well. */
export interface Verification {
  readonly mismatches: readonly string[]
  /** People and groups that are not the demo's; they are left alone and not compared. */
  readonly others: { readonly people: number; readonly groups: number }
}

/**
 * Lists all people and groups page by page (RFC 7644 §3.4.2.4) and compares those of the demo with the expected state,
 * in both directions.
 * @throws DemoError when a page is not what its envelope says.
 */
export async function verifyState(client: DemoClient, expected: ExpectedState): Promise<Verification> {
  const users = await listAll(client, '/Users')
  const groups = await listAll(client, '/Groups')
  const nameOf = new Map(users.map((user) => [textOf(user, 'id'), textOf(user, 'userName')]))
  const ourUsers = users.filter((user) => DEMO_USER.test(textOf(user, 'userName')))
  const ourGroups = groups.filter((group) => DEMO_TEAM.test(textOf(group, 'displayName')))
  return {
    mismatches: [...compareUsers(ourUsers, expected), ...compareGroups(ourGroups, expected, nameOf)],
    others: { people: users.length - ourUsers.length, groups: groups.length - ourGroups.length },
  }
}

async function listAll(client: DemoClient, path: string): Promise<Resource[]> {
  const found: Resource[] = []
  const seen = new Set<string>()
  for (;;) {
    const query = { startIndex: found.length + 1, count: PAGE_SIZE }
    const page = await client.send({ method: 'GET', path, query, expect: [200] })
    const total = page['totalResults']
    const resources = resourcesOf(page)
    if (typeof total !== 'number') throw new DemoError(`GET ${path}: totalResults is no number: ${String(total)}`)
    for (const resource of resources) {
      const id = textOf(resource, 'id')
      if (seen.has(id)) throw new DemoError(`GET ${path}: ${id} came on two pages`)
      seen.add(id)
      found.push(resource)
    }
    if (found.length >= total) return found
    if (resources.length === 0) {
      throw new DemoError(`GET ${path}: totalResults is ${total}, but after ${found.length} an empty page came`)
    }
  }
}

function compareUsers(users: readonly Resource[], expected: ExpectedState): string[] {
  const actual = new Map(users.map((user) => [textOf(user, 'userName'), user['active']]))
  const wanted = new Set(expected.users.map((user) => user.userName))
  return [
    ...expected.users.flatMap(({ userName, active }) => {
      if (!actual.has(userName)) return [`user ${userName} is missing`]
      const got = actual.get(userName)
      return got === active ? [] : [`user ${userName}: active is ${String(got)}, pushed was ${String(active)}`]
    }),
    ...[...actual.keys()].filter((userName) => !wanted.has(userName)).map((name) => `user ${name} was not pushed`),
  ]
}

function compareGroups(
  groups: readonly Resource[],
  expected: ExpectedState,
  nameOf: ReadonlyMap<string, string>,
): string[] {
  const actual = new Map(groups.map((group) => [textOf(group, 'displayName'), membersOf(group, nameOf)]))
  const wanted = new Set(expected.groups.map((group) => group.displayName))
  return [
    ...expected.groups.flatMap(({ displayName, members }) => {
      const got = actual.get(displayName)
      return got === undefined ? [`group ${displayName} is missing`] : compareMembers(displayName, got, members)
    }),
    ...[...actual.keys()].filter((name) => !wanted.has(name)).map((name) => `group ${name} was not pushed`),
  ]
}

function compareMembers(group: string, got: readonly string[], wanted: readonly string[]): string[] {
  const difference = (left: readonly string[], right: readonly string[]): string[] =>
    left.filter((name) => !right.includes(name))
  return [
    ...difference(wanted, got).map((name) => `group ${group}: member ${name} is missing`),
    ...difference(got, wanted).map((name) => `group ${group}: member ${name} was not pushed`),
    ...(new Set(got).size === got.length ? [] : [`group ${group}: a member is listed twice`]),
  ]
}

function membersOf(group: Resource, nameOf: ReadonlyMap<string, string>): string[] {
  const members = group['members']
  if (!Array.isArray(members)) return []
  return (members as Resource[]).map((member) => {
    const id = textOf(member, 'value')
    return nameOf.get(id) ?? id
  })
}
