import { expect } from 'chai'
import fc from 'fast-check'
import { DomainError } from '../../../src/domain/errors.ts'
import { ENTERPRISE_URN, USER_URN } from '../../../src/domain/schema-urns.ts'
import type { UserState } from '../../../src/domain/user.ts'
import { readPatchOp } from '../../../src/scim/patch/envelope.ts'
import { planUserPatch } from '../../../src/scim/patch/plan-user.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readUserBody, settleAttributes, toNewUser } from '../../../src/scim/schema/normalise.ts'

const view = baseView('User')
const RUNS = { numRuns: 300 }

const word = fc.constantFrom('a', 'b', 'Work', 'work', 'home', 'x@example.com', 'true', '')
const flag = fc.constantFrom<unknown>(true, false, 'True', 'false')
const email = fc.record({ value: word, type: word, primary: flag, display: word }, { requiredKeys: [] })
const body = fc.record(
  {
    userName: fc.constantFrom('ann', 'bob'),
    title: word,
    active: fc.boolean(),
    externalId: fc.constantFrom('x1', 'x2', null),
    name: fc.record({ givenName: word, familyName: word }, { requiredKeys: [] }),
    emails: fc.array(email, { maxLength: 4 }),
    roles: fc.array(fc.record({ value: word, primary: flag }, { requiredKeys: [] }), { maxLength: 3 }),
    [ENTERPRISE_URN]: fc.record({ department: word, manager: word }, { requiredKeys: [] }),
  },
  { requiredKeys: ['userName'] },
)
const state = body.map((each): UserState => {
  const { attributes, active, externalId } = toNewUser(readUserBody(each, view))
  return { attributes, active, externalId }
})

const path = fc.constantFrom(
  'title',
  'TITLE',
  'active',
  'externalId',
  'userName',
  'name',
  'name.givenName',
  `${USER_URN}:name.familyName`,
  'emails',
  'emails.value',
  'emails[type eq "work"]',
  'emails[type eq "work"].value',
  'emails[type eq "work" and primary eq true].value',
  'emails[value ew "example.com"].display',
  'emails[primary eq "True"].type',
  'emails[not (type eq "home")].primary',
  'roles[primary eq "True"].value',
  'roles',
  `${ENTERPRISE_URN}:department`,
  `${ENTERPRISE_URN}:manager`,
  `${ENTERPRISE_URN}:manager.value`,
  ENTERPRISE_URN,
  'groups',
  'wingspan',
  '__proto__.polluted',
  'constructor',
  'emails[type eq ].value',
)
const value = fc.oneof(
  word,
  flag,
  email,
  fc.array(email, { maxLength: 3 }),
  fc.constantFrom<unknown>(null, [], {}, 7),
  fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text)),
  fc.dictionary(fc.oneof(path, fc.constant('__proto__')), fc.oneof(word, email)),
)
const operation = fc.record({ op: fc.constantFrom('add', 'Replace', 'remove'), path, value }, { requiredKeys: ['op'] })
const operations = fc.array(operation, { minLength: 1, maxLength: 5 })

/** The outcome of a PATCH: a state, or the code of a refusal. Any other error fails the property. */
function outcome(current: UserState, list: readonly unknown[]): UserState | string {
  try {
    return planUserPatch(readPatchOp({ Operations: list }), view)(current)
  } catch (error) {
    if (error instanceof DomainError) return error.code
    throw error
  }
}

describe('PATCH of a user, over generated states and operations', () => {
  it('never touches its argument, nor Object.prototype, whatever comes (RFC 7644 §3.5.2: atomic)', () => {
    const prototype = Object.getOwnPropertyNames(Object.prototype).sort()
    fc.assert(
      fc.property(state, operations, (current, list) => {
        const copy = structuredClone(current)
        outcome(current, list)
        expect(current).to.deep.equal(copy)
        expect(Object.getOwnPropertyNames(Object.prototype).sort()).to.deep.equal(prototype)
      }),
      RUNS,
    )
  })

  it('ends in a state that reads back as itself, with one primary at most (RFC 7643 §2.4)', () => {
    fc.assert(
      fc.property(state, operations, (current, list) => {
        const next = outcome(current, list)
        if (typeof next === 'string') return
        expect(settleAttributes(next.attributes, view)).to.deep.equal(next.attributes)
        expect(next.attributes.userName.trim()).to.not.equal('')
        expect(next.active).to.be.a('boolean')
        expect(JSON.stringify(next)).to.not.include('null')
        for (const name of ['emails', 'roles']) {
          const elements = (next.attributes[name] ?? []) as readonly { primary?: boolean }[]
          expect(elements.filter(({ primary }) => primary === true).length).to.be.at.most(1)
        }
      }),
      RUNS,
    )
  })

  it('changes nothing more when one add or replace is sent twice', () => {
    // Values that contradict the filter of their own path, or keys that undo each other, are another matter.
    const contradicts = (text: string) => text.includes('[') && /"(type|primary)\\*":/.test(text)
    const keysOf = (each: unknown) => (typeof each === 'object' && each !== null ? Object.keys(each).length : 0)
    const once = operation
      .filter(({ op, path: at, value: given }) => op !== 'remove' && (at !== undefined || keysOf(given) < 2))
      .filter((each) => !contradicts(JSON.stringify(each)))
    fc.assert(
      fc.property(state, once, (current, each) => {
        const first = outcome(current, [each])
        if (typeof first === 'string') return
        expect(outcome(first, [each])).to.deep.equal(first)
      }),
      RUNS,
    )
  })

  it('reads any JSON body to a settled user or a refusal', () => {
    const anyBody = fc.oneof(
      body,
      fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text)),
    )
    fc.assert(
      fc.property(anyBody, (each) => {
        try {
          const read = readUserBody(each, view)
          expect(settleAttributes(read.attributes, view)).to.deep.equal(read.attributes)
        } catch (error) {
          if (!(error instanceof DomainError)) throw error
        }
      }),
      RUNS,
    )
  })
})
