import { expect } from 'chai'
import fc from 'fast-check'
import { forEachDialect } from '../../support/databases.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { type Answer, makeGroup, makeUsers, type ScimClient } from './scim-client.ts'

const PEOPLE = 7

/** One operation as a client sends it, and what it makes of the members by the meaning of RFC 7644 §3.5.2. */
interface Operation {
  readonly sent: (ids: readonly string[]) => object
  readonly apply: (members: ReadonlySet<number>) => ReadonlySet<number>
}

type People = readonly number[]

const plus = (some: People) => (members: ReadonlySet<number>) => new Set([...members, ...some])
const minus = (some: People) => (members: ReadonlySet<number>) =>
  new Set([...members].filter((member) => !some.includes(member)))
const only = (some: People) => () => new Set(some)

const okta = (ids: readonly string[], some: People) =>
  some.map((person) => ({ value: ids[person], display: `person ${person}` }))
const entra = (ids: readonly string[], some: People) => some.map((person) => ({ $ref: null, value: ids[person] }))
const either = (ids: readonly string[], some: People) => some.map((person) => `value eq "${ids[person]}"`).join(' or ')

/** The forms of Okta, Entra ID in both of its ways, and authentik. */
const FORMS: readonly ((some: People) => Operation)[] = [
  (some) => ({ sent: (ids) => ({ op: 'add', path: 'members', value: okta(ids, some) }), apply: plus(some) }),
  (some) => ({ sent: (ids) => ({ op: 'Add', path: 'members', value: entra(ids, some) }), apply: plus(some) }),
  (some) => ({
    sent: (ids) => ({ op: 'Add', path: 'members', value: entra(ids, some)[0] }),
    apply: plus(some.slice(0, 1)),
  }),
  (some) => ({ sent: (ids) => ({ op: 'add', value: { members: okta(ids, some) } }), apply: plus(some) }),
  (some) => ({ sent: (ids) => ({ op: 'remove', path: `members[${either(ids, some)}]` }), apply: minus(some) }),
  (some) => ({ sent: (ids) => ({ op: 'Remove', path: 'members', value: entra(ids, some) }), apply: minus(some) }),
  (some) => ({ sent: (ids) => ({ op: 'remove', path: 'members', value: okta(ids, some) }), apply: minus(some) }),
  (some) => ({ sent: (ids) => ({ op: 'replace', path: 'members', value: okta(ids, some) }), apply: only(some) }),
  (some) => ({ sent: (ids) => ({ op: 'Replace', value: { members: entra(ids, some) } }), apply: only(some) }),
  () => ({ sent: () => ({ op: 'remove', path: 'members' }), apply: only([]) }),
]

const people = fc.uniqueArray(fc.nat({ max: PEOPLE - 1 }), { minLength: 1, maxLength: 4 })
const operation = fc.tuple(fc.constantFrom(...FORMS), people).map(([form, some]) => form(some))
const request = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  /** Whether an operation that must fail comes last, which undoes the others. */
  spoilt: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
})

const NOBODY = { op: 'add', path: 'members', value: [{ value: '00000000-0000-7000-8000-000000000000' }] }

forEachDialect('PATCH of the members of a group, beside a reference set', (dialect) => {
  let gateway: Gateway
  let client: ScimClient
  let ids: readonly string[]

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = gateway.client()
    ids = await makeUsers(client, PEOPLE)
  })
  after(async () => {
    client.close()
    await gateway.close()
  })

  const membersOf = (answer: Answer): readonly string[] =>
    ((answer.json['members'] ?? []) as { value: string }[]).map(({ value }) => value)
  const idsOf = (members: ReadonlySet<number>): readonly string[] => [...members].map((person) => ids[person]!)

  it('leaves exactly those whom the operations leave, whoever sends them, or nothing changed at all (S18)', async function () {
    this.timeout(170_000)
    await fc.assert(
      fc.asyncProperty(people, fc.array(request, { minLength: 1, maxLength: 6 }), async (first, requests) => {
        const group = await makeGroup(client, idsOf(new Set(first)))
        let members: ReadonlySet<number> = new Set(first)
        let etag = (await client.get(`/Groups/${group}`)).headers.etag
        for (const { operations, spoilt } of requests) {
          const sent = [...operations.map((each) => each.sent(ids)), ...(spoilt ? [NOBODY] : [])]
          const answer = await client.patch(`/Groups/${group}`, sent)
          expect(answer.status, answer.text).to.equal(spoilt ? 400 : 200)
          const steps = spoilt ? [] : operations
          const states = steps.reduce((all, { apply }) => [...all, apply(all.at(-1)!)], [members])
          const before = members
          members = states.at(-1)!
          const read = await client.get(`/Groups/${group}`)
          expect([...membersOf(read)].sort()).to.deep.equal([...idsOf(members)].sort())
          if (!spoilt) expect(membersOf(answer)).to.have.members(membersOf(read))
          const same = (state: ReadonlySet<number>) =>
            state.size === before.size && minus([...before])(state).size === 0
          // What goes and comes back within one request may count as a change or not; nothing else may.
          if (states.every(same)) expect(read.headers.etag).to.equal(etag)
          if (!same(members)) expect(read.headers.etag).to.not.equal(etag)
          etag = read.headers.etag
        }
        for (const [person, id] of ids.entries()) {
          const { json } = await client.get(`/Users/${id}?attributes=groups`)
          const listed = ((json['groups'] ?? []) as { value: string }[]).some(({ value }) => value === group)
          expect(listed, `person ${person}`).to.equal(members.has(person))
        }
        await client.delete(`/Groups/${group}`)
      }),
      { numRuns: 40 },
    )
  })
})
